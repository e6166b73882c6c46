//! Refusals in a row: a portal that refuses one block like the other, and takes nothing between,
//! refuses every block. Its status does not always say so: a dataset that is archived answers like
//! one whose row does not fit.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Blocks that are refused for the same reason, after which the next one would be, too.
const MAX_BLOCKS: usize = 3;

/// The refusals since the portal took something. Those of a process belong together, whichever
/// blocks have the turn.
#[derive(Clone, Default)]
pub(crate) struct Refusals(Arc<Mutex<InARow>>);

#[derive(Default)]
struct InARow {
    reason: String,
    blocks: BTreeSet<i64>,
    providers: BTreeSet<String>,
}

impl Refusals {
    /// The portal took rows, or answered for each row by itself.
    pub(super) fn end(&self) {
        *self.in_a_row() = InARow::default();
    }

    /// Counts a block of which nothing was taken. Returns whether the portal refuses every block.
    ///
    /// If blocks of `several_providers` wait, those that were refused must be of several as well:
    /// the data of one may be what the portal refuses.
    pub(super) fn are_of_every_block(
        &self,
        block: i64,
        provider: &str,
        reason: &str,
        several_providers: bool,
    ) -> bool {
        let mut row = self.in_a_row();
        if row.reason != reason {
            *row = InARow {
                reason: reason.to_owned(),
                ..InARow::default()
            };
        }
        if row.blocks.len() < MAX_BLOCKS {
            row.blocks.insert(block);
        }
        row.providers.insert(provider.to_owned());
        row.blocks.len() == MAX_BLOCKS && (!several_providers || row.providers.len() > 1)
    }

    fn in_a_row(&self) -> MutexGuard<'_, InARow> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
