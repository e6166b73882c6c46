//! Where the objects of a block and of a run lie in the bucket (docs/CONTRACT.md, Objects in the
//! bucket).

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Block;
use crate::time::CivilZone;

/// Which of the two deployments: the first part of every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Stage {
    /// For trying things out.
    Staging,
    /// The real data.
    Production,
}

/// A stage that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{stage}` is not a stage; use STAGING or PRODUCTION")]
pub struct StageError {
    /// The stage as given.
    pub stage: String,
}

impl Stage {
    /// The stage as it stands in a key: `staging` or `production`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Stage {
    type Err = StageError;

    fn from_str(stage: &str) -> Result<Self, Self::Err> {
        [Self::Staging, Self::Production]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(stage))
            .ok_or_else(|| StageError {
                stage: stage.to_owned(),
            })
    }
}

impl TryFrom<String> for Stage {
    type Error = StageError;

    fn try_from(stage: String) -> Result<Self, Self::Error> {
        stage.parse()
    }
}

impl From<Stage> for String {
    fn from(stage: Stage) -> Self {
        stage.as_str().to_owned()
    }
}

/// What is kept of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockObject {
    /// The archive: what the provider answered.
    Trips,
    /// What was asked, when, and how the answer came.
    Extract,
    /// The refused trips with their reasons.
    Rejects,
    /// The rows for the portal.
    Publish,
    /// Where the vehicles were (MDS 2.0).
    Telemetry,
}

impl BlockObject {
    fn file_name(self) -> &'static str {
        match self {
            Self::Trips => "trips.json",
            Self::Extract => "extract.json",
            Self::Rejects => "rejects.json",
            Self::Publish => "publish.json",
            Self::Telemetry => "telemetry.json",
        }
    }
}

/// The key of an object of a block, by the civil **start** of its hour:
/// `production/bird/2020/1/1/22/trips.json`.
///
/// When the clocks repeat that hour, its second occurrence is `1b`.
#[must_use]
pub fn object_key(stage: Stage, block: &Block, zone: &CivilZone, object: BlockObject) -> String {
    let (civil, repeated) = zone.stamp(block.hour.start());
    format!(
        "{stage}/{provider}/{year}/{month}/{day}/{hour}{suffix}/{file}",
        provider = block.provider,
        year = civil.year(),
        month = civil.month(),
        day = civil.day(),
        hour = civil.hour(),
        suffix = if repeated { "b" } else { "" },
        file = object.file_name(),
    )
}

/// The key under which an archive is kept when another answer takes its place, at `replaced_at`:
/// `production/bird/2020/1/1/22/trips.2020-01-03T05-00-12Z.json`.
#[must_use]
pub fn former_key(trips_key: &str, replaced_at: DateTime<Utc>) -> String {
    let stem = trips_key.strip_suffix(".json").unwrap_or(trips_key);
    format!("{stem}.{}.json", replaced_at.format("%Y-%m-%dT%H-%M-%SZ"))
}

/// The key of a run's list of blocks: `staging/runs/{run_id}/manifest.json`.
#[must_use]
pub fn manifest_key(stage: Stage, run_id: Uuid) -> String {
    format!("{stage}/runs/{run_id}/manifest.json")
}
