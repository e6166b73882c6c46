//! [`ScheduleRow`], a row of `api.schedule`: one block and how far it has come.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use tokio_postgres::row::RowIndex;
use tokio_postgres::types::FromSql;
use trips::block::{Block, Hour, ProviderName};
use trips::status::BlockStatus;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::takeover::remedy_for_name;

mod archived;
mod forget;
mod insert;
mod planning;
mod status;
mod update;

pub use archived::ArchiveRecord;
pub(crate) use archived::write_archive;
pub use insert::PlannedBlocks;
pub use planning::ScheduledBlock;
pub(crate) use status::{read_status, status_code, status_list};
pub(crate) use update::{shortened, to_bigint, update_schedule};

/// The columns of `api.schedule s` and `api.providers p` that [`ScheduleRow::read`] reads.
macro_rules! schedule_columns {
    () => {
        "s.schedule_id, p.provider_name, s.block_start, s.status_id, s.payload, s.message, s.payload_trips_count,
         s.records_total, s.records_processed, s.records_error_count, s.records_duplicate_count, s.rerun_flag,
         s.run_id, s.updated_at, s.extracted_at, s.published_at, s.archived_at, s.loaded_at,
         s.replacing_since, s.side_data_since"
    };
}
pub(crate) use schedule_columns;

/// A row of `api.schedule`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleRow {
    /// The row's id.
    pub schedule_id: i64,
    /// The block's provider.
    pub provider: ProviderName,
    /// The block's hour.
    pub hour: Hour,
    /// How far the block has come.
    pub status: BlockStatus,
    /// The archive's key in the bucket.
    pub payload: Option<String>,
    /// The message of the step that last changed the row.
    pub message: Option<String>,
    /// Number of trips in the archive; `None` before there is one.
    pub payload_trips_count: Option<u64>,
    /// Number of trips fetched, as of the last load; `None` before the first. Always the sum of the
    /// next three counts.
    pub records_total: Option<u64>,
    /// Number of trips loaded.
    pub records_processed: Option<u64>,
    /// Number of trips rejected.
    pub records_error_count: Option<u64>,
    /// Number of trips delivered again within the block.
    pub records_duplicate_count: Option<u64>,
    /// True if trips were rejected, so that the hour should be requested again.
    pub rerun_flag: bool,
    /// The run that last changed the row.
    pub run_id: Option<Uuid>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
    /// When the provider last answered a request for the hour.
    pub extracted_at: Option<DateTime<Utc>>,
    /// When everything loaded had last reached the portal; `None` if a later load has changed
    /// something.
    pub published_at: Option<DateTime<Utc>>,
    /// When the provider was requested for what the archive holds; `None` for an archive from
    /// before this column.
    pub archived_at: Option<DateTime<Utc>>,
    /// When the archive was last loaded; `None` if it never was.
    pub loaded_at: Option<DateTime<Utc>>,
    /// Since when the archive may be a newer one than this row tells, because a process was about
    /// to replace it; `None` once the archive is recorded.
    pub replacing_since: Option<DateTime<Utc>>,
    /// MDS 2.0: when the provider was requested for the archive, until it has been requested for
    /// the vehicles and the telemetry of its trips, too.
    pub side_data_since: Option<DateTime<Utc>>,
}

