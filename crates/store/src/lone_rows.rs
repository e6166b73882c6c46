//! [`LoneRows`]: published rows that only one trip can be behind.

use chrono::{DateTime, Utc};
use trips::block::HourRange;
use trips::public_row::TimeRounding;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_count};

/// How many of the published rows are the only one with their pair of tracts, start and end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoneRows {
    /// Rows that the portal has.
    pub rows: u64,
    /// Those that are alone with the times that are published.
    pub as_published: u64,
    /// Those that would be alone with times rounded to quarters of an hour.
    pub by_quarter_hours: u64,
    /// Rows of trips that count and that the portal does not have yet.
    pub not_published: u64,
}

/// Groups the rows that end from `$1` up to `$2` by tracts and times: once as published, with steps
/// of `$3` seconds, and once with steps of `$4`. Rows that the portal does not have count only with
/// `$5`.
///
/// An hour more on both sides is read, because rounding may bring rows from both sides of a month's
/// end together. Postgres may write groups to disk, so memory does not grow with the rows. Times
/// are rounded as `TimeRounding::round` does.
const LONE_ROWS: &str = "
    WITH counted AS (
        SELECT t.end_time, t.census_geoid_start, t.census_geoid_end,
               floor((date_part('epoch', t.start_time) + floor($3::float8 / 2)) / $3) AS published_start,
               floor((date_part('epoch', t.end_time) + floor($3::float8 / 2)) / $3) AS published_end,
               floor((date_part('epoch', t.start_time) + floor($4::float8 / 2)) / $4) AS quarter_start,
               floor((date_part('epoch', t.end_time) + floor($4::float8 / 2)) / $4) AS quarter_end,
               CASE WHEN l.schedule_id IS NULL THEN s.published_at IS NOT NULL
                    ELSE l.since IS NULL OR t.modified_date < l.since END AS is_sent
        FROM api.trips t
        LEFT JOIN api.schedule s USING (schedule_id)
        LEFT JOIN api.publications l USING (schedule_id)
        WHERE t.withdrawn_at IS NULL
              AND t.end_time >= $1::timestamptz - interval '1 hour' AND t.end_time < $2::timestamptz + interval '1 hour'
    )
    SELECT coalesce(sum(g.inside) FILTER (WHERE g.is_published), 0)::bigint AS rows,
           count(*) FILTER (WHERE g.is_published AND g.rows = 1 AND g.inside = 1) AS as_published,
           count(*) FILTER (WHERE NOT g.is_published AND g.rows = 1 AND g.inside = 1) AS by_quarter_hours,
           (SELECT count(*) FROM counted WHERE NOT is_sent AND end_time >= $1 AND end_time < $2) AS not_published
    FROM (
        SELECT grouping(t.published_start) = 0 AS is_published, count(*) AS rows,
               count(*) FILTER (WHERE t.end_time >= $1 AND t.end_time < $2) AS inside
        FROM counted AS t
        WHERE t.is_sent OR $5::boolean
        GROUP BY GROUPING SETS (
            (census_geoid_start, census_geoid_end, published_start, published_end),
            (census_geoid_start, census_geoid_end, quarter_start, quarter_end)
        )
    ) AS g";

const FIRST_AND_LAST_END: &str = "
    SELECT min(end_time) AS first, max(end_time) AS last FROM api.trips WHERE withdrawn_at IS NULL";

impl Store {
    /// Counts the published rows that end in a range, and those among them that are alone. With
    /// `all`, those that the portal does not have yet count as published.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn lone_rows(
        &self,
        range: HourRange,
        published: TimeRounding,
        all: bool,
    ) -> Result<LoneRows, StoreError> {
        let row = self
            .client()
            .await?
            .query_one(
                LONE_ROWS,
                &[
                    &range.first().start(),
                    &range.end().start(),
                    &f64::from(published.step_seconds()),
                    &f64::from(TimeRounding::QUARTER_HOURS.step_seconds()),
                    &all,
                ],
            )
            .await
            .map_err(failed("counting lone rows"))?;
        let number = |column| read_count(&row, column);
        Ok(LoneRows {
            rows: number("rows")?,
            as_published: number("as_published")?,
            by_quarter_hours: number("by_quarter_hours")?,
            not_published: number("not_published")?,
        })
    }

    /// When the first and the last of the trips that count ended; `None` without a trip.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn first_and_last_end(
        &self,
    ) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>, StoreError> {
        let row = self
            .client()
            .await?
            .query_one(FIRST_AND_LAST_END, &[])
            .await
            .map_err(failed("finding the first and the last trip"))?;
        let first: Option<DateTime<Utc>> = get(&row, "first")?;
        let last: Option<DateTime<Utc>> = get(&row, "last")?;
        Ok(first.zip(last))
    }
}
