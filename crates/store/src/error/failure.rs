//! Converts the driver's errors to [`StoreError`].

use std::error::Error as StdError;
use std::fmt;
use std::io;

use tokio_postgres::Error as PgError;
use tokio_postgres::error::DbError;

use super::{Busy, StoreError};

/// The login lacks a right.
const LACKS_RIGHT: &str = "42501";

/// What is done while there is no connection yet.
pub(super) const CONNECTING: &str = "connecting";

/// An error of the database or of the connection to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFailure {
    doing: &'static str,
    /// The server that it failed at, if there is no connection to it.
    place: Option<String>,
    what: String,
    sqlstate: Option<String>,
    names: String,
}

impl DatabaseFailure {
    /// A failure that the database itself did not report.
    pub(super) fn without_sqlstate(doing: &'static str, what: String) -> Self {
        Self {
            doing,
            place: None,
            what,
            sqlstate: None,
            names: String::new(),
        }
    }

    fn new(doing: &'static str, error: &PgError) -> Self {
        let Some(db) = error.as_db_error() else {
            return Self::without_sqlstate(doing, describe_driver_error(error));
        };
        let names = [
            ("table", db.table()),
            ("column", db.column()),
            ("constraint", db.constraint()),
        ];
        Self {
            doing,
            place: None,
            what: describe(db),
            sqlstate: Some(db.code().code().to_owned()),
            names: names
                .iter()
                .filter_map(|(kind, name)| name.map(|name| format!(", {kind} {name}")))
                .collect(),
        }
    }
}

impl fmt::Display for DatabaseFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{} to {place}: {}", self.doing, self.what)?,
            None => write!(f, "{}: {}", self.doing, self.what)?,
        }
        match &self.sqlstate {
            Some(code) => write!(f, " (SQLSTATE {code}{})", self.names),
            None => Ok(()),
        }
    }
}

/// Converts an error of a statement that changes tables. Where the server's message is about names
/// and types, it is kept: such a message has no value of a row.
pub(crate) fn failed_to_change(doing: &'static str) -> impl Fn(PgError) -> StoreError + Copy {
    move |error| {
        let message = error.as_db_error().filter(|db| {
            ["0A", "2B", "42"].contains(&class(db.code().code())) && db.code().code() != LACKS_RIGHT
        });
        match message {
            Some(db) => StoreError::Database(Box::new(DatabaseFailure {
                what: db.message().to_owned(),
                ..DatabaseFailure::new(doing, &error)
            })),
            None => classify(doing, &error),
        }
    }
}

impl StoreError {
    /// The same error, which names the server if it is one of connecting.
    pub(crate) fn at(mut self, address: &str) -> Self {
        if let Self::Unavailable(failure) | Self::Refused(failure) | Self::LacksRight(failure) =
            &mut self
            && failure.doing == CONNECTING
        {
            failure.place = Some(address.to_owned());
        }
        self
    }
}

/// Converts an error of the driver. `doing` says which operation failed.
pub(crate) fn failed(doing: &'static str) -> impl Fn(PgError) -> StoreError + Copy {
    move |error| classify(doing, &error)
}

pub(crate) fn classify(doing: &'static str, error: &PgError) -> StoreError {
    let failure = Box::new(DatabaseFailure::new(doing, error));
    let Some(code) = &failure.sqlstate else {
        return match (io_cause(error), error.is_closed()) {
            (Some(cause), _) if is_tls_error(cause) => StoreError::Refused(failure),
            (Some(_), _) | (None, true) => StoreError::Unavailable(failure),
            (None, false) => StoreError::Database(failure),
        };
    };
    match (class(code), code.as_str()) {
        // Our prepared statements are those of our sessions, so another client uses the session.
        (_, "26000" | "42P05") => StoreError::SharedSession,
        (_, "55P03") => StoreError::Busy { what: Busy::Rows },
        ("08" | "40" | "53" | "57" | "58" | "72", _) | (_, "25006" | "25P03" | "25P04") => {
            StoreError::Unavailable(failure)
        }
        ("28" | "3D", _) => StoreError::Refused(failure),
        (_, LACKS_RIGHT) => StoreError::LacksRight(failure),
        ("3F", _) | (_, "42P01" | "42703" | "42P10" | "42883" | "42704") => {
            StoreError::NotMigrated(failure)
        }
        _ => StoreError::Database(failure),
    }
}