impl ScheduleRow {
    /// Whether the archive was found in the bucket and the provider has not been requested since.
    /// Then both times are those of the request that the archive comes from.
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        self.archived_at.is_some() && self.archived_at == self.extracted_at
    }

    /// Whether the bucket may have an archive that this row does not tell of.
    #[must_use]
    pub fn may_have_unrecorded_archive(&self) -> bool {
        self.payload.is_none() || self.replacing_since.is_some()
    }

    /// Number of trips in the archive, 0 before there is one.
    #[must_use]
    pub fn fetched(&self) -> u64 {
        self.payload_trips_count.unwrap_or(0)
    }

    /// Number of trips loaded, 0 before a load.
    #[must_use]
    pub fn loaded(&self) -> u64 {
        self.records_processed.unwrap_or(0)
    }

    /// Number of trips rejected, 0 before a load.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.records_error_count.unwrap_or(0)
    }

    /// Number of trips delivered again within the block, 0 before a load.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.records_duplicate_count.unwrap_or(0)
    }

    /// Reads the columns of `schedule_columns!` by position: finding each by name costs more.
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            schedule_id: get(row, 0)?,
            provider: read_provider(row, 1)?,
            hour: read_hour(get(row, 2)?)?,
            status: read_status(get(row, 3)?)?,
            payload: get(row, 4)?,
            message: get(row, 5)?,
            payload_trips_count: count(row, 6, "payload_trips_count")?,
            records_total: count(row, 7, "records_total")?,
            records_processed: count(row, 8, "records_processed")?,
            records_error_count: count(row, 9, "records_error_count")?,
            records_duplicate_count: count(row, 10, "records_duplicate_count")?,
            rerun_flag: get(row, 11)?,
            run_id: get(row, 12)?,
            updated_at: get(row, 13)?,
            extracted_at: get(row, 14)?,
            published_at: get(row, 15)?,
            archived_at: get(row, 16)?,
            loaded_at: get(row, 17)?,
            replacing_since: get(row, 18)?,
            side_data_since: get(row, 19)?,
        })
    }
}

/// The hour that starts at a value of column `block_start` of `api.schedule`.
pub(crate) fn read_hour(start: DateTime<Utc>) -> Result<Hour, StoreError> {
    Hour::starting_at(start).map_err(|_| StoreError::Corrupt {
        what: "api.schedule.block_start",
    })
}

/// Reads the block that a row tells of, by its columns `provider_name` and `block_start`.
pub(crate) fn read_block(row: &Row) -> Result<Block, StoreError> {
    Ok(Block {
        provider: read_provider(row, "provider_name")?,
        hour: read_hour(get(row, "block_start")?)?,
    })
}

/// Reads column `provider_name` of `api.providers`.
pub(crate) fn read_provider(
    row: &Row,
    column: impl RowIndex + std::fmt::Display,
) -> Result<ProviderName, StoreError> {
    let name: String = get(row, column)?;
    name.parse().map_err(|why| StoreError::OddProvider {
        why,
        remedy: remedy_for_name(&name),
    })
}

/// As [`read_provider`], for rows of several providers: `None` for a name that no provider can
/// have, so that such a row hides no other.
/// [`Store::odd_providers`](crate::Store::odd_providers) names it.
pub(crate) fn read_usual_provider(
    row: &Row,
    column: impl RowIndex + std::fmt::Display,
) -> Result<Option<ProviderName>, StoreError> {
    match read_provider(row, column) {
        Err(StoreError::OddProvider { .. }) => Ok(None),
        read => read.map(Some),
    }
}

/// Reads a column by its name, or by its position where there are many rows.
pub(crate) fn get<'a, T: FromSql<'a>>(
    row: &'a Row,
    column: impl RowIndex + std::fmt::Display,
) -> Result<T, StoreError> {
    row.try_get(column).map_err(failed("reading a row"))
}

/// The name of a count that is no column of a table.
const COUNT: &str = "a number of rows or trips";

/// Reads a number of rows or trips, which is never negative.
pub(crate) fn read_count(
    row: &Row,
    column: impl RowIndex + std::fmt::Display,
) -> Result<u64, StoreError> {
    to_count(get(row, column)?, COUNT)
}

/// As [`read_count`], of a column that may be NULL.
pub(crate) fn read_count_if_any(
    row: &Row,
    column: impl RowIndex + std::fmt::Display,
) -> Result<Option<u64>, StoreError> {
    count(row, column, COUNT)
}

fn count(
    row: &Row,
    column: impl RowIndex + std::fmt::Display,
    what: &'static str,
) -> Result<Option<u64>, StoreError> {
    let count: Option<i64> = get(row, column)?;
    count.map(|count| to_count(count, what)).transpose()
}

fn to_count(count: i64, what: &'static str) -> Result<u64, StoreError> {
    u64::try_from(count).map_err(|_| StoreError::Corrupt { what })
}
