//! The pace of the requests to a provider over all blocks, processes and functions. It is kept in
//! the database, where each of them finds what the others do.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use mds_client::{MAX_HOLD_OFF, Pace, PaceError, ProviderConfig, Slot, WaitLimits};
use store::{HeldOff, RequestSlot, RequestSlots, Store, StoreError, Turn};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use trips::block::ProviderName;

use crate::hashing::sha256;

/// How long a process may believe that nobody was asked to wait, for a provider without a `delay`.
/// With one, every turn is reserved in the database.
const MAX_AGE: Duration = Duration::from_secs(2);

/// Keeps the pace of the requests to one provider.
#[derive(Debug)]
pub(crate) struct SharedPace {
    store: Store,
    slots: RequestSlots,
    provider: ProviderName,
    /// The hash of the addresses that the requests go to.
    address: String,
    delay: Duration,
    max_parallel: Option<u32>,
    /// When it was last read whether the provider asked for a wait, and what was read.
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    read_at: Instant,
    held_off: Option<HeldOff>,
}

impl Known {
    /// The wait that is left.
    fn left(self) -> Option<HeldOff> {
        let held_off = self.held_off?;
        let wait = held_off.wait.checked_sub(self.read_at.elapsed())?;
        Some(HeldOff { wait, ..held_off })
    }
}

impl SharedPace {
    pub(crate) fn new(
        store: &Store,
        slots: &RequestSlots,
        provider: &ProviderName,
        config: &ProviderConfig,
    ) -> Self {
        Self {
            store: store.clone(),
            slots: slots.clone(),
            provider: provider.clone(),
            address: sha256(&config.addresses().join(" ")),
            delay: config.delay,
            max_parallel: config.max_parallel,
            known: Mutex::default(),
        }
    }

    /// The wait that the provider asked for, as read within `max_age`.
    async fn held_off(&self, max_age: Duration) -> Result<Option<HeldOff>, PaceError> {
        let mut known = self.known.lock().await;
        if let Some(known) = *known
            && known.read_at.elapsed() < max_age
        {
            return Ok(known.left());
        }
        let held_off = self
            .store
            .held_off(&self.provider, &self.address)
            .await
            .map_err(failed)?;
        *known = Some(Known {
            read_at: Instant::now(),
            held_off,
        });
        Ok(held_off)
    }

    /// Waits until the wait that the provider asked for is over, if it asked for one.
    async fn wait_held_off(
        &self,
        limits: WaitLimits,
        max_age: Duration,
    ) -> Result<bool, PaceError> {
        let Some(HeldOff { until, wait }) = self.held_off(max_age).await? else {
            return Ok(false);
        };
        if wait > limits.patience || !limits.allow(wait) {
            return Err(self.too_long(until));
        }
        sleep(wait).await;
        Ok(true)
    }

    fn too_long(&self, until: DateTime<Utc>) -> PaceError {
        let provider = &self.provider;
        PaceError::HeldOff {
            until,
            remedy: Some(format!(
                "to end the wait, once the provider allows it: UPDATE api.providers SET not_before = NULL WHERE \
                 provider_name = '{provider}'"
            )),
        }
    }

    /// Waits for a turn of its own in the database.
    async fn wait_turn(&self, limits: WaitLimits) -> Result<(), PaceError> {
        loop {
            let left = limits
                .deadline
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let reserved = self
                .store
                .reserve_turn(
                    &self.provider,
                    &self.address,
                    self.delay,
                    limits.patience,
                    left,
                )
                .await
                .map_err(failed)?;
            match reserved {
                Turn::In(Duration::ZERO) => return Ok(()),
                Turn::In(wait) => sleep(wait).await,
                Turn::HeldOff(HeldOff { until, .. }) => return Err(self.too_long(until)),
                Turn::TooLate => return Err(PaceError::Crowded { key: "delay" }),
            }
            // Somebody may have been asked to wait in the meantime.
            if !self.wait_held_off(limits, Duration::ZERO).await? {
                return Ok(());
            }
        }
    }
}

impl Pace for SharedPace {
    fn enter(&self, deadline: Option<Instant>) -> BoxFuture<'_, Result<Box<dyn Slot>, PaceError>> {
        async move {
            let Some(max_parallel) = self.max_parallel else {
                return Ok(Box::new(SharedSlot(None)) as Box<dyn Slot>);
            };
            match self
                .slots
                .take(&self.provider, max_parallel, deadline)
                .await
            {
                Ok(slot) => Ok(Box::new(SharedSlot(Some(slot))) as Box<dyn Slot>),
                Err(StoreError::Busy { .. }) => Err(PaceError::Crowded {
                    key: "max_parallel",
                }),
                Err(error) => Err(failed(error)),
            }
        }
        .boxed()
    }

    fn turn(&self, limits: WaitLimits) -> BoxFuture<'_, Result<(), PaceError>> {
        async move {
            if self.delay > Duration::ZERO {
                return self.wait_turn(limits).await;
            }
            while self.wait_held_off(limits, MAX_AGE).await? {}
            Ok(())
        }
        .boxed()
    }

    fn hold_off(&self, wait: Duration) -> BoxFuture<'_, ()> {
        async move {
            let wait = wait.min(MAX_HOLD_OFF);
            let mut known = self.known.lock().await;
            let noted = self
                .store
                .hold_off(&self.provider, &self.address, wait)
                .await;
            if let Err(error) = noted {
                tracing::warn!(
                    error.message = %error,
                    "wait that a provider asked for could not be noted"
                );
            }
            let own = HeldOff {
                until: chrono::Utc::now() + wait,
                wait,
            };
            let longer = known.and_then(Known::left).filter(|it| it.wait > wait);
            *known = Some(Known {
                read_at: Instant::now(),
                held_off: Some(longer.unwrap_or(own)),
            });
        }
        .boxed()
    }
}

fn failed(error: StoreError) -> PaceError {
    PaceError::Failed(Box::new(error))
}

struct SharedSlot(Option<RequestSlot>);

impl Slot for SharedSlot {
    fn free(self: Box<Self>) -> BoxFuture<'static, ()> {
        async move {
            if let Some(slot) = self.0 {
                slot.free().await;
            }
        }
        .boxed()
    }
}
