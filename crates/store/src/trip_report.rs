//! The trips of a range by provider and vehicle type, with the filters of a report, and the reports
//! that were made of a month.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use trips::block::HourRange;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::get;

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
    /// Trips that were loaded or corrected after the time that the request gives.
    pub arrived_since: u64,
    /// Trips that were withdrawn after that time.
    pub withdrawn_since: u64,
    /// When a provider was last requested for one of the trips; `None` for rows from before this
    /// was recorded.
    pub received_at: Option<DateTime<Utc>>,
}

/// A report that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeReport {
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Which trips its second count included.
    pub filters: TripFilters,
    /// Its counts by provider.
    pub providers: BTreeMap<String, ReportedCounts>,
}

/// What a report said of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedCounts {
    /// Trips.
    pub trips: u64,
    /// Trips that passed the filters.
    pub counted: u64,
}

/// A month of a large city is sorted in memory. Parallel workers read it.
const WORK_IN_MEMORY: &str = "SET LOCAL work_mem = '128MB'";

/// Groups the trips that end from `$1` up to `$2`. A provider is first known by its id, and by name
/// only once there are few rows: an id belongs to one entry of the providers file, that of its
/// blocks.
const GROUPS: &str = "
    WITH trip AS (
        SELECT provider_id, vehicle_type, trip_distance, trip_duration, schedule_id, provider_name, delivered_at,
               modified_date, withdrawn_at IS NULL AS is_live,
               flags @> '{not_a_rider_trip}' AS no_rider,
               withdrawn_at IS NULL AND trip_distance >= $3::float8 AND trip_distance <= $4::float8
                   AND trip_duration <= $5 AND NOT ($6 AND flags @> '{not_a_rider_trip}') AS is_counted
        FROM api.trips
        WHERE end_time >= $1 AND end_time < $2
    ), by_id AS (
        SELECT provider_id, vehicle_type, max(schedule_id) AS a_block, max(provider_name) AS own_name,
               count(*) FILTER (WHERE is_live) AS trips,
               count(*) FILTER (WHERE is_counted) AS counted,
               coalesce(sum(trip_distance) FILTER (WHERE is_counted), 0)::bigint AS metres,
               coalesce(sum(trip_duration) FILTER (WHERE is_counted), 0)::bigint AS seconds,
               count(*) FILTER (WHERE is_live AND trip_distance <= 0) AS zero_distance,
               count(*) FILTER (WHERE is_live AND trip_distance > $4::float8) AS long_distance,
               count(*) FILTER (WHERE is_live AND trip_duration > $5) AS long_duration,
               count(*) FILTER (WHERE is_live AND no_rider) AS no_rider,
               count(*) FILTER (WHERE NOT is_live) AS withdrawn,
               count(*) FILTER (WHERE is_live AND modified_date > $7) AS arrived_since,
               count(*) FILTER (WHERE NOT is_live AND modified_date > $7) AS withdrawn_since,
               max(delivered_at) AS received_at
        FROM trip
        GROUP BY provider_id, vehicle_type
    )
    SELECT g.provider_id::text AS id, coalesce(block.name, entry.name, lower(g.own_name), g.provider_id::text) AS name, g.*
    FROM by_id g
    LEFT JOIN LATERAL (
        SELECT p.provider_name AS name FROM api.schedule s JOIN api.providers p USING (provider_id)
        WHERE s.schedule_id = g.a_block
    ) AS block ON true
    LEFT JOIN LATERAL (
        SELECT min(p.provider_name) AS name FROM api.providers p WHERE p.mds_provider_id = g.provider_id
    ) AS entry ON true
    ORDER BY name, g.vehicle_type NULLS LAST, g.provider_id";

