//! Up to which hour each provider's hours are whole.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use trips::block::{Hour, ProviderName};

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_provider};

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

/// What a block has to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoneWhen {
    /// On the portal, or without trips.
    Published,
    /// In the table, or without trips: for a city that does not publish.
    Loaded,
}

impl DoneWhen {
    /// The condition for a block that is not done. The codes are literals, so that the index for
    /// them is used.
    fn is_not_done(self) -> &'static str {
        match self {
            Self::Published => "status_id NOT IN (7, 8)",
            Self::Loaded => "status_id NOT IN (7, 8) AND status_id NOT IN (5, 6, -8)",
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
        let names: Vec<&str> = expected.iter().map(|it| it.provider.as_str()).collect();
        let starts: Vec<Option<DateTime<Utc>>> = expected
            .iter()
            .map(|it| it.start.map(|start| start.start()))
            .collect();
        let ends: Vec<DateTime<Utc>> = expected.iter().map(|it| it.end.start()).collect();
        self.client()
            .await?
            .query(&whole_until(done), &[&names, &starts, &ends])
            .await
            .map_err(failed("looking for the first hour that is not whole"))?
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
}
