//! How the hours of a range stand: the rows of the schedule, and what was found in their trips.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use tokio_postgres::types::ToSql;
use trips::block::{Hour, HourRange, ProviderName};
use trips::status::BlockStatus;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_provider, read_status};

/// A row of the schedule, as a status report needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct HourRow {
    /// The block's provider.
    pub provider: ProviderName,
    /// The block's hour.
    pub hour: Hour,
    /// How far the block has come.
    pub status: BlockStatus,
    /// Trips that the provider returned; `None` before a load.
    pub fetched: Option<u64>,
    /// Trips that were rejected.
    pub rejected: u64,
    /// Repeated deliveries of a trip in the hour.
    pub duplicates: u64,
    /// Trips that the last response had and the one before it had not: they came late.
    pub late: u64,
    /// The message of the step that last changed the row, if the status is that of a failure.
    pub message: Option<String>,
}

/// What was found in the trips of a provider's hours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Number of rejected trips by reason.
    pub reject_reasons: BTreeMap<String, u64>,
    /// Number of loaded trips by flag.
    pub flags: BTreeMap<String, u64>,
    /// Number of trips that the provider has withdrawn.
    pub withdrawn: u64,
    /// Number of blocks with rows that the portal has not received yet.
    pub waiting_blocks: u64,
}

/// A provider's rows lie side by side in the index, in the order of their hours.
const HOURS: &str = "
    SELECT p.provider_name, s.block_start, s.status_id, s.records_total,
           coalesce(s.records_error_count, 0) AS rejected, coalesce(s.records_duplicate_count, 0) AS duplicates,
           coalesce(s.trips_new, 0) AS late, CASE WHEN s.status_id < 0 OR s.status_id = 1 THEN s.message END AS message
    FROM api.schedule s JOIN api.providers p USING (provider_id)
    WHERE s.block_start >= $1 AND s.block_start < $2
    ORDER BY p.provider_name, s.block_start";

const REJECT_REASONS: &str = "
    SELECT p.provider_name, reason.key AS name, sum(reason.value::bigint)::bigint AS number
    FROM api.schedule s JOIN api.providers p USING (provider_id)
    CROSS JOIN LATERAL jsonb_each_text(
        CASE WHEN jsonb_typeof(s.error_payload -> 'reasons') = 'object' THEN s.error_payload -> 'reasons' END
    ) AS reason
    WHERE s.block_start >= $1 AND s.block_start < $2 AND s.error_payload IS NOT NULL
    GROUP BY p.provider_name, reason.key";

/// Trips are found by their blocks: a block's trips may end outside its hour.
const FLAGS: &str = "
    SELECT p.provider_name, flag AS name, count(*) AS number
    FROM api.schedule s
    JOIN api.providers p USING (provider_id)
    JOIN api.trips t USING (schedule_id)
    CROSS JOIN LATERAL unnest(t.flags) AS flag
    WHERE s.block_start >= $1 AND s.block_start < $2 AND t.withdrawn_at IS NULL AND t.flags <> '{}'
    GROUP BY p.provider_name, flag";

const WITHDRAWN: &str = "
    SELECT p.provider_name, '' AS name, count(*) AS number
    FROM api.schedule s
    JOIN api.providers p USING (provider_id)
    JOIN api.trips t USING (schedule_id)
    WHERE s.block_start >= $1 AND s.block_start < $2 AND t.withdrawn_at IS NOT NULL
    GROUP BY p.provider_name";

const WAITING: &str = "
    SELECT p.provider_name, '' AS name, count(*) AS number
    FROM api.publications n
    JOIN api.schedule s USING (schedule_id)
    JOIN api.providers p USING (provider_id)
    WHERE s.block_start >= $1 AND s.block_start < $2 AND n.since IS NOT NULL
    GROUP BY p.provider_name";

impl Store {
    /// Passes each row of a range to `take`: provider by provider, in the order of their hours.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn hours(
        &self,
        range: HourRange,
        mut take: impl FnMut(HourRow),
    ) -> Result<(), StoreError> {
        let doing = failed("reading the schedule");
        let (first, end) = (range.first().start(), range.end().start());
        let parameters: [&(dyn ToSql + Sync); 2] = [&first, &end];
        let client = self.client().await?;
        let rows = client.query_raw(HOURS, parameters).await.map_err(doing)?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await.map_err(doing)? {
            take(HourRow::read(&row)?);
        }
        Ok(())
    }

    /// What was found in the trips of each provider's hours.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn found(
        &self,
        range: HourRange,
    ) -> Result<BTreeMap<ProviderName, Found>, StoreError> {
        let mut found = BTreeMap::<ProviderName, Found>::new();
        for (provider, reason, number) in self.numbers(REJECT_REASONS, range).await? {
            let entry = found.entry(provider).or_default();
            entry.reject_reasons.insert(reason, number);
        }
        for (provider, flag, number) in self.numbers(FLAGS, range).await? {
            found
                .entry(provider)
                .or_default()
                .flags
                .insert(flag, number);
        }
        for (provider, _, number) in self.numbers(WITHDRAWN, range).await? {
            found.entry(provider).or_default().withdrawn = number;
        }
        for (provider, _, number) in self.numbers(WAITING, range).await? {
            found.entry(provider).or_default().waiting_blocks = number;
        }
        Ok(found)
    }

    async fn numbers(
        &self,
        query: &'static str,
        range: HourRange,
    ) -> Result<Vec<(ProviderName, String, u64)>, StoreError> {
        let rows = self
            .client()
            .await?
            .query(query, &[&range.first().start(), &range.end().start()])
            .await
            .map_err(failed("counting what was found in trips"))?;
        rows.iter()
            .map(|row| {
                let number = get::<i64>(row, "number")?.unsigned_abs();
                Ok((
                    read_provider(row, "provider_name")?,
                    get(row, "name")?,
                    number,
                ))
            })
            .collect()
    }
}

impl HourRow {
    fn read(row: &tokio_postgres::Row) -> Result<Self, StoreError> {
        let start: DateTime<Utc> = get(row, 1)?;
        let number = |position: usize| get::<i64>(row, position).map(i64::unsigned_abs);
        Ok(Self {
            provider: read_provider(row, 0)?,
            hour: Hour::starting_at(start).map_err(|_| StoreError::Corrupt {
                what: "api.schedule.block_start",
            })?,
            status: read_status(get(row, 2)?)?,
            fetched: get::<Option<i64>>(row, 3)?.map(i64::unsigned_abs),
            rejected: number(4)?,
            duplicates: number(5)?,
            late: number(6)?,
            message: get(row, 7)?,
        })
    }
}
