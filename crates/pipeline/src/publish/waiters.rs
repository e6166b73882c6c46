//! The blocks of this process that wait for their turn. Whoever has it sends their rows, too, and
//! tells each of them, so that it need not wait for the others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The waiting blocks of a process.
#[derive(Clone, Default)]
pub(crate) struct Waiters(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    next: u64,
    waiting: BTreeMap<u64, (i64, Arc<Notify>)>,
}

impl Waiters {
    /// Adds a block, which waits until the result is dropped.
    pub(super) fn add(&self, schedule_id: i64) -> Waiter<'_> {
        let told = Arc::new(Notify::new());
        let mut queue = self.queue();
        let number = queue.next;
        queue.next += 1;
        queue
            .waiting
            .insert(number, (schedule_id, Arc::clone(&told)));
        Waiter {
            waiters: self,
            number,
            told,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue().waiting.is_empty()
    }

    /// Tells those who wait for one of these blocks that it is published or refused.
    pub(super) fn tell(&self, ended: impl IntoIterator<Item = i64>) {
        let queue = self.queue();
        for ended in ended {
            for (schedule_id, told) in queue.waiting.values() {
                if *schedule_id == ended {
                    told.notify_one();
                }
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A block that waits.
pub(super) struct Waiter<'w> {
    waiters: &'w Waiters,
    number: u64,
    told: Arc<Notify>,
}

impl Waiter<'_> {
    /// Waits until the block is told; not at all if it was told before.
    pub(super) async fn wait(&self) {
        self.told.notified().await;
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.waiters.queue().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
