//! Blocks: one clock hour of one provider, the ranges they come in, and where their objects lie.

mod hour;
mod key;
mod provider;
mod window;

pub use hour::{Hour, HourRange, Hours, NotWholeHour};
pub use key::{BlockObject, Stage, StageError, former_key, manifest_key, object_key};
pub use provider::{ProviderName, ProviderNameError};
pub use window::{ResolvedRange, TimeWindow};

/// One clock hour of one provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// Whose trips.
    pub provider: ProviderName,
    /// The trips that ended in this hour.
    pub hour: Hour,
}
