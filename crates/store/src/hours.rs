//! How the hours of a range stand, as the view `api.hours` says, and what was found in their trips.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use trips::block::{Hour, HourRange, ProviderName};
use trips::hour_state::HourState;
use trips::status::BlockStatus;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::failure_text::failure_text;
use crate::schedule::{
    get, read_count, read_count_if_any, read_hour, read_status, read_usual_provider, status_code,
};

/// An hour of a provider, as the view `api.hours` has it.
#[derive(Debug, Clone, PartialEq)]
pub struct HourRow {
    /// The hour.
    pub hour: Hour,
    /// How it stands.
    pub state: HourState,
    /// How far its block has come; `None` if no run has planned it.
    pub status: Option<BlockStatus>,
    /// Trips that the provider returned; `None` before a load.
    pub fetched: Option<u64>,
    /// Trips that were rejected.
    pub rejected: u64,
    /// Repeated deliveries of a trip in the hour.
    pub duplicates: u64,
    /// Trips that came only with a later response than the hour's first.
    pub late: u64,
    /// The message of the step that last changed the row, if the status is that of a failure, or if
    /// the last response was refused since it lacks trips that are loaded; otherwise what the
    /// archived response may lack.
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

/// The error of a response that was refused: its hour stays as it was, and its message tells of it.
const LOST_TRIPS: &str = "ProviderLostTrips";

/// The one rule that says which hours there are and how they stand is the view's.
const HOURS: &str = "
    SELECT h.block_start, h.state, h.status_id, h.trips_fetched, coalesce(h.trips_rejected, 0) AS rejected,
           coalesce(h.trips_duplicate, 0) AS duplicates, coalesce(h.trips_late, 0) AS late,
           CASE WHEN h.status_id = ANY ($4) OR starts_with(h.message, $5) THEN h.message
                ELSE (SELECT s.error_payload ->> 'note' FROM api.schedule s WHERE s.schedule_id = h.schedule_id)
           END AS message
    FROM api.hours h
    WHERE h.provider = $1 AND h.block_start >= $2 AND h.block_start < $3
    ORDER BY h.block_start";

const NEWEST_BEFORE: &str = "
    SELECT s.block_start
    FROM api.schedule s
    JOIN api.providers p USING (provider_id)
    JOIN api.schedule_status st USING (status_id)
    WHERE p.provider_name = $1 AND s.block_start < $2 AND st.state = ANY ($3)
    ORDER BY s.block_start DESC
    LIMIT 1";

const REJECT_REASONS: &str = "
    SELECT p.provider_name, reason.key AS name, sum(reason.value::bigint)::bigint AS number
    FROM api.schedule s JOIN api.providers p USING (provider_id)
    CROSS JOIN LATERAL jsonb_each_text(
        CASE WHEN jsonb_typeof(s.error_payload -> 'reasons') = 'object' THEN s.error_payload -> 'reasons' END
    ) AS reason
    WHERE s.block_start >= $1 AND s.block_start < $2 AND s.error_payload IS NOT NULL
    GROUP BY p.provider_name, reason.key";

/// Trips are found by their blocks: a block's trips may end outside its hour. A withdrawn trip has
/// the empty name instead of its flags, so that the trips are read once.
const FLAGS: &str = "
    SELECT p.provider_name, flag AS name, count(*) AS number
    FROM api.schedule s
    JOIN api.providers p USING (provider_id)
    JOIN api.trips t USING (schedule_id)
    CROSS JOIN LATERAL unnest(CASE WHEN t.withdrawn_at IS NULL THEN t.flags ELSE ARRAY[''] END) AS flag
    WHERE s.block_start >= $1 AND s.block_start < $2 AND (t.withdrawn_at IS NOT NULL OR t.flags <> '{}')
    GROUP BY p.provider_name, flag";

const WAITING: &str = "
    SELECT p.provider_name, '' AS name, count(*) AS number
    FROM api.publications n
    JOIN api.schedule s USING (schedule_id)
    JOIN api.providers p USING (provider_id)
    WHERE s.block_start >= $1 AND s.block_start < $2 AND n.since IS NOT NULL
    GROUP BY p.provider_name";

impl Store {
    /// Passes each hour of a provider in a range to `take`, in their order. Hours that are neither
    /// due nor pulled are left out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn hours(
        &self,
        provider: &ProviderName,
        range: HourRange,
        mut take: impl FnMut(HourRow),
    ) -> Result<(), StoreError> {
        let doing = failed("reading the hours of a provider");
        let (name, first, end) = (
            provider.as_str(),
            range.first().start(),
            range.end().start(),
        );
        let is_told = |it: &BlockStatus| it.is_failure() || *it == BlockStatus::NotPublished;
        let told = BlockStatus::ALL.into_iter().filter(is_told);
        let told: Vec<_> = told.map(status_code).collect();
        let lost = failure_text(LOST_TRIPS, "");
        let parameters: [&(dyn ToSql + Sync); 5] = [&name, &first, &end, &told, &lost];
        let client = self.client().await?;
        let rows = client.query_raw(HOURS, parameters).await.map_err(doing)?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await.map_err(doing)? {
            take(HourRow::read(&row)?);
        }
        Ok(())
    }

    /// The newest hour of a provider that is whole or empty and starts before another.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn newest_complete_hour(
        &self,
        provider: &ProviderName,
        before: Hour,
    ) -> Result<Option<Hour>, StoreError> {
        let complete: Vec<&str> = HourState::ALL
            .into_iter()
            .filter(|state| state.is_complete())
            .map(HourState::as_str)
            .collect();
        let row = self
            .client()
            .await?
            .query_opt(
                NEWEST_BEFORE,
                &[&provider.as_str(), &before.start(), &complete],
            )
            .await
            .map_err(failed("looking for the newest whole hour"))?;
        row.map(|row| read_hour(get(&row, 0)?)).transpose()
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
            let entry = found.entry(provider).or_default();
            if flag.is_empty() {
                entry.withdrawn = number;
            } else {
                entry.flags.insert(flag, number);
            }
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
            .filter_map(|row| {
                let provider = read_usual_provider(row, "provider_name").transpose()?;
                Some(provider.and_then(|provider| {
                    let number = read_count(row, "number")?;
                    Ok((provider, get(row, "name")?, number))
                }))
            })
            .collect()
    }
}

impl HourRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let number = |position: usize| read_count(row, position);
        let status: Option<i32> = get(row, 2)?;
        Ok(Self {
            hour: read_hour(get(row, 0)?)?,
            state: read_state(get(row, 1)?)?,
            status: status.map(read_status).transpose()?,
            fetched: read_count_if_any(row, 3)?,
            rejected: number(4)?,
            duplicates: number(5)?,
            late: number(6)?,
            message: get(row, 7)?,
        })
    }
}

fn read_state(name: &str) -> Result<HourState, StoreError> {
    let known = HourState::ALL.into_iter();
    let mut known = known.filter(|state| state.as_str() == name);
    known.next().ok_or(StoreError::Corrupt {
        what: "api.schedule_status.state",
    })
}
