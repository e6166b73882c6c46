//! The pace of the requests of one client.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{MAX_HOLD_OFF, Pace, PaceError, Slot, WaitLimits};
use crate::config::ProviderConfig;

/// Longer than any deadline.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Keeps the pace of the requests of one client.
#[derive(Debug)]
pub(crate) struct LocalPace {
    delay: Duration,
    slots: Option<Arc<Semaphore>>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// The earliest time of the next request, after the delay.
    next: Option<Instant>,
    held_off: Option<(Instant, DateTime<Utc>)>,
}

impl LocalPace {
    pub(crate) fn new(config: &ProviderConfig) -> Self {
        let slots = config.max_parallel.map(|slots| slots as usize);
        Self {
            delay: config.delay,
            slots: slots.map(|slots| Arc::new(Semaphore::new(slots))),
            state: Mutex::default(),
        }
    }

    /// Reserves the next turn and returns its time.
    fn reserve(&self, limits: WaitLimits) -> Result<Instant, PaceError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let held_off = state.held_off.filter(|(end, _)| *end > now);
        if let Some((end, until)) = held_off
            && (end - now > limits.patience || !limits.allow(end - now))
        {
            return Err(PaceError::HeldOff {
                until,
                remedy: None,
            });
        }
        let turn = [state.next, held_off.map(|(end, _)| end)]
            .into_iter()
            .flatten()
            .fold(now, Instant::max);
        if turn > now && !limits.allow(turn - now) {
            return Err(PaceError::Crowded { key: "delay" });
        }
        state.next = Some(turn + self.delay);
        Ok(turn)
    }
}

impl Pace for LocalPace {
    fn enter(&self, deadline: Option<Instant>) -> BoxFuture<'_, Result<Box<dyn Slot>, PaceError>> {
        async move {
            let Some(slots) = &self.slots else {
                return Ok(Box::new(LocalSlot(None)) as Box<dyn Slot>);
            };
            let deadline = deadline.unwrap_or_else(|| Instant::now() + FOREVER);
            match timeout_at(deadline, Arc::clone(slots).acquire_owned()).await {
                Ok(Ok(permit)) => Ok(Box::new(LocalSlot(Some(permit))) as Box<dyn Slot>),
                Ok(Err(_)) | Err(_) => Err(PaceError::Crowded {
                    key: "max_parallel",
                }),
            }
        }
        .boxed()
    }

    fn turn(&self, limits: WaitLimits) -> BoxFuture<'_, Result<(), PaceError>> {
        async move {
            loop {
                let turn = self.reserve(limits)?;
                if turn <= Instant::now() {
                    return Ok(());
                }
                sleep_until(turn).await;
                // The provider may have asked for a wait in the meantime.
                let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
                if state.held_off.is_none_or(|(end, _)| end <= Instant::now()) {
                    return Ok(());
                }
            }
        }
        .boxed()
    }

    fn hold_off(&self, wait: Duration) -> BoxFuture<'_, ()> {
        async move {
            let wait = wait.min(MAX_HOLD_OFF);
            let end = (Instant::now() + wait, Utc::now() + wait);
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.held_off = state.held_off.max(Some(end));
        }
        .boxed()
    }
}

struct LocalSlot(Option<OwnedSemaphorePermit>);

impl Slot for LocalSlot {
    fn free(self: Box<Self>) -> BoxFuture<'static, ()> {
        drop(self.0);
        std::future::ready(()).boxed()
    }
}

#[cfg(test)]
mod tests;
