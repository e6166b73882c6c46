//! Archives of blocks of which the schedule knows nothing yet: the database is new, or was restored
//! from an older copy.

use std::collections::{BTreeMap, BTreeSet};

use trips::block::{Block, BlockObject, ProviderName};

use crate::context::Context;
use crate::error::PipelineError;

/// The depth of a month's folder above an archive: `{month}/{day}/{hour}/trips.json`.
const BELOW_MONTH: usize = 3;

/// Looks for archives in the bucket, a month of a provider with one listing.
pub(crate) struct Archives<'a> {
    ctx: &'a Context,
    /// The last month of each provider: a plan goes through the months in their order.
    months: BTreeMap<ProviderName, Month>,
}

struct Month {
    folder: String,
    archives: BTreeSet<String>,
}

impl<'a> Archives<'a> {
    pub(crate) fn new(ctx: &'a Context) -> Self {
        Self {
            ctx,
            months: BTreeMap::new(),
        }
    }

    /// Whether the bucket has an archive of the block.
    ///
    /// # Errors
    ///
    /// `StorageUnavailable`.
    pub(crate) async fn has(&mut self, block: &Block) -> Result<bool, PipelineError> {
        let key = self.ctx.key(block, BlockObject::Trips);
        let folder = month_of(&key);
        if let Some(month) = self.months.get(&block.provider)
            && month.folder == folder
        {
            return Ok(month.archives.contains(&key));
        }
        let month = self.list(folder).await?;
        let is_there = month.archives.contains(&key);
        self.months.insert(block.provider.clone(), month);
        Ok(is_there)
    }

    async fn list(&self, folder: &str) -> Result<Month, PipelineError> {
        let mut pages = self.ctx.vault().list(folder);
        let mut archives = BTreeSet::new();
        while let Some(objects) = pages.next_page().await? {
            let keys = objects.into_iter().map(|object| object.key);
            archives.extend(keys.filter(|key| key.ends_with("/trips.json")));
        }
        Ok(Month {
            folder: folder.to_owned(),
            archives,
        })
    }
}

/// The month's folder, with a slash at its end.
fn month_of(key: &str) -> &str {
    let slash = key.rmatch_indices('/').nth(BELOW_MONTH - 1);
    slash.map_or(key, |(at, _)| &key[..=at])
}
