//! [`Life`]: what tells a process that is slow from one that is frozen.
//!
//! A lock belongs to a session, and the session of a frozen process stays open: the kernel goes on
//! answering for it. So every process that holds locks shows from time to time, through another
//! connection, that it is alive. Whoever finds a lock taken ends the session that holds it, if the
//! server has waited for that session's client for long, and its process has shown nothing
//! meanwhile. Whatever the frozen process does after that fails, as after a broken connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use chrono::TimeDelta;
use deadpool_postgres::Pool;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use crate::connect::Store;
use crate::error::{StoreError, failed};

/// How long a process may be silent before somebody who needs its lock ends its session.
pub const MAX_SILENCE: Duration = Duration::from_secs(45);

/// How often a process shows that it is alive within the time that it may be silent.
const SIGNS: u32 = 4;

const SHOW: &str = "
    INSERT INTO api.signs_of_life (pid, seen_at)
    SELECT pid, clock_timestamp() FROM unnest($1::int[]) AS held (pid)
    ON CONFLICT (pid) DO UPDATE SET seen_at = excluded.seen_at";

/// Ends those of these sessions whose processes are silent. `$1` is the longest silence in seconds.
/// A session that works, or that waits for a lock itself, is none of them.
macro_rules! end_silent {
    ($sessions:literal) => {
        concat!(
            "SELECT pg_terminate_backend(a.pid)
             FROM pg_stat_activity a
             LEFT JOIN api.signs_of_life s ON s.pid = a.pid
             WHERE a.usename = current_user AND a.application_name = 'mds-etl' AND a.wait_event_type = 'Client'
               AND a.state_change < clock_timestamp() - make_interval(secs => $1)
               AND coalesce(s.seen_at < clock_timestamp() - make_interval(secs => $1), true)
               AND a.pid IN (",
            $sessions,
            ")"
        )
    };
}

/// The sessions that `$2` wait for.
const END_BLOCKERS: &str = end_silent!(
    "SELECT blocker FROM unnest($2::int[]) AS waiting (pid), unnest(pg_blocking_pids(waiting.pid)) AS blocker"
);

/// The session that holds the advisory lock `$2`.
const END_HOLDER: &str = end_silent!(
    "SELECT pid FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid::bigint = $2::bigint >> 32
       AND objid::bigint = $2::bigint & 4294967295
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
);

/// The session that holds the advisory lock of the space `$2` and the name `$3`.
const END_NAMED_HOLDER: &str = end_silent!(
    "SELECT pid FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid::bigint = $2
       AND objid::bigint = hashtext($3)::bigint & 4294967295
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
);

/// Rows that another process is writing are left alone.
const PRUNE: &str = "
    DELETE FROM api.signs_of_life WHERE pid IN (
        SELECT pid FROM api.signs_of_life
        WHERE seen_at < clock_timestamp() - $1::bigint * interval '1 second'
        FOR UPDATE SKIP LOCKED
    )";

impl Store {
    /// Deletes the signs of processes that have been silent for longer than `silence`, which must
    /// be much longer than any process may be silent. Returns how many there were.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`], [`StoreError::Refused`].
    pub async fn prune_signs_of_life(&self, silence: TimeDelta) -> Result<u64, StoreError> {
        let client = self.client().await?;
        client
            .execute(PRUNE, &[&silence.num_seconds()])
            .await
            .map_err(failed("deleting signs of processes that have ended"))
    }
}

/// The sessions of this process that hold locks, or wait for them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Life(Arc<Shared>);

struct Shared {
    pool: Pool,
    max_silence: Duration,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    /// Since when, by the pid of the server's process.
    sessions: BTreeMap<i32, Instant>,
    task: Option<AbortHandle>,
}

impl Life {
    pub(crate) fn new(pool: Pool, max_silence: Duration) -> Self {
        Self(Arc::new(Shared {
            pool,
            max_silence,
            watched: Mutex::default(),
        }))
    }

    /// Shows for the session that this process is alive, until the result is dropped.
    pub(crate) fn of_session(&self, pid: i32) -> ShownLife {
        let mut watched = self.0.watched();
        watched.sessions.insert(pid, Instant::now());
        if watched.task.is_none() {
            let task = tokio::spawn(show(Arc::downgrade(&self.0), self.0.interval()));
            watched.task = Some(task.abort_handle());
        }
        ShownLife {
            pid,
            shared: Arc::clone(&self.0),
        }
    }

    /// Ends the session that holds a lock if its process is silent. The lock is free a moment
    /// later.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub(crate) async fn end_silent_holder(
        &self,
        client: &Client,
        key: i64,
    ) -> Result<(), StoreError> {
        self.0.end(client, END_HOLDER, &[&key]).await
    }

    /// Like [`end_silent_holder`](Self::end_silent_holder), for a lock by name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub(crate) async fn end_silent_named_holder(
        &self,
        client: &Client,
        space: i32,
        name: &str,
    ) -> Result<(), StoreError> {
        let space = i64::from(space);
        self.0.end(client, END_NAMED_HOLDER, &[&space, &name]).await
    }
}

/// A session for which this process shows that it is alive.
pub(crate) struct ShownLife {
    pid: i32,
    shared: Arc<Shared>,
}

impl Drop for ShownLife {
    fn drop(&mut self) {
        self.shared.watched().sessions.remove(&self.pid);
    }
}

impl Shared {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn interval(&self) -> Duration {
        self.max_silence / SIGNS
    }

    /// The sessions that have been watched for a while: most locks are held for a moment. `None`
    /// ends the task, since there are no sessions at all.
    fn to_show(&self) -> Option<Vec<i32>> {
        let mut watched = self.watched();
        if watched.sessions.is_empty() {
            watched.task = None;
            return None;
        }
        let is_old = |since: &Instant| since.elapsed() >= self.interval() / 2;
        let old = watched.sessions.iter().filter(|(_, since)| is_old(since));
        Some(old.map(|(pid, _)| *pid).collect())
    }

    async fn show(&self, sessions: &[i32]) -> Result<(), StoreError> {
        let unavailable = |why: String| StoreError::unavailable("showing that it is alive", why);
        let client = self.pool.get().await;
        let client = client.map_err(|error| unavailable(error.to_string()))?;
        client
            .execute(SHOW, &[&sessions])
            .await
            .map_err(failed("showing that this process is alive"))?;
        self.end(&client, END_BLOCKERS, &[&sessions]).await
    }

    async fn end(
        &self,
        client: &Client,
        statement: &str,
        which: &[&(dyn ToSql + Sync)],
    ) -> Result<(), StoreError> {
        let seconds = self.max_silence.as_secs_f64();
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&seconds];
        parameters.extend(which);
        let ended = client
            .query(statement, &parameters)
            .await
            .map_err(failed("looking whether the holder of a lock is alive"))?;
        if !ended.is_empty() {
            tracing::warn!(
                sessions.ended = ended.len(),
                "session of a silent process ended, which held a lock"
            );
        }
        Ok(())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(task) = self.watched().task.take() {
            task.abort();
        }
    }
}

/// Shows now and then that this process is alive, as long as it holds locks. Nobody is in the way
/// of one whose locks are held by a silent process either: it ends that process's session.
async fn show(shared: Weak<Shared>, interval: Duration) {
    loop {
        sleep(interval).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let Some(sessions) = shared.to_show() else {
            return;
        };
        if sessions.is_empty() {
            continue;
        }
        // A failure shows in the work itself. Only somebody who waits for these locks could end the
        // sessions of a process that cannot reach the database.
        let _ = timeout(2 * interval, shared.show(&sessions)).await;
    }
}
