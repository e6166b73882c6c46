//! [`HourTotals`]: what an audit compares first, the totals of each hour.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_postgres::{Client, Row};
use trips::block::{Hour, HourRange, ProviderName};
use trips::public_row::TimeRounding;

use crate::audit::Span;
use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_count, read_provider};

/// The sums of a group of trips, with the provider of their block. A time of the second 8:00:05 of
/// its day counts as 28,805: such sums tell whether every row is as new as it should be.
macro_rules! sums_of {
    ($groups:literal) => {
        concat!(
            "SELECT t.schedule_id, p.provider_name, t.trips, t.seconds::text, t.metres::text, t.newest,
                    t.modified_at::bigint, t.first_end, t.last_end, t.first_start, t.last_start
             FROM (",
            $groups,
            ") AS t
             LEFT JOIN api.schedule s USING (schedule_id)
             LEFT JOIN api.providers p ON p.provider_id = s.provider_id"
        )
    };
}

/// Groups the trips by block, and by whether their hour is even: the trips of a block end in its
/// hour, and by rounding in the next one too. The planner expects few such groups, so that several
/// processes of the server share the work. `$3` is where an even hour begins.
const BY_BLOCK: &str = sums_of!(
    "SELECT schedule_id, count(*) AS trips, sum(trip_duration) AS seconds, sum(trip_distance) AS metres,
            max(modified_date) AS newest, min(end_time) AS first_end, max(end_time) AS last_end,
            min(start_time) AS first_start, max(start_time) AS last_start,
            sum(floor(date_part(
                'epoch', modified_date - date_bin('1 day', modified_date, '2000-01-01 00:00Z'::timestamptz)
            ))) AS modified_at
     FROM api.trips
     WHERE end_time >= $1 AND end_time < $2 AND withdrawn_at IS NULL
     GROUP BY schedule_id, date_bin('1 hour', end_time, $3) = date_bin('2 hours', end_time, $3)"
);

/// Groups the trips of the blocks `$4`, or of all of them if it is null, by block and hour; with
/// `$5` also those without a block. `$3` is half a step of the rounding in seconds.
///
/// The inner query hides from the planner that an hour is made of a time: else it expects as many
/// hours as trips, and sorts the trips on disk.
const BY_HOUR: &str = sums_of!(
    "SELECT schedule_id, count(*) AS trips, sum(trip_duration) AS seconds, sum(trip_distance) AS metres,
            max(modified_date) AS newest, min(end_time) AS first_end, max(end_time) AS last_end,
            min(start_time) AS first_start, max(start_time) AS last_start,
            sum(modified - 86400 * floor(modified / 86400)) AS modified_at
     FROM (
         SELECT date_trunc('hour', end_time + make_interval(secs => $3)) AS hour, schedule_id, trip_duration,
                trip_distance, modified_date, floor(date_part('epoch', modified_date)) AS modified, end_time,
                start_time
         FROM api.trips
         WHERE end_time >= $1 AND end_time < $2 AND withdrawn_at IS NULL
           AND ($4::bigint[] IS NULL OR schedule_id = ANY ($4) OR $5 AND schedule_id IS NULL)
         OFFSET 0
     ) AS trip
     GROUP BY hour, schedule_id"
);

/// Postgres has `date_bin` since version 14.
const HAS_DATE_BIN: &str = "SELECT current_setting('server_version_num')::int >= 140000 AS has_it";

/// The trips of one hour whose owners are blocks of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourTotals {
    /// The hour of the published end.
    pub hour: Hour,
    /// The owners' provider; `None` for trips without a block.
    pub provider: Option<ProviderName>,
    /// Number of trips.
    pub trips: u64,
    /// Sum of their durations.
    pub seconds: i128,
    /// Sum of their distances.
    pub metres: i128,
    /// The newest `modified_date`.
    pub newest: DateTime<Utc>,
    /// Sum of the seconds of the day at which each was modified.
    pub modified_at: i64,
    /// The earliest end, not rounded.
    pub first_end: DateTime<Utc>,
    /// The latest end, not rounded.
    pub last_end: DateTime<Utc>,
    /// The earliest start, not rounded.
    pub first_start: DateTime<Utc>,
    /// The latest start, not rounded.
    pub last_start: DateTime<Utc>,
}

impl HourTotals {
    fn add(&mut self, other: &Self) {
        self.trips += other.trips;
        self.seconds += other.seconds;
        self.metres += other.metres;
        self.newest = self.newest.max(other.newest);
        self.modified_at += other.modified_at;
        self.first_end = self.first_end.min(other.first_end);
        self.last_end = self.last_end.max(other.last_end);
        self.first_start = self.first_start.min(other.first_start);
        self.last_start = self.last_start.max(other.last_start);
    }
}

