//! Up to which hour each provider's hours are whole, and how many after it are not.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use trips::block::{Hour, ProviderName};
use trips::status::BlockStatus;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_count, read_provider, status_list};

/// The hours that a provider should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedHours {
    /// The provider's short name.
    pub provider: ProviderName,
    /// The first hour; `None` for the first one in `api.schedule`.
    pub start: Option<Hour>,
    /// The hour after the last one.
    pub end: Hour,
}

/// The expected hours of a provider that are not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UndoneHours {
    /// Number of hours.
    pub hours: u64,
    /// The last of them.
    pub last: Hour,
}

/// What a block has to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoneWhen {
    /// On the portal, or without trips.
    Published,
    /// In the table, or without trips: for a city that does not publish.
    Loaded,
}

impl DoneWhen {
    /// The condition for a block that is not done. The first one is that of an index.
    fn is_not_done(self) -> String {
        let published = status_list([BlockStatus::NoTrips, BlockStatus::Published]);
        let is_not_published = format!("status_id NOT IN ({published})");
        match self {
            Self::Published => is_not_published,
            Self::Loaded => {
                let waiting = status_list(BlockStatus::WAITING);
                format!("{is_not_published} AND status_id NOT IN ({waiting})")
            }
        }
    }
}

/// An hour without a row is not whole either. Rows are counted up to the first block that is not
/// done; only if some are missing, the first gap is looked for.
fn whole_until(done: DoneWhen) -> String {
    let is_not_done = done.is_not_done();
    format!(
        "WITH expected AS (
             SELECT e.provider_name, p.provider_id, e.until, coalesce(e.start, (
                 SELECT block_start FROM api.schedule s WHERE s.provider_id = p.provider_id
                 ORDER BY block_start LIMIT 1
             )) AS start
             FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS e (provider_name, start, until)
                  LEFT JOIN api.providers p USING (provider_name)
         ), done AS (
             SELECT provider_name, provider_id, start, greatest(start, coalesce((
                 SELECT block_start FROM api.schedule s
                 WHERE s.provider_id = e.provider_id AND block_start >= start AND block_start < until
                   AND {is_not_done}
                 ORDER BY block_start LIMIT 1
             ), until)) AS until
             FROM expected e
             WHERE start IS NOT NULL
         ), counted AS (
             SELECT *, (
                 SELECT count(*) FROM api.schedule s
                 WHERE s.provider_id = d.provider_id AND block_start >= start AND block_start < until
             ) AS rows
             FROM done d
         )
         SELECT provider_name, CASE
             WHEN rows = extract(epoch FROM until - start) / 3600 THEN until
             ELSE coalesce((
                 SELECT block_start + interval '1 hour' FROM (
                     SELECT block_start, lead(block_start) OVER (ORDER BY block_start) AS next,
                            min(block_start) OVER (ORDER BY block_start) AS first
                     FROM api.schedule s
                     WHERE s.provider_id = c.provider_id AND block_start >= start AND block_start < until
                 ) AS present
                 WHERE first = start AND next IS DISTINCT FROM block_start + interval '1 hour'
                 ORDER BY block_start LIMIT 1
             ), start)
         END AS whole_until
         FROM counted c"
    )
}

/// Expected hours less the blocks that are done: an hour without a row counts, too. The last one
/// that is not done lies before a done block, or at the end of the range.
fn undone_hours(done: DoneWhen) -> String {
    let is_not_done = done.is_not_done();
    format!(
        "SELECT e.provider_name,
                (extract(epoch FROM e.until - e.start) / 3600 - count(d.block_start))::bigint AS hours,
                CASE WHEN max(d.block_start) = e.until - interval '1 hour'
                     THEN max(d.block_start) FILTER (WHERE d.before IS DISTINCT FROM d.block_start - interval '1 hour')
                     ELSE e.until
                END - interval '1 hour' AS last
         FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS e (provider_name, start, until)
         LEFT JOIN api.providers p USING (provider_name)
         LEFT JOIN LATERAL (
             SELECT block_start, lag(block_start) OVER (ORDER BY block_start) AS before
             FROM api.schedule s
             WHERE s.provider_id = p.provider_id AND block_start >= e.start AND block_start < e.until
               AND NOT ({is_not_done})
         ) AS d ON true
         WHERE e.start < e.until
         GROUP BY e.provider_name, e.start, e.until"
    )
}

impl Store {
    /// Finds for each provider the end of the newest hour up to which every expected hour is done.
    /// Providers that have neither a given start nor a block are left out: they have not begun.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn whole_until(
        &self,
        expected: &[ExpectedHours],
        done: DoneWhen,
    ) -> Result<BTreeMap<ProviderName, Hour>, StoreError> {
        let doing = "looking for the first hour that is not whole";
        self.of_hours(&whole_until(done), expected, doing)
            .await?
            .iter()
            .map(|row| {
                let until: DateTime<Utc> = get(row, "whole_until")?;
                Ok((
                    read_provider(row, "provider_name")?,
                    Hour::containing(until),
                ))
            })
            .collect()
    }

    /// Counts the hours of each provider from a given start on that are not done. It reads the
    /// blocks of the range, so pass the end of [`whole_until`](Self::whole_until) as the start.
    /// Providers without a start, or of which every hour is done, are left out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn undone_hours(
        &self,
        expected: &[ExpectedHours],
        done: DoneWhen,
    ) -> Result<BTreeMap<ProviderName, UndoneHours>, StoreError> {
        let doing = "counting the hours that are not whole";
        let rows = self.of_hours(&undone_hours(done), expected, doing).await?;
        let mut undone = BTreeMap::new();
        for row in &rows {
            let hours = read_count(row, "hours")?;
            if let (1.., Some(last)) = (hours, get::<Option<DateTime<Utc>>>(row, "last")?) {
                let last = Hour::containing(last);
                let provider = read_provider(row, "provider_name")?;
                undone.insert(provider, UndoneHours { hours, last });
            }
        }
        Ok(undone)
    }

    async fn of_hours(
        &self,
        query: &str,
        expected: &[ExpectedHours],
        doing: &'static str,
    ) -> Result<Vec<Row>, StoreError> {
        let names: Vec<&str> = expected.iter().map(|it| it.provider.as_str()).collect();
        let starts: Vec<Option<DateTime<Utc>>> = expected
            .iter()
            .map(|it| it.start.map(|start| start.start()))
            .collect();
        let ends: Vec<DateTime<Utc>> = expected.iter().map(|it| it.end.start()).collect();
        self.client()
            .await?
            .query(query, &[&names, &starts, &ends])
            .await
            .map_err(failed(doing))
    }
}
