//! The schedule: which blocks there are and how far each has come.

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_postgres::Row;
use tokio_postgres::row::RowIndex;
use tokio_postgres::types::FromSql;
use trips::block::{Hour, ProviderName};
use trips::status::BlockStatus;
use uuid::Uuid;

use crate::error::{StoreError, failed};

mod planning;

/// What [`ScheduleRow`] is read from, of `api.schedule s` and `api.providers p`.
macro_rules! schedule_columns {
    () => {
        "s.schedule_id, p.provider_name, s.block_start, s.status_id, s.payload, s.message, s.payload_trips_count,
         s.records_total, s.records_processed, s.records_error_count, s.records_duplicate_count, s.rerun_flag,
         s.socrata_status, s.run_id, s.updated_at, s.extracted_at, s.published_at"
    };
}
pub(crate) use schedule_columns;

/// A block as the schedule has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScheduleRow {
    /// The row's id.
    pub schedule_id: i64,
    /// Whose block.
    pub provider: ProviderName,
    /// Which hour.
    pub hour: Hour,
    /// How far it has come.
    pub status: BlockStatus,
    /// The archive's key in the bucket.
    pub payload: Option<String>,
    /// What was said last about it.
    pub message: Option<String>,
    /// Trips in the archive; none before there is one.
    pub payload_trips_count: Option<u64>,
    /// Trips fetched, as of the last load; none before one. Always loaded + rejected + duplicates.
    pub records_total: Option<u64>,
    /// Trips loaded.
    pub records_processed: Option<u64>,
    /// Trips rejected.
    pub records_error_count: Option<u64>,
    /// Trips delivered more than once.
    pub records_duplicate_count: Option<u64>,
    /// Whether it should be asked for again, because trips were rejected.
    pub rerun_flag: bool,
    /// How far publishing has come, in the publisher's own form.
    pub socrata_status: Option<serde_json::Value>,
    /// The run that changed it last.
    pub run_id: Option<Uuid>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When the provider was last asked and answered.
    pub extracted_at: Option<DateTime<Utc>>,
    /// When the portal was last brought up to what is loaded; none if a load has changed something
    /// since.
    pub published_at: Option<DateTime<Utc>>,
}

impl ScheduleRow {
    /// Trips in the archive, 0 before there is one.
    #[must_use]
    pub fn fetched(&self) -> u64 {
        self.payload_trips_count.unwrap_or(0)
    }

    /// Trips loaded, 0 before a load.
    #[must_use]
    pub fn loaded(&self) -> u64 {
        self.records_processed.unwrap_or(0)
    }

    /// Trips rejected, 0 before a load.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.records_error_count.unwrap_or(0)
    }

    /// Trips delivered more than once, 0 before a load.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.records_duplicate_count.unwrap_or(0)
    }

    /// In the order of `schedule_columns!`: a plan reads a million rows.
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let provider: String = get(row, 1)?;
        let start: DateTime<Utc> = get(row, 2)?;
        let status: i32 = get(row, 3)?;
        Ok(Self {
            schedule_id: get(row, 0)?,
            provider: provider.parse().map_err(|_| StoreError::Corrupt {
                what: "api.providers.provider_name",
            })?,
            hour: Hour::starting_at(start).map_err(|_| StoreError::Corrupt {
                what: "api.schedule.block_start",
            })?,
            status: status_of(status)?,
            payload: get(row, 4)?,
            message: get(row, 5)?,
            payload_trips_count: count(row, 6, "payload_trips_count")?,
            records_total: count(row, 7, "records_total")?,
            records_processed: count(row, 8, "records_processed")?,
            records_error_count: count(row, 9, "records_error_count")?,
            records_duplicate_count: count(row, 10, "records_duplicate_count")?,
            rerun_flag: get(row, 11)?,
            socrata_status: get(row, 12)?,
            run_id: get(row, 13)?,
            updated_at: get(row, 14)?,
            extracted_at: get(row, 15)?,
            published_at: get(row, 16)?,
        })
    }
}

pub(crate) fn status_of(code: i32) -> Result<BlockStatus, StoreError> {
    i16::try_from(code)
        .ok()
        .and_then(|code| BlockStatus::try_from(code).ok())
        .ok_or(StoreError::Corrupt {
            what: "api.schedule.status_id",
        })
}

/// A column by its name, or, where there are many rows, by its place.
pub(crate) fn get<'a, T: FromSql<'a>>(
    row: &'a Row,
    column: impl RowIndex + std::fmt::Display,
) -> Result<T, StoreError> {
    row.try_get(column).map_err(failed("reading a row"))
}

fn count(row: &Row, place: usize, what: &'static str) -> Result<Option<u64>, StoreError> {
    let count: Option<i64> = get(row, place)?;
    count
        .map(|count| u64::try_from(count).map_err(|_| StoreError::Corrupt { what }))
        .transpose()
}
