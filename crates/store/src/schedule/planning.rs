//! What a plan writes to and reads from `api.providers` and `api.schedule`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use tokio_postgres::{Client, Row};
use trips::block::{Hour, HourRange, ProviderName};
use trips::status::BlockStatus;
use uuid::Uuid;

use super::{get, read_hour, read_provider, read_status, read_usual_provider};
use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::values::values;

impl Store {
    /// Inserts providers with their MDS ids into `api.providers`, or updates the ids. Rows that
    /// already hold the given values are not touched.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn upsert_providers(
        &self,
        providers: &[(ProviderName, Uuid)],
    ) -> Result<(), StoreError> {
        let (names, ids): (Vec<&str>, Vec<Uuid>) = providers
            .iter()
            .map(|(name, id)| (name.as_str(), *id))
            .unzip();
        self.client()
            .await?
            .execute(
                "INSERT INTO api.providers AS p (provider_name, mds_provider_id)
                 SELECT name, id FROM unnest($1::text[], $2::uuid[]) AS given (name, id)
                 WHERE NOT EXISTS (
                     SELECT FROM api.providers known
                     WHERE known.provider_name = given.name AND known.mds_provider_id = given.id
                 )
                 ORDER BY name
                 ON CONFLICT (provider_name) DO UPDATE SET mds_provider_id = excluded.mds_provider_id",
                &[&names, &ids],
            )
            .await
            .map_err(failed("inserting providers"))?;
        Ok(())
    }

    /// Finds the earliest hour that `api.schedule` has of each provider. Providers without a block
    /// are left out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn first_hours(&self) -> Result<BTreeMap<ProviderName, Hour>, StoreError> {
        self.client()
            .await?
            .query(
                "SELECT p.provider_name, first.block_start
                 FROM api.providers p,
                      LATERAL (
                          SELECT block_start FROM api.schedule s WHERE s.provider_id = p.provider_id
                          ORDER BY block_start LIMIT 1
                      ) AS first",
                &[],
            )
            .await
            .map_err(failed("looking for the first hours of the schedule"))?
            .iter()
            .filter_map(|row| {
                let provider = read_usual_provider(row, "provider_name").transpose()?;
                let start = get(row, "block_start").and_then(read_hour);
                Some(provider.and_then(|provider| Ok((provider, start?))))
            })
            .collect()
    }

    /// Finds the rows of `api.providers` whose name no provider can have, as in tables that were
    /// taken over before names were checked. Returns for each what is wrong and the way out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn odd_providers(&self) -> Result<Vec<String>, StoreError> {
        let names = "SELECT provider_name FROM api.providers ORDER BY provider_name";
        self.client()
            .await?
            .query(names, &[])
            .await
            .map_err(failed("looking for odd names of providers"))?
            .iter()
            .filter_map(|row| match read_provider(row, 0) {
                Ok(_) => None,
                Err(odd @ StoreError::OddProvider { .. }) => Some(Ok(odd.to_string())),
                Err(error) => Some(Err(error)),
            })
            .collect()
    }

    /// Finds the blocks whose provider was requested for the trips after `since`, and not yet for
    /// their vehicles and their telemetry.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn blocks_without_side_data(
        &self,
        since: DateTime<Utc>,
    ) -> Result<BTreeSet<i64>, StoreError> {
        self.client()
            .await?
            .query_typed(WITHOUT_SIDE_DATA, values![since])
            .await
            .map_err(failed("looking for hours without their vehicles"))?
            .iter()
            .map(|row| get(row, 0))
            .collect()
    }

    /// Reads the blocks of the range that `api.schedule` has, in order of time.
    ///
    /// All rows are held in memory, so pass a range of some months at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn blocks(
        &self,
        provider: &ProviderName,
        range: HourRange,
    ) -> Result<Vec<ScheduledBlock>, StoreError> {
        read_blocks(&*self.client().await?, provider, range).await
    }
}

/// As [`Store::blocks`].
pub(super) async fn read_blocks(
    client: &Client,
    provider: &ProviderName,
    range: HourRange,
) -> Result<Vec<ScheduledBlock>, StoreError> {
    let (start, end) = (range.first().start(), range.end().start());
    let provider = provider.as_str();
    client
        .query_typed(BLOCKS, values![provider, start, end])
        .await
        .map_err(failed("reading the schedule"))?
        .iter()
        .map(ScheduledBlock::read)
        .collect()
}

/// What a plan has to know of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledBlock {
    /// The id of its row.
    pub schedule_id: i64,
    /// Its hour.
    pub hour: Hour,
    /// How far it has come.
    pub status: BlockStatus,
    /// When its provider last answered a request for it.
    pub extracted_at: Option<DateTime<Utc>>,
}

impl ScheduledBlock {
    /// Reads the columns of [`BLOCKS`] by position: a plan reads up to a million rows.
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            schedule_id: get(row, 0)?,
            hour: read_hour(get(row, 1)?)?,
            status: read_status(get(row, 2)?)?,
            extracted_at: get(row, 3)?,
        })
    }
}

const BLOCKS: &str = "
    SELECT s.schedule_id, s.block_start, s.status_id, s.extracted_at
    FROM api.schedule s JOIN api.providers p USING (provider_id)
    WHERE p.provider_name = $1 AND s.block_start >= $2 AND s.block_start < $3
    ORDER BY s.block_start";

const WITHOUT_SIDE_DATA: &str = "SELECT schedule_id FROM api.schedule WHERE side_data_since IS NOT NULL AND side_data_since > $1";