/// Converts an error of connecting. Before there is a connection an error can't contain values of
/// rows, so its cause is kept in full.
///
/// An error that the database did not report and that is not an I/O error comes from TLS or the
/// login.
pub(crate) fn classify_connect(error: &PgError) -> StoreError {
    match (error.as_db_error(), io_cause(error), error.source()) {
        (None, None, Some(cause)) => StoreError::Refused(Box::new(
            DatabaseFailure::without_sqlstate(CONNECTING, format!("{error}: {cause}")),
        )),
        _ => classify(CONNECTING, error),
    }
}

fn class(sqlstate: &str) -> &str {
    sqlstate.get(..2).unwrap_or(sqlstate)
}

/// The file of the server in which it checks rights.
const CHECKS_RIGHTS: &str = "aclchk.c";

/// What happened. The server's message is replaced, since it may contain values of rows. That of a
/// missing right is of names alone: `permission denied for table runs`. A trigger may raise the
/// same error with any text.
fn describe(db: &DbError) -> String {
    let code = db.code().code();
    if code == LACKS_RIGHT && db.file() == Some(CHECKS_RIGHTS) {
        return db.message().to_owned();
    }
    describe_sqlstate(code).to_owned()
}

fn describe_sqlstate(sqlstate: &str) -> &'static str {
    match sqlstate {
        "40P01" => "deadlock detected",
        "40001" => "could not serialize access",
        "55P03" => "a lock was not available in time",
        "57014" => "the statement was cancelled or took too long",
        "57P01" | "57P02" | "57P03" => "the server is shutting down or starting up",
        "53300" => "too many connections",
        "25006" => "the server is read-only, as during a failover",
        "25P03" => "the session idled in a transaction for too long",
        LACKS_RIGHT => "permission denied",
        "42P01" => "a table does not exist",
        "42703" => "a column does not exist",
        "42883" => "a function does not exist",
        "42704" => "a type or another object does not exist",
        "23502" => "a value is missing",
        "23503" => "a referenced row does not exist",
        "23505" => "a key exists already",
        "23514" => "a check is violated",
        _ => match class(sqlstate) {
            "08" => "the connection failed",
            "22" => "a value does not fit",
            "23" => "a constraint is violated",
            "28" => "user or password not accepted",
            "3D" => "the database does not exist",
            "3F" => "the schema does not exist",
            "42" => "the statement is not accepted",
            "53" => "the server is out of resources",
            "58" => "the server's system failed",
            "72" => "the rows are too old to be read",
            _ => "the server reports an error",
        },
    }
}

fn describe_driver_error(error: &PgError) -> String {
    match io_cause(error) {
        Some(cause) if is_untrusted(cause) => format!(
            "{error}: {cause}; if the server's certificate is signed by an authority of your own, put that into \
             DATABASE_CA"
        ),
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn io_cause(error: &PgError) -> Option<&io::Error> {
    error.source()?.downcast_ref()
}

fn is_untrusted(cause: &io::Error) -> bool {
    let tls: Option<&rustls::Error> = cause.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(
        tls,
        Some(rustls::Error::InvalidCertificate(
            rustls::CertificateError::UnknownIssuer
        ))
    )
}

/// True for an error of the TLS library, such as a certificate that is not trusted.
fn is_tls_error(cause: &io::Error) -> bool {
    matches!(cause.get_ref(), Some(inner) if inner.is::<rustls::Error>())
}

#[cfg(test)]
mod tests;
