//! Counts the trips of a range in one pass, several slices at once, in one snapshot.

use std::collections::BTreeMap;

use deadpool_postgres::{GenericClient, Object};
use futures::{StreamExt, TryStreamExt};
use trips::block::HourRange;

use super::names::name_groups;
use super::overlaps::Overlaps;
use super::rows::micros;
use super::slice::{Question, Slice, read_slice};
use super::snapshot::{Seen, Snapshot};
use super::sums::Sums;
use super::whole::search_whole;
use super::{TripFilters, TripGroup};
use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::overview::{self, ProviderOverview};
use crate::schedule::get;

/// The trips and the blocks of a range as they were at one moment.
#[derive(Debug, Clone)]
pub struct TripCounts {
    /// Which changes of trips are counted.
    pub seen: Seen,
    /// The trips by provider and type of vehicle, in the order of their names.
    pub groups: Vec<TripGroup>,
    /// The blocks by provider.
    pub blocks: Vec<ProviderOverview>,
    /// How many hours of the range each provider should have, by its name: those of `api.hours`.
    pub hours_due: BTreeMap<String, u64>,
}

/// How many slices are read at once. A server with fewer processors needs no longer for it.
const MAX_READERS: usize = 4;

/// A sequential scan would read the table once for each slice, and a bitmap reads each page of a
/// slice once. Its plan is known, so that nothing is gained from compiling it for each slice.
const BY_INDEX: &str = "
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_indexscan = off;
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL jit = off";

const HOURS_DUE: &str = "
    SELECT provider, count(*) AS hours FROM api.hours
    WHERE block_start >= $1 AND block_start < $2 GROUP BY provider";

impl Store {
    /// Counts the trips that ended in a range, by provider and type of vehicle, and its blocks, all
    /// at one moment. `since` is the report whose later changes are counted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn count_trips(
        &self,
        range: HourRange,
        filters: TripFilters,
        since: Option<&Seen>,
    ) -> Result<TripCounts, StoreError> {
        let mut client = self.client().await?;
        let snapshot = Snapshot::take(&mut client).await?;
        let question = Question::new(filters, since, &snapshot);
        let sums = self.count_slices(range, &snapshot, &question).await?;
        Ok(TripCounts {
            groups: name_groups(&snapshot.transaction, range, sums).await?,
            blocks: overview::read(&snapshot.transaction, range).await?,
            hours_due: read_hours_due(&snapshot.transaction, range).await?,
            seen: snapshot.seen,
        })
    }

    async fn count_slices(
        &self,
        range: HourRange,
        snapshot: &Snapshot<'_>,
        question: &Question,
    ) -> Result<Sums, StoreError> {
        let mut clients = self.readers().await?;
        let mut readers = Vec::new();
        for client in &mut clients {
            let transaction = snapshot.join(client).await?;
            let set = transaction.batch_execute(BY_INDEX).await;
            set.map_err(failed("counting trips"))?;
            readers.push(transaction);
        }
        // A slice waits for the earlier ones, so that no two that are read at once have one reader.
        let mut slices = futures::stream::iter(Slice::of(range))
            .zip(futures::stream::iter(readers.iter().cycle()))
            .map(|(slice, reader)| read_slice(reader, question, slice))
            .buffered(readers.len());
        let (mut sums, mut overlaps) = (Sums::default(), Overlaps::default());
        while let Some(read) = slices.try_next().await? {
            let places = sums.add(read.groups)?;
            overlaps.add_slice(micros(read.slice.from), read.rides, &places, &mut sums);
        }
        if !overlaps.are_complete() {
            let found = search_whole(&snapshot.transaction, range).await?;
            sums.set_overlapping(&found)?;
        }
        Ok(sums)
    }

    async fn readers(&self) -> Result<Vec<Object>, StoreError> {
        let many = MAX_READERS.min(self.max_connections().saturating_sub(1));
        let mut clients = Vec::new();
        for _ in 0..many.max(1) {
            clients.push(self.client().await?);
        }
        Ok(clients)
    }
}

async fn read_hours_due(
    client: &impl GenericClient,
    range: HourRange,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let rows = client
        .query(HOURS_DUE, &[&range.first().start(), &range.end().start()])
        .await
        .map_err(failed("counting the hours that are due"))?;
    rows.iter()
        .map(|row| {
            Ok((
                get(row, "provider")?,
                get::<i64>(row, "hours")?.unsigned_abs(),
            ))
        })
        .collect()
}
