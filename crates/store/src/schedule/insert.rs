//! The blocks that a plan adds to `api.schedule`.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use tokio_postgres::Client;
use trips::block::{HourRange, ProviderName};
use trips::time::CivilZone;

use super::get;
use super::planning::{ScheduledBlock, read_blocks};
use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::values::values;

mod copied;
mod missing;

use missing::Missing;

/// Every block of some providers' ranges, in order of time, and how many of them were missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlannedBlocks {
    /// The blocks of each provider, as they were asked for.
    pub blocks: Vec<Vec<ScheduledBlock>>,
    /// How many of them were inserted.
    pub inserted: u64,
}

impl Store {
    /// Inserts the missing blocks of the range into `api.schedule` and returns their number.
    ///
    /// # Errors
    ///
    /// As [`plan_blocks`](Self::plan_blocks).
    pub async fn ensure_blocks(
        &self,
        provider: &ProviderName,
        range: HourRange,
        zone: &CivilZone,
    ) -> Result<u64, StoreError> {
        let planned = self.plan_blocks(&[(provider.clone(), range)], zone).await?;
        Ok(planned.inserted)
    }

    /// Reads the blocks of the ranges that `api.schedule` has, and inserts those that are missing.
    /// The ranges are of different providers.
    ///
    /// `date`, `year`, `month`, `day` and `hour` are the city's civil time of the block's start.
    /// All rows are held in memory, so pass ranges of some months at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownProvider`], [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn plan_blocks(
        &self,
        wanted: &[(ProviderName, HourRange)],
        zone: &CivilZone,
    ) -> Result<PlannedBlocks, StoreError> {
        let client = self.client().await?;
        let mut planned = PlannedBlocks {
            blocks: read_all(&client, wanted).await?,
            inserted: 0,
        };
        let is_whole =
            |((_, range), known): (&(_, HourRange), &Vec<_>)| known.len() as u64 == range.len();
        if wanted.iter().zip(&planned.blocks).all(is_whole) {
            return Ok(planned);
        }
        let ids = provider_ids(&client, wanted).await?;
        let missing = Missing::of(wanted, &planned.blocks, &ids, zone);
        match missing.insert(&client).await? {
            Some(inserted) => planned.add(inserted, &ids),
            None => {
                planned.inserted = missing.insert_others(&client).await?;
                planned.blocks = read_all(&client, wanted).await?;
            }
        }
        Ok(planned)
    }
}

impl PlannedBlocks {
    /// Adds blocks that were inserted. `ids` are those of the providers, as they were asked for.
    fn add(&mut self, inserted: Vec<(i32, ScheduledBlock)>, ids: &[i32]) {
        let places: BTreeMap<i32, usize> = ids.iter().copied().zip(0..).collect();
        let knew_some: Vec<bool> = self.blocks.iter().map(|known| !known.is_empty()).collect();
        self.inserted = inserted.len() as u64;
        for (id, block) in inserted {
            if let Some(blocks) = places.get(&id).and_then(|n| self.blocks.get_mut(*n)) {
                blocks.push(block);
            }
        }
        for (blocks, knew_some) in self.blocks.iter_mut().zip(knew_some) {
            if knew_some {
                blocks.sort_by_key(|block| block.hour);
            }
        }
    }
}

/// Reads the blocks of each range. The statements go out together.
async fn read_all(
    client: &Client,
    wanted: &[(ProviderName, HourRange)],
) -> Result<Vec<Vec<ScheduledBlock>>, StoreError> {
    let reading = wanted.iter();
    try_join_all(reading.map(|(provider, range)| read_blocks(client, provider, *range))).await
}

/// The ids of the providers, in their order.
async fn provider_ids(
    client: &Client,
    wanted: &[(ProviderName, HourRange)],
) -> Result<Vec<i32>, StoreError> {
    let names: Vec<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
    let rows = client
        .query_typed(
            "SELECT provider_name, provider_id FROM api.providers WHERE provider_name = ANY ($1)",
            values![names],
        )
        .await
        .map_err(failed("looking up the providers"))?;
    let mut ids = BTreeMap::new();
    for row in &rows {
        ids.insert(get::<String>(row, 0)?, get(row, 1)?);
    }
    let id = |(provider, _): &(ProviderName, _)| {
        let id = ids.get(provider.as_str()).copied();
        id.ok_or_else(|| StoreError::UnknownProvider {
            provider: provider.clone(),
        })
    };
    wanted.iter().map(id).collect()
}
