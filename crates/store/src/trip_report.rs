//! The trips of a range by provider and vehicle type, with the filters of a report, and the reports
//! that were made of a month.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::get;

mod count;
mod counting;
mod names;
mod overlaps;
mod rows;
mod slice;
mod snapshot;
mod sums;
mod whole;

pub use self::count::{HoursDue, TripCounts};
pub use self::snapshot::Seen;

/// Which of the loaded trips a report counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TripFilters {
    /// The shortest distance that counts, in metres.
    pub min_metres: f64,
    /// The longest distance that counts, in metres.
    pub max_metres: f64,
    /// The longest duration that counts, in seconds.
    pub max_seconds: i64,
    /// Whether trips without a rider are left out: those with the flag `not_a_rider_trip`.
    pub riders_only: bool,
}

/// The trips of one provider and one type of vehicle that ended in a range.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TripGroup {
    /// The provider's name in the providers file. For rows whose block is unknown, the name that
    /// the provider uses or, without one, its id.
    pub provider: String,
    /// MDS's word for the type of vehicle; `None` if the provider did not say.
    pub vehicle_type: Option<String>,
    /// Trips that are not withdrawn.
    pub trips: u64,
    /// Those of them that pass the filters.
    pub counted: u64,
    /// The distance of the counted trips in metres.
    pub counted_metres: i64,
    /// The duration of the counted trips in seconds.
    pub counted_seconds: i64,
    /// Trips of no distance.
    pub zero_distance: u64,
    /// Trips that are longer than the filter's longest distance.
    pub long_distance: u64,
    /// Trips that take longer than the filter's longest duration.
    pub long_duration: u64,
    /// Trips without a rider.
    pub not_a_rider_trip: u64,
    /// Trips that began before an earlier trip of the same device ended, wherever in the range.
    pub overlapping: u64,
    /// Trips that the provider has withdrawn; no other count includes them.
    pub withdrawn: u64,
    /// Trips that were loaded or corrected since the report that the request names.
    pub arrived_since: u64,
    /// Trips that were withdrawn since then.
    pub withdrawn_since: u64,
    /// When a provider was last requested for one of the trips; `None` for rows from before this
    /// was recorded.
    pub received_at: Option<DateTime<Utc>>,
}

/// A report that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeReport {
    /// Which changes of trips it has seen.
    pub seen: Seen,
    /// Which trips its second count included.
    pub filters: TripFilters,
    /// Its counts by provider.
    pub providers: BTreeMap<String, ReportedCounts>,
}

/// What a report said of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReportedCounts {
    /// Trips.
    pub trips: u64,
    /// Trips that passed the filters.
    pub counted: u64,
}

impl Store {
    /// The last report of a month that was made at `until` or before; `None` if there was none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn last_report(
        &self,
        month: NaiveDate,
        until: DateTime<Utc>,
    ) -> Result<Option<MadeReport>, StoreError> {
        let row = self
            .client()
            .await?
            .query_opt(
                "SELECT made_at, settled_until, snapshot, filters, providers FROM api.trip_reports
                 WHERE month = $1 AND made_at <= $2 ORDER BY made_at DESC LIMIT 1",
                &[&month, &until],
            )
            .await
            .map_err(failed("reading the last report"))?;
        row.map(|row| MadeReport::read(&row)).transpose()
    }

    /// Records a report of a month.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`]; [`StoreError::LacksRight`] if the
    /// role may only read.
    pub async fn record_report(
        &self,
        month: NaiveDate,
        report: &MadeReport,
    ) -> Result<(), StoreError> {
        let unwritable = |_| StoreError::Corrupt {
            what: "the report's counts",
        };
        let filters = serde_json::to_value(report.filters).map_err(unwritable)?;
        let providers = serde_json::to_value(&report.providers).map_err(unwritable)?;
        self.client()
            .await?
            .execute(
                "INSERT INTO api.trip_reports (month, made_at, settled_until, snapshot, filters, providers)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (month, made_at) DO NOTHING",
                &[
                    &month,
                    &report.seen.made_at,
                    &report.seen.settled_until,
                    &report.seen.snapshot,
                    &filters,
                    &providers,
                ],
            )
            .await
            .map_err(failed("recording the report"))?;
        Ok(())
    }

    /// The time of the database's clock. What a report compares with is in its time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        let row = self
            .client()
            .await?
            .query_one("SELECT clock_timestamp() AS now", &[])
            .await
            .map_err(failed("reading the time"))?;
        get(&row, "now")
    }
}

impl MadeReport {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let unreadable = |_| StoreError::Corrupt {
            what: "api.trip_reports",
        };
        Ok(Self {
            seen: Seen::read(row)?,
            filters: serde_json::from_value(get(row, "filters")?).map_err(unreadable)?,
            providers: serde_json::from_value(get(row, "providers")?).map_err(unreadable)?,
        })
    }
}
