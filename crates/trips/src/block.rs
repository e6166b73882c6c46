//! Blocks: one clock hour of one provider, ranges of hours, and the keys of a block's objects.

mod hour;
mod key;
mod provider;
mod window;

pub use hour::{Hour, HourRange, Hours, NotWholeHour};
pub use key::{BlockObject, Stage, StageError, backup_key, manifest_key, object_key};
pub use provider::{ProviderName, ProviderNameError};
pub use window::{ResolvedRange, TimeWindow};

/// One clock hour of one provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// The provider.
    pub provider: ProviderName,
    /// The hour in which the trips ended.
    pub hour: Hour,
}
