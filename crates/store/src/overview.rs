//! [`ProviderOverview`]: how far the blocks of a range have come, in numbers.

use std::collections::BTreeMap;

use deadpool_postgres::GenericClient;
use serde::Serialize;
use trips::block::{HourRange, ProviderName};
use trips::status::BlockStatus;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_count, read_status, read_usual_provider};

/// The sums over a provider's blocks in a range. `fetched = loaded + rejected + duplicates` holds
/// over the blocks that are loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderOverview {
    /// The provider's short name.
    pub provider: ProviderName,
    /// Number of blocks by status, without the statuses that no block has.
    pub blocks: BTreeMap<BlockStatus, u64>,
    /// Number of trips that the provider sent.
    pub fetched: u64,
    /// Number of trips loaded, as each block counts them.
    pub loaded: u64,
    /// Number of trips rejected.
    pub rejected: u64,
    /// Number of trips delivered again within a block.
    pub duplicates: u64,
}

const BLOCKS: &str = "
    SELECT p.provider_name, s.status_id, count(*) AS blocks,
           coalesce(sum(s.records_total), 0)::bigint AS fetched,
           coalesce(sum(s.records_processed), 0)::bigint AS loaded,
           coalesce(sum(s.records_error_count), 0)::bigint AS rejected,
           coalesce(sum(s.records_duplicate_count), 0)::bigint AS duplicates
    FROM api.schedule s JOIN api.providers p USING (provider_id)
    WHERE s.block_start >= $1 AND s.block_start < $2
    GROUP BY p.provider_name, s.status_id";

impl Store {
    /// Sums up the blocks of a range in `api.schedule`: one entry per provider, in order of their
    /// names.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn overview(&self, range: HourRange) -> Result<Vec<ProviderOverview>, StoreError> {
        read(&self.client().await?, range).await
    }

    /// Counts the trips of `api.trips` that are not withdrawn.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn trip_count(&self) -> Result<u64, StoreError> {
        let row = self
            .client()
            .await?
            .query_one(
                "SELECT count(*) AS trips FROM api.trips WHERE withdrawn_at IS NULL",
                &[],
            )
            .await
            .map_err(failed("counting trips"))?;
        read_count(&row, "trips")
    }
}

/// As [`Store::overview`], in any transaction.
pub(crate) async fn read(
    client: &impl GenericClient,
    range: HourRange,
) -> Result<Vec<ProviderOverview>, StoreError> {
    let rows = client
        .query(BLOCKS, &[&range.first().start(), &range.end().start()])
        .await
        .map_err(failed("summing up blocks"))?;
    let mut overview = BTreeMap::<ProviderName, ProviderOverview>::new();
    for row in &rows {
        let Some(provider) = read_usual_provider(row, "provider_name")? else {
            continue;
        };
        let status = read_status(get(row, "status_id")?)?;
        let number = |column| read_count(row, column);
        let entry = overview
            .entry(provider.clone())
            .or_insert_with(|| ProviderOverview::new(provider));
        *entry.blocks.entry(status).or_default() += number("blocks")?;
        entry.fetched += number("fetched")?;
        entry.loaded += number("loaded")?;
        entry.rejected += number("rejected")?;
        entry.duplicates += number("duplicates")?;
    }
    Ok(overview.into_values().collect())
}

impl ProviderOverview {
    fn new(provider: ProviderName) -> Self {
        Self {
            provider,
            blocks: BTreeMap::new(),
            fetched: 0,
            loaded: 0,
            rejected: 0,
            duplicates: 0,
        }
    }
}
