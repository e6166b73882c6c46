//! Converts the driver's errors to [`StoreError`].

use std::error::Error as StdError;
use std::fmt;
use std::io;

use tokio_postgres::Error as PgError;
use tokio_postgres::error::{DbError, Severity};

use self::sqlstate::{LACKS_RIGHT, class};
use super::{Busy, StoreError};

mod sqlstate;

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

impl DatabaseFailure {
    /// What somebody can do about the server, if its code tells. The message ends with it.
    #[must_use]
    pub fn way_out(&self) -> Option<&'static str> {
        sqlstate::way_out(self.sqlstate.as_deref()?)
    }
}

impl fmt::Display for DatabaseFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{} to {place}: {}", self.doing, self.what)?,
            None => write!(f, "{}: {}", self.doing, self.what)?,
        }
        let Some(code) = &self.sqlstate else {
            return Ok(());
        };
        write!(f, " (SQLSTATE {code}{})", self.names)?;
        match self.way_out() {
            Some(way_out) => write!(f, "; {way_out}"),
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
/// login. One by which it ends the connection is of no statement of this program.
pub(crate) fn classify_connect(error: &PgError) -> StoreError {
    if let (None, None, Some(cause)) = (error.as_db_error(), io_cause(error), error.source()) {
        return StoreError::Refused(Box::new(DatabaseFailure::without_sqlstate(
            CONNECTING,
            format!("{error}: {cause}"),
        )));
    }
    let ending = error.as_db_error().filter(|db| ends_connection(db));
    match (classify(CONNECTING, error), ending) {
        (StoreError::Unavailable(mut failure) | StoreError::Database(mut failure), Some(db)) => {
            if let Some(text) = own_words(db) {
                failure.what = format!("{}: {text}", failure.what);
            }
            StoreError::Unavailable(failure)
        }
        (other, _) => other,
    }
}

fn ends_connection(db: &DbError) -> bool {
    matches!(
        db.parsed_severity(),
        Some(Severity::Fatal | Severity::Panic)
    )
}

/// The classes of codes by which a server ends a connection because of its own state, such as its
/// disk. Its text names files and limits, never a login, a statement or a row.
const OF_THE_SERVER: [&str; 6] = ["53", "55", "57", "58", "F0", "XX"];
/// No text of the server is longer, unless something else has written it.
const MAX_WORDS: usize = 200;

/// What the server says of its own trouble, if it can be shown. A function that raises such an
/// error, as a trigger on logins does, may say anything; its place is in the error's context.
fn own_words(db: &DbError) -> Option<String> {
    if db.where_().is_some() || !OF_THE_SERVER.contains(&class(db.code().code())) {
        return None;
    }
    let text = db.message().chars().take(MAX_WORDS);
    let on_one_line = text.map(|c| if c.is_control() { ' ' } else { c });
    Some(on_one_line.collect())
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
    sqlstate::describe(code).to_owned()
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
