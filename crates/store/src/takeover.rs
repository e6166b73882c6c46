//! Takes over the tables of the Python tools with their rows: column types, keys, and `block_start`
//! of old rows from their civil columns.
//!
//! [`inspect`] finds out what has to change, and what cannot be taken over; it changes nothing.
//! Then [`apply`] makes the tables what the first migration expects. Both work in the transaction
//! of the migration, so a migration that ends early leaves the old tables.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use trips::block::ProviderName;
use trips::time::CivilZone;
use trips::words::counted;
use uuid::Uuid;

mod apply;
mod convert;
mod dependents;
mod entangled;
mod hours;
mod indexes;
mod inspect;
mod look;
mod names;
mod owners;
mod problems;
mod provider_names;
mod readers;
mod rows;
mod schedule;
mod shape;
mod trial;

pub(crate) use apply::apply;
pub(crate) use inspect::{Inspection, inspect};
pub(crate) use names::{foreign_history, taken_names};
pub(crate) use provider_names::remedy_for_name;

/// What a migration has to know of the tables of the Python tools.
#[derive(Debug, Clone)]
pub struct TakeOver {
    /// The city's time zone: that of the civil columns of `api.schedule`.
    pub zone: CivilZone,
    /// The zone of times that were stored without one, by its name in Postgres.
    pub timestamps_in: String,
    /// What the civil columns of `api.schedule` tell; `None` to find out from the rows.
    pub hours_are: Option<HoursAre>,
    /// The MDS ids of the configured providers.
    pub provider_ids: Vec<(ProviderName, Uuid)>,
    /// How long to wait for others that use the tables. Runs wait behind the migration meanwhile.
    pub patience: Duration,
}

impl Default for TakeOver {
    fn default() -> Self {
        Self {
            zone: CivilZone::default(),
            timestamps_in: "UTC".to_owned(),
            hours_are: None,
            provider_ids: Vec::new(),
            patience: Duration::from_secs(30),
        }
    }
}

/// Which end of a block the civil columns of `api.schedule` tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoursAre {
    /// The block's start, as this program writes them.
    Starts,
    /// The block's end, as the Python tool wrote them.
    Ends,
}

impl HoursAre {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starts => "starts",
            Self::Ends => "ends",
        }
    }
}

/// Rows or columns that cannot be taken over as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// The table, `api.trips`.
    pub table: String,
    /// What is wrong, without any value.
    pub what: String,
    /// How many rows have it; 0 if it is not about rows.
    pub rows: u64,
    /// Statements that remove it.
    pub repair: String,
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.table)?;
        match self.rows {
            0 => f.write_str(&self.what)?,
            rows => write!(f, "{} {}", counted(rows, "row"), self.what)?,
        }
        write!(f, "\n    {}", self.repair)
    }
}

/// A column that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnChange {
    /// Its name.
    pub column: String,
    /// Its type now; `None` if it is added.
    pub from: Option<String>,
    /// Its type afterwards.
    pub to: String,
}

/// A table that is taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableChange {
    /// The table, `api.trips`.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// Whether every row is written anew, which locks the table for that time.
    pub is_rewritten: bool,
    /// The columns that change.
    pub columns: Vec<ColumnChange>,
}

/// What a migration does, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// The newest version that the tables had; `None` if there were none of this program.
    pub version_before: Option<i32>,
    /// The version of this program.
    pub version: i32,
    /// The migrations, `V5__configuration`, in order.
    pub migrations: Vec<String>,
    /// Their numbers.
    pub applied: Vec<i32>,
    /// The tables of other tools that are taken over.
    pub tables: Vec<TableChange>,
    /// Choices, and what else becomes of the tables, in sentences.
    pub notes: Vec<String>,
    /// What stands in the way. Nothing is changed before it is removed.
    pub obstacles: Vec<Obstacle>,
    /// How long the tables will be locked, roughly.
    pub seconds: u64,
}
