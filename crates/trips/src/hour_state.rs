//! [`HourState`]: how an hour of a provider stands, in words for people.

use serde::{Serialize, Serializer};

use crate::named_enum;
use crate::status::BlockStatus;

named_enum! {
    /// How an hour of a provider stands. Several statuses have the same state, and an hour that no
    /// run has planned has one too.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum HourState {
        /// The trips are on the portal, but for those that were rejected.
        Whole => ("whole", "loaded and published, without the trips that were rejected"),
        /// The provider had no trips.
        Empty => ("empty", "the provider had no trips"),
        /// A step is done, and another one is left to do.
        UnderWay => ("under way", "archived or loaded, and not published yet"),
        /// The provider has not published the hour yet.
        NotPublishedYet => ("not published yet", "the provider does not have the hour yet"),
        /// Nothing of the hour has been pulled, whether a run has planned it or not.
        Missing => ("missing", "nothing has been pulled"),
        /// A step failed.
        Failed => ("failed", "a step failed"),
        /// Every trip was rejected.
        AllRejected => ("all rejected", "every trip was rejected"),
    }
}

impl HourState {
    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Whole | Self::Empty)
    }
}

impl From<BlockStatus> for HourState {
    fn from(status: BlockStatus) -> Self {
        match status {
            BlockStatus::New => Self::Missing,
            BlockStatus::NotPublished => Self::NotPublishedYet,
            BlockStatus::Archived | BlockStatus::Loaded | BlockStatus::LoadedWithRejects => {
                Self::UnderWay
            }
            BlockStatus::ExtractFailed | BlockStatus::LoadFailed | BlockStatus::PublishFailed => {
                Self::Failed
            }
            BlockStatus::AllRejected => Self::AllRejected,
            BlockStatus::NoTrips => Self::Empty,
            BlockStatus::Published => Self::Whole,
        }
    }
}

impl Serialize for HourState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