/// The trips of a block that have been grouped, of one hour or of several.
struct Group {
    schedule_id: Option<i64>,
    totals: HourTotals,
    is_one_hour: bool,
}

impl Group {
    fn read(row: &Row, half_step: TimeDelta) -> Result<Self, StoreError> {
        let sum = |column: &'static str, what| {
            let sum: String = get(row, column)?;
            sum.parse().map_err(|_| StoreError::Corrupt { what })
        };
        let has_provider = get::<Option<&str>>(row, "provider_name")?.is_some();
        let totals = HourTotals {
            hour: Hour::containing(get::<DateTime<Utc>>(row, "first_end")? + half_step),
            provider: has_provider
                .then(|| read_provider(row, "provider_name"))
                .transpose()?,
            trips: read_count(row, "trips")?,
            seconds: sum("seconds", "api.trips.trip_duration")?,
            metres: sum("metres", "api.trips.trip_distance")?,
            newest: get(row, "newest")?,
            modified_at: get(row, "modified_at")?,
            first_end: get(row, "first_end")?,
            last_end: get(row, "last_end")?,
            first_start: get(row, "first_start")?,
            last_start: get(row, "last_start")?,
        };
        Ok(Self {
            schedule_id: get(row, "schedule_id")?,
            is_one_hour: Hour::containing(totals.last_end + half_step) == totals.hour,
            totals,
        })
    }
}

impl Store {
    /// Totals of the trips that count, by the hour of their published end and by their owners'
    /// providers, in order of time. An hour without trips has none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn hour_totals(
        &self,
        range: HourRange,
        rounding: TimeRounding,
    ) -> Result<Vec<HourTotals>, StoreError> {
        let client = self.client().await?;
        let summing = Summing {
            client: &client,
            span: Span::of(range, rounding),
            half_step: TimeDelta::seconds(i64::from(rounding.step_seconds() / 2)),
        };
        let version = client.query_one(HAS_DATE_BIN, &[]).await;
        let groups = if get(&version.map_err(failed(DOING))?, "has_it")? {
            summing.by_block().await?
        } else {
            summing.by_hour(None, true).await?
        };
        let mut hours = BTreeMap::<_, HourTotals>::new();
        for Group { totals, .. } in groups {
            match hours.entry((totals.hour, totals.provider.clone())) {
                Entry::Vacant(hour) => {
                    hour.insert(totals);
                }
                Entry::Occupied(mut hour) => hour.get_mut().add(&totals),
            }
        }
        Ok(hours.into_values().collect())
    }
}

const DOING: &str = "summing up trips by hour";

/// The trips to sum up.
struct Summing<'a> {
    client: &'a Client,
    span: Span,
    half_step: TimeDelta,
}

impl Summing<'_> {
    /// The groups of [`BY_BLOCK`]. Those of more than one hour are grouped again: their blocks have
    /// trips that end outside of the block's hour.
    async fn by_block(&self) -> Result<Vec<Group>, StoreError> {
        let even = DateTime::UNIX_EPOCH - self.half_step;
        let span = &self.span;
        let rows = self
            .client
            .query(BY_BLOCK, &[&span.first, &span.until, &even])
            .await
            .map_err(failed(DOING))?;
        let mut groups = self.read(&rows)?;
        let scattered = || groups.iter().filter(|group| !group.is_one_hour);
        if scattered().next().is_none() {
            return Ok(groups);
        }
        let blocks: BTreeSet<i64> = scattered().filter_map(|group| group.schedule_id).collect();
        let has_unowned = scattered().any(|group| group.schedule_id.is_none());
        groups.retain(|group| match group.schedule_id {
            Some(block) => !blocks.contains(&block),
            None => !has_unowned,
        });
        let blocks: Vec<i64> = blocks.into_iter().collect();
        groups.extend(self.by_hour(Some(&blocks), has_unowned).await?);
        Ok(groups)
    }

    /// The groups of [`BY_HOUR`].
    async fn by_hour(
        &self,
        blocks: Option<&[i64]>,
        with_unowned: bool,
    ) -> Result<Vec<Group>, StoreError> {
        let half_step = self.half_step.as_seconds_f64();
        let span = &self.span;
        let rows = self
            .client
            .query(
                BY_HOUR,
                &[&span.first, &span.until, &half_step, &blocks, &with_unowned],
            )
            .await
            .map_err(failed(DOING))?;
        self.read(&rows)
    }

    fn read(&self, rows: &[Row]) -> Result<Vec<Group>, StoreError> {
        rows.iter()
            .map(|row| Group::read(row, self.half_step))
            .collect()
    }
}