/// Counts the trips that begin before an earlier one of their device ends. The window reads few and
/// narrow columns, because it sorts.
const OVERLAPS: &str = "
    SELECT provider_id::text AS id, vehicle_type, count(*) FILTER (WHERE start_time < latest_end) AS overlapping
    FROM (
        SELECT provider_id, vehicle_type, start_time,
               max(end_time) OVER (PARTITION BY provider_id, device_id ORDER BY start_time, end_time
                                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest_end
        FROM api.trips
        WHERE end_time >= $1 AND end_time < $2 AND withdrawn_at IS NULL
    ) AS trip
    GROUP BY provider_id, vehicle_type
    HAVING count(*) FILTER (WHERE start_time < latest_end) > 0";

impl Store {
    /// Counts the trips that ended in a range, by provider and type of vehicle.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn trip_groups(
        &self,
        range: HourRange,
        filters: TripFilters,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<TripGroup>, StoreError> {
        let (groups, overlaps) =
            futures::future::try_join(self.groups(range, filters, since), self.overlaps(range))
                .await?;
        groups
            .iter()
            .map(|row| TripGroup::read(row, &overlaps))
            .collect()
    }

    async fn groups(
        &self,
        range: HourRange,
        filters: TripFilters,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<Row>, StoreError> {
        let doing = failed("counting trips");
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(doing)?;
        transaction
            .batch_execute(WORK_IN_MEMORY)
            .await
            .map_err(doing)?;
        transaction
            .query(
                GROUPS,
                &[
                    &range.first().start(),
                    &range.end().start(),
                    &filters.min_metres,
                    &filters.max_metres,
                    &filters.max_seconds,
                    &filters.riders_only,
                    &since,
                ],
            )
            .await
            .map_err(doing)
    }

    async fn overlaps(
        &self,
        range: HourRange,
    ) -> Result<BTreeMap<(String, Option<String>), u64>, StoreError> {
        let doing = failed("counting overlapping trips");
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(doing)?;
        transaction
            .batch_execute(WORK_IN_MEMORY)
            .await
            .map_err(doing)?;
        let rows = transaction
            .query(OVERLAPS, &[&range.first().start(), &range.end().start()])
            .await
            .map_err(doing)?;
        rows.iter()
            .map(|row| {
                let key = (get(row, "id")?, get(row, "vehicle_type")?);
                Ok((key, number(row, "overlapping")?))
            })
            .collect()
    }

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
                "SELECT made_at, filters, providers FROM api.trip_reports
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
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`]; [`StoreError::Refused`] if the
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
                "INSERT INTO api.trip_reports (month, made_at, filters, providers) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (month, made_at) DO NOTHING",
                &[&month, &report.made_at, &filters, &providers],
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

impl TripGroup {
    fn read(
        row: &Row,
        overlaps: &BTreeMap<(String, Option<String>), u64>,
    ) -> Result<Self, StoreError> {
        let key: (String, Option<String>) = (get(row, "id")?, get(row, "vehicle_type")?);
        Ok(Self {
            provider: get(row, "name")?,
            trips: number(row, "trips")?,
            counted: number(row, "counted")?,
            counted_metres: get(row, "metres")?,
            counted_seconds: get(row, "seconds")?,
            zero_distance: number(row, "zero_distance")?,
            long_distance: number(row, "long_distance")?,
            long_duration: number(row, "long_duration")?,
            not_a_rider_trip: number(row, "no_rider")?,
            overlapping: overlaps.get(&key).copied().unwrap_or(0),
            withdrawn: number(row, "withdrawn")?,
            arrived_since: number(row, "arrived_since")?,
            withdrawn_since: number(row, "withdrawn_since")?,
            received_at: get(row, "received_at")?,
            vehicle_type: key.1,
        })
    }
}

impl MadeReport {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let unreadable = |_| StoreError::Corrupt {
            what: "api.trip_reports",
        };
        Ok(Self {
            made_at: get(row, "made_at")?,
            filters: serde_json::from_value(get(row, "filters")?).map_err(unreadable)?,
            providers: serde_json::from_value(get(row, "providers")?).map_err(unreadable)?,
        })
    }
}

fn number(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    get::<i64>(row, column).map(i64::unsigned_abs)
}
