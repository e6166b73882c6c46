//! The status of a block, and the steps that it needs (docs/CONTRACT.md, "Statuses of a block").

use serde::{Deserialize, Serialize};

use crate::named_enum;

named_enum! {
    /// One of the three steps of a block, in their order.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Step {
        /// Request the trips from the provider and archive the response.
        Extract => "extract",
        /// Load the archive into Postgres.
        SyncDb => "sync-db",
        /// Publish the loaded trips on the portal.
        SyncSocrata => "sync-socrata",
    }
}

named_enum! {
    /// How far a block has come. Written and read by serde as its code.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, PartialOrd, Ord)]
    #[serde(try_from = "i16", into = "i16")]
    #[repr(i16)]
    pub enum BlockStatus {
        /// Nothing is done.
        New = 0 => "new",
        /// The provider has not published the hour yet.
        NotPublished = 1 => "provider has not published the hour yet",
        /// The provider's response is archived.
        Archived = 2 => "archived",
        /// The request to the provider, or archiving its response, failed.
        ExtractFailed = -2 => "extraction failed",
        /// Every trip is loaded.
        Loaded = 5 => "loaded",
        /// Loading failed.
        LoadFailed = -5 => "load failed",
        /// The trips are loaded, except for the rejected ones.
        LoadedWithRejects = 6 => "loaded with rejects",
        /// Every trip was rejected.
        AllRejected = -6 => "every trip rejected",
        /// The provider had no trips in the hour.
        NoTrips = 7 => "no trips",
        /// The trips are on the portal.
        Published = 8 => "published",
        /// Publishing failed.
        PublishFailed = -8 => "publishing failed",
    }
}

/// A code that no status has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{code} is not the status of a block; the statuses are {}",
    BlockStatus::ALL.map(|status| status.code().to_string()).join(", ")
)]
pub struct UnknownStatus {
    /// The code.
    pub code: i16,
}

impl BlockStatus {
    /// The statuses of a block whose trips are in the table, so that there is something to publish.
    pub const LOADED: [Self; 4] = [
        Self::Loaded,
        Self::LoadedWithRejects,
        Self::Published,
        Self::PublishFailed,
    ];

    /// Those of a loaded block that waits for an upload, which makes it [`BlockStatus::Published`].
    pub const WAITING: [Self; 3] = [Self::Loaded, Self::LoadedWithRejects, Self::PublishFailed];

    /// The code that the schedule holds.
    #[must_use]
    pub fn code(self) -> i16 {
        self as i16
    }

    /// Whether a step failed or every trip was rejected: the negative codes.
    #[must_use]
    pub fn is_failure(self) -> bool {
        self.code() < 0
    }

    /// Whether `step` is complete. A block with no loadable trips has nothing to publish, so all
    /// its steps count as complete.
    #[must_use]
    pub fn has_done(self, step: Step) -> bool {
        self.last_done().is_some_and(|last| step <= last)
    }

    /// Whether trips of the block are in the table, so that there is something to publish.
    #[must_use]
    pub fn is_loaded(self) -> bool {
        Self::LOADED.contains(&self)
    }

    /// Whether the table has what the provider has delivered: trips, or the word that there are
    /// none.
    #[must_use]
    pub fn is_loaded_or_empty(self) -> bool {
        self.is_loaded() || self == Self::NoTrips
    }

    /// Whether the block is loaded and waits for an upload.
    #[must_use]
    pub fn is_waiting(self) -> bool {
        Self::WAITING.contains(&self)
    }

    fn last_done(self) -> Option<Step> {
        match self {
            Self::New | Self::NotPublished | Self::ExtractFailed => None,
            Self::Archived | Self::LoadFailed => Some(Step::Extract),
            Self::Loaded | Self::LoadedWithRejects | Self::PublishFailed => Some(Step::SyncDb),
            Self::AllRejected | Self::NoTrips | Self::Published => Some(Step::SyncSocrata),
        }
    }

    /// Whether a sweep for incomplete hours requests the block again, because late or corrected
    /// trips may have arrived.
    fn may_have_late_trips(self) -> bool {
        matches!(self, Self::NoTrips | Self::AllRejected)
    }
}

impl TryFrom<i16> for BlockStatus {
    type Error = UnknownStatus;

    fn try_from(code: i16) -> Result<Self, Self::Error> {
        Self::ALL
            .into_iter()
            .find(|status| status.code() == code)
            .ok_or(UnknownStatus { code })
    }
}

impl From<BlockStatus> for i16 {
    fn from(status: BlockStatus) -> Self {
        status.code()
    }
}

/// The steps that a request selects; all by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepSelection {
    /// Request and archive.
    pub extract: bool,
    /// Load.
    pub sync_db: bool,
    /// Publish.
    pub sync_socrata: bool,
}

impl StepSelection {
    /// Whether a step is selected.
    #[must_use]
    pub fn includes(self, step: Step) -> bool {
        match step {
            Step::Extract => self.extract,
            Step::SyncDb => self.sync_db,
            Step::SyncSocrata => self.sync_socrata,
        }
    }

    /// Whether only what is loaded already can be published.
    #[must_use]
    pub fn is_publish_only(self) -> bool {
        self.sync_socrata && !self.extract && !self.sync_db
    }
}

impl Default for StepSelection {
    fn default() -> Self {
        Self {
            extract: true,
            sync_db: true,
            sync_socrata: true,
        }
    }
}

/// The steps that a block needs, in their order (docs/CONTRACT.md, "Statuses of a block").
///
/// - With `force`: every selected step, again. If only publishing is selected, no steps for a block
///   that is not loaded.
/// - Without: the selected steps after the last complete one, up to the first that is not selected,
///   because the steps after it would have no input.
/// - With `incomplete_only`: no steps for a published block; a block with no trips, or with only
///   rejects, is extracted again.
///
/// ```
/// use trips::status::{BlockStatus, Step, StepSelection, steps_to_do};
///
/// let steps = steps_to_do(BlockStatus::Archived, StepSelection::default(), false, false);
/// assert_eq!(steps, [Step::SyncDb, Step::SyncSocrata]);
/// ```
#[must_use]
pub fn steps_to_do(
    status: BlockStatus,
    selection: StepSelection,
    force: bool,
    incomplete_only: bool,
) -> Vec<Step> {
    if incomplete_only && status == BlockStatus::Published {
        return Vec::new();
    }
    if force && selection.is_publish_only() && !status.is_loaded() {
        return Vec::new();
    }
    if force {
        return Step::ALL
            .into_iter()
            .filter(|step| selection.includes(*step))
            .collect();
    }
    let from_the_start = incomplete_only && status.may_have_late_trips();
    Step::ALL
        .into_iter()
        .filter(|step| from_the_start || !status.has_done(*step))
        .take_while(|step| selection.includes(*step))
        .collect()
}

/// The steps of a block that is requested again because trips may have arrived late: all of them,
/// up to the first that is not selected. Steps whose input did not change skip their own work.
#[must_use]
pub fn refetch_steps(selection: StepSelection) -> Vec<Step> {
    Step::ALL
        .into_iter()
        .take_while(|step| selection.includes(*step))
        .collect()
}
