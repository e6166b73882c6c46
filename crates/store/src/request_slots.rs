//! [`RequestSlots`]: how many requests to a provider run at once, over all processes.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep, timeout};
use trips::block::ProviderName;

use crate::connect::Store;
use crate::error::{Busy, StoreError, failed};
use crate::life::MAX_SILENCE;
use crate::lock_session::{REQUESTS_SPACE, limit_silence};
use crate::schedule::get;

/// How often a process looks whether another one has freed a slot.
const POLL: Duration = Duration::from_millis(250);
/// How often the session of the slots shows that its process is alive: the server ends it
/// otherwise.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);
/// How long to wait until the slots of finished requests are free.
const FREE_LIMIT: Duration = Duration::from_millis(500);

/// The one of these locks that is free. The function is called once for each number until it
/// returns true.
const TAKE: &str = "
    SELECT number FROM unnest($1::int[]) AS number
    WHERE pg_try_advisory_lock($2, hashtext($3 || '/' || number))
    LIMIT 1";
const FREE: &str = "SELECT pg_advisory_unlock($1, hashtext($2 || '/' || $3::int))";

/// The slots for requests that this process holds. Cheap to clone; all clones share them.
///
/// A slot is an advisory lock, numbered from 1 to the provider's `max_parallel`. All slots of a
/// process belong to one session of their own, beside the pool, so that neither claims nor the pool
/// wait for them. If the process ends, the database frees them.
#[derive(Clone)]
pub struct RequestSlots {
    store: Store,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    sessions: Mutex<Sessions>,
    freed: Notify,
}

#[derive(Default)]
struct Sessions {
    current: Option<ClientWrapper>,
    /// Counts the sessions: a slot of an older one is free for the database, though not for us.
    generation: u64,
    held: HashMap<(ProviderName, i32), u64>,
}

/// A slot for a request to a provider. Dropping it frees it too, a moment later.
pub struct RequestSlot {
    slot: Option<(ProviderName, i32, u64)>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for RequestSlots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestSlots").finish_non_exhaustive()
    }
}

impl Store {
    /// The slots of this process. They take one more connection once a slot is taken.
    #[must_use]
    pub fn request_slots(&self) -> RequestSlots {
        RequestSlots {
            store: self.clone(),
            shared: Arc::default(),
        }
    }
}

impl RequestSlots {
    /// Waits for one of a provider's slots.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if none is free before `deadline`; [`StoreError::Unavailable`].
    pub async fn take(
        &self,
        provider: &ProviderName,
        slots: u32,
        deadline: Option<Instant>,
    ) -> Result<RequestSlot, StoreError> {
        loop {
            if let Some(slot) = self.try_take(provider, slots).await? {
                return Ok(slot);
            }
            if deadline.is_some_and(|deadline| Instant::now() + POLL >= deadline) {
                return Err(StoreError::Busy {
                    what: Busy::Requests {
                        provider: provider.clone(),
                    },
                });
            }
            // Either a slot of this process is freed, or it is time to look at the others'.
            let _ = timeout(POLL, self.shared.freed.notified()).await;
        }
    }

    /// Closes the session of the slots if no slot is held.
    pub async fn close_idle(&self) {
        let deadline = Instant::now() + FREE_LIMIT;
        while Instant::now() < deadline {
            let mut sessions = self.shared.sessions.lock().await;
            if sessions.held.is_empty() {
                sessions.current = None;
                sessions.generation += 1;
                return;
            }
            drop(sessions);
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn try_take(
        &self,
        provider: &ProviderName,
        slots: u32,
    ) -> Result<Option<RequestSlot>, StoreError> {
        let mut sessions = self.shared.sessions.lock().await;
        let numbers: Vec<i32> = (1..=i32::try_from(slots).unwrap_or(i32::MAX))
            .filter(|number| !sessions.held.contains_key(&(provider.clone(), *number)))
            .collect();
        if numbers.is_empty() {
            return Ok(None);
        }
        self.connect(&mut sessions).await?;
        let taken = sessions
            .query_number(TAKE, &[&numbers, &REQUESTS_SPACE, &provider.as_str()])
            .await?;
        let Some(number) = taken else {
            return Ok(None);
        };
        let generation = sessions.generation;
        sessions.held.insert((provider.clone(), number), generation);
        Ok(Some(RequestSlot {
            slot: Some((provider.clone(), number, generation)),
            shared: Arc::clone(&self.shared),
        }))
    }

    /// Opens a session unless there is one that works.
    async fn connect(&self, sessions: &mut Sessions) -> Result<(), StoreError> {
        if let Some(client) = &sessions.current {
            // A server that ended an idle session is noticed here and not by the request.
            if !client.is_closed() && client.simple_query("").await.is_ok() {
                return Ok(());
            }
        }
        let client = Object::take(self.store.client().await?);
        // The server frees the slots of a process that is frozen.
        limit_silence(&client, MAX_SILENCE).await?;
        sessions.current = Some(client);
        sessions.generation += 1;
        tokio::spawn(show_life(Arc::downgrade(&self.shared), sessions.generation));
        Ok(())
    }
}

impl Sessions {
    async fn query_number(
        &mut self,
        statement: &str,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Option<i32>, StoreError> {
        let doing = "taking a slot for a request";
        let Some(client) = &self.current else {
            return Err(StoreError::unavailable(doing, "its connection is closed"));
        };
        let row = client
            .query_opt(statement, parameters)
            .await
            .map_err(failed(doing))?;
        row.map(|row| get(&row, "number")).transpose()
    }
}

/// Sends a statement from time to time, so that the server ends the session only if this process is
/// frozen.
async fn show_life(shared: Weak<Shared>, generation: u64) {
    loop {
        sleep(SIGN_OF_LIFE).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let sessions = shared.sessions.lock().await;
        if sessions.generation != generation {
            return;
        }
        if let Some(client) = &sessions.current {
            // A failure shows when the next slot is taken.
            let _ = client.simple_query("").await;
        }
    }
}

impl Shared {
    async fn free(&self, provider: ProviderName, number: i32, generation: u64) {
        let mut sessions = self.sessions.lock().await;
        if sessions.generation == generation {
            let unlocked = match &sessions.current {
                Some(client) => {
                    let key: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
                        [&REQUESTS_SPACE, &provider.as_str(), &number];
                    client.query_opt(FREE, &key).await.is_ok()
                }
                None => false,
            };
            if !unlocked {
                // The end of the session frees all its slots.
                sessions.current = None;
            }
        }
        sessions.held.remove(&(provider, number));
        self.freed.notify_one();
    }
}

impl RequestSlot {
    /// Frees the slot.
    pub async fn free(mut self) {
        if let Some((provider, number, generation)) = self.slot.take() {
            self.shared.free(provider, number, generation).await;
        }
    }
}

impl Drop for RequestSlot {
    fn drop(&mut self) {
        let Some((provider, number, generation)) = self.slot.take() else {
            return;
        };
        // Without a runtime the process is about to end, and its session with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let shared = Arc::clone(&self.shared);
            runtime.spawn(async move { shared.free(provider, number, generation).await });
        }
    }
}
