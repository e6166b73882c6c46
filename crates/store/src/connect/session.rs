//! What a connection has to be: settings of its session, a server that takes writes, and a session
//! of its own.

use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

use crate::error::{StoreError, failed};

/// Settings of each session, and whether it takes writes. They are no parameters of the start of
/// the connection, because poolers refuse those that they do not know.
///
/// `statement_timeout` leaves time for the load of a big hour on a small server. The server checks
/// every 5 seconds whether the client of a running statement is still connected, so that a claim
/// does not outlive its process. A claim is idle while it waits for a provider or the portal: it
/// must not end for that, whatever the server's own limit is, and the server's keep-alives end it
/// within a minute if its machine has vanished without closing the connection. Postgres before
/// version 14 does not know all of these settings, so the statement skips unknown ones.
pub(super) const SETTINGS: &str = "
    SELECT set_config(name, value, false)
    FROM (VALUES
        ('application_name', 'mds-etl'),
        ('TimeZone', 'UTC'),
        ('default_transaction_isolation', 'read committed'),
        ('client_min_messages', 'warning'),
        ('statement_timeout', '10min'),
        ('lock_timeout', '60s'),
        ('idle_in_transaction_session_timeout', '10min'),
        ('idle_session_timeout', '0'),
        ('client_connection_check_interval', '5s'),
        ('tcp_keepalives_idle', '20'),
        ('tcp_keepalives_interval', '10'),
        ('tcp_keepalives_count', '3'),
        ('tcp_user_timeout', '60s'),
        ('jit', 'off')
    ) AS setting (name, value)
    WHERE current_setting(name, true) IS NOT NULL;
    SELECT pg_is_in_recovery()::text, current_setting('default_transaction_read_only')";

/// Fails on a server that has become read-only, so that the pool opens another connection: after a
/// failover the name of the server leads to another machine.
pub(super) const STILL_WRITABLE: &str = "SELECT 1 / (NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off')::int";

/// The same for sessions that only read.
pub(super) const STILL_THERE: &str = "SELECT 1";

/// How often a connection is asked for its session. A pooler may use several in turn.
const LOOKS: usize = 4;
const LOOK: &str = "SELECT pg_backend_pid()";
const DOING: &str = "checking the connection";

/// Why a session takes no writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadOnly {
    /// The server follows another one.
    Standby,
    /// A setting of the role, the database or the server.
    BySetting,
}

impl ReadOnly {
    pub(super) const ALL: [Self; 2] = [Self::Standby, Self::BySetting];

    /// The pool passes on a text as the error of a hook.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::BySetting => "read-only by a setting",
        }
    }
}

/// Sets the session's settings. Returns why the session takes no writes, if it does not.
pub(super) async fn prepare(client: &Client) -> Result<Option<ReadOnly>, Error> {
    let messages = client.simple_query(SETTINGS).await?;
    let row = messages.iter().rev().find_map(row);
    let is = |column, value| row.is_some_and(|row| row.get(column) == Some(value));
    Ok(if is(0, "true") {
        Some(ReadOnly::Standby)
    } else if is(1, "on") {
        Some(ReadOnly::BySetting)
    } else {
        None
    })
}

/// Refuses connections that share their sessions with others, as behind a pooler in transaction
/// mode: there, a lock would belong to nobody.
///
/// While one connection is in a transaction, such a pooler gives its session to nobody else. So a
/// connection that has had the same session before gets another one now. Only simple statements are
/// sent, because prepared ones fail behind such a pooler for another reason.
pub(super) async fn check_own_session(
    one: &Client,
    looks: Looks,
    other: &Client,
) -> Result<(), StoreError> {
    let failed = failed(DOING);
    let others = pid(other, "BEGIN; SELECT pg_backend_pid()").await;
    let after = pid(one, LOOK).await;
    other.batch_execute("ROLLBACK").await.map_err(failed)?;
    let (others, after) = (others.map_err(failed)?, after.map_err(failed)?);
    let is_own = looks.0.iter().all(|pid| *pid == after) && others != after;
    if is_own {
        Ok(())
    } else {
        Err(StoreError::SharedSession)
    }
}

/// Which sessions a connection has had.
pub(super) struct Looks([Option<String>; LOOKS]);

/// Asks a connection several times for its session.
pub(super) async fn look(client: &Client) -> Result<Looks, StoreError> {
    let mut looks = Looks(Default::default());
    for seen in &mut looks.0 {
        *seen = pid(client, LOOK).await.map_err(failed(DOING))?;
    }
    Ok(looks)
}

async fn pid(client: &Client, statement: &str) -> Result<Option<String>, Error> {
    let messages = client.simple_query(statement).await?;
    let row = messages.iter().find_map(row);
    Ok(row.and_then(|row| row.get(0)).map(str::to_owned))
}

fn row(message: &SimpleQueryMessage) -> Option<&SimpleQueryRow> {
    match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    }
}
