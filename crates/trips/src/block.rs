//! Blocks: one clock hour of one provider, ranges of hours, and the keys of a block's objects.

mod hour;
mod key;
mod provider;
mod window;

pub use hour::{Hour, HourRange, Hours, NotWholeHour};
pub use key::{BlockObject, Stage, StageError, backup_key, key_beside, manifest_key, object_key};
pub use provider::{ProviderName, ProviderNameError};
pub use window::{ResolvedRange, TimeWindow};

use chrono::SecondsFormat;

use crate::time::CivilZone;

/// One clock hour of one provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// The provider.
    pub provider: ProviderName,
    /// The hour in which the trips ended.
    pub hour: Hour,
}

impl Block {
    /// The one name of the block for people and programs: `bird 2020-01-01-23`, which is the
    /// provider and the label of the hour.
    #[must_use]
    pub fn name(&self, zone: &CivilZone) -> String {
        format!("{} {}", self.provider, self.hour.label(zone))
    }

    /// The command that does the block's remaining steps.
    ///
    /// ```
    /// use trips::block::{Block, Hour};
    /// use trips::time::CivilZone;
    ///
    /// let zone = CivilZone::default();
    /// let block = Block {
    ///     provider: "bird".parse()?,
    ///     hour: Hour::from_label(&zone, "2020-01-01-23")?,
    /// };
    /// assert_eq!(block.command(&zone), "mds run --provider bird --time-max 2020-01-01-23");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn command(&self, zone: &CivilZone) -> String {
        let end = self.hour.end_argument(zone);
        format!("mds run --provider {} --time-max {end}", self.provider)
    }

    /// The command that does the remaining steps of this block, of the block `last` of the same
    /// provider, and of those between them.
    #[must_use]
    pub fn command_to(&self, last: Hour, zone: &CivilZone) -> String {
        if last <= self.hour {
            return self.command(zone);
        }
        format!(
            "mds run --provider {} --time-min {} --time-max {}",
            self.provider,
            self.hour.previous().end_argument(zone),
            last.end_argument(zone)
        )
    }
}

impl Hour {
    /// The end of the hour as an argument of a command: its label or, since a civil time means the
    /// first of two equal hours, an RFC 3339 instant for the second one.
    #[must_use]
    pub fn end_argument(&self, zone: &CivilZone) -> String {
        let label = self.label(zone);
        if label.ends_with('b') {
            self.end().to_rfc3339_opts(SecondsFormat::Secs, true)
        } else {
            label
        }
    }
}

#[cfg(test)]
mod tests;
