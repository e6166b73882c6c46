//! The keys of the objects of a block and of a run (docs/CONTRACT.md, "Objects in the bucket").

use std::str::FromStr;

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Block;
use crate::named_enum;
use crate::time::CivilZone;

named_enum! {
    /// One of the two deployments. Its name is the first part of every key.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(try_from = "String", into = "String")]
    pub enum Stage {
        /// For trials.
        Staging => "staging",
        /// The real data.
        Production => "production",
    }
}

/// A name that no stage has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{stage}` is not a stage; use STAGING or PRODUCTION")]
pub struct StageError {
    /// The name as it was given.
    pub stage: String,
}

impl FromStr for Stage {
    type Err = StageError;

    fn from_str(stage: &str) -> Result<Self, Self::Err> {
        Self::ALL
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

named_enum! {
    /// An object of a block. Its name is the last part of the key.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum BlockObject {
        /// The archive: the provider's response.
        Trips => "trips.json",
        /// A response that was not believed, because it lacks too many of the loaded trips.
        Refused => "trips.refused.json",
        /// What was requested, when, and how the response came.
        Extract => "extract.json",
        /// The rejected trips with their reasons.
        Rejects => "rejects.json",
        /// The rows for the portal.
        Publish => "publish.json",
        /// The positions of the vehicles (MDS 2.0).
        Telemetry => "telemetry.json",
    }
}

/// The key of an object of a block, by the civil **start** of its hour:
/// `production/bird/2020/1/1/22/trips.json`.
///
/// If the clocks repeat that hour, its second occurrence is `1b`.
#[must_use]
pub fn object_key(stage: Stage, block: &Block, zone: &CivilZone, object: BlockObject) -> String {
    let (civil, repeated) = zone.stamp(block.hour.start());
    format!(
        "{stage}/{provider}/{year}/{month}/{day}/{hour}{suffix}/{object}",
        provider = block.provider,
        year = civil.year(),
        month = civil.month(),
        day = civil.day(),
        hour = civil.hour(),
        suffix = if repeated { "b" } else { "" },
    )
}

/// The key of the copy of an archive that was replaced at `replaced_at`:
/// `production/bird/2020/1/1/22/trips.2020-01-03T05-00-12Z.json`.
#[must_use]
pub fn backup_key(trips_key: &str, replaced_at: DateTime<Utc>) -> String {
    let stem = trips_key.strip_suffix(".json").unwrap_or(trips_key);
    format!("{stem}.{}.json", replaced_at.format("%Y-%m-%dT%H-%M-%SZ"))
}

/// The key of another object of the same block, by that of its archive or any other one.
#[must_use]
pub fn key_beside(key: &str, object: BlockObject) -> String {
    let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{object}")
}

/// The key of a run's list of blocks: `staging/runs/{run_id}/manifest.json`.
#[must_use]
pub fn manifest_key(stage: Stage, run_id: Uuid) -> String {
    format!("{stage}/runs/{run_id}/manifest.json")
}
