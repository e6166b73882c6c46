//! Counts the trips of a range in one pass, several slices at once, in one snapshot.

use std::collections::BTreeMap;

use deadpool_postgres::{GenericClient, Object};
use futures::{StreamExt, TryStreamExt};
use trips::block::{Hour, HourRange};

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
use crate::schedule::{get, read_count, read_hour};

/// The trips and the blocks of a range as they were at one moment.
#[derive(Debug, Clone)]
pub struct TripCounts {
    /// Which changes of trips are counted.
    pub seen: Seen,
    /// The trips by provider and type of vehicle, in the order of their names.
    pub groups: Vec<TripGroup>,
    /// The blocks by provider.
    pub blocks: Vec<ProviderOverview>,
    /// How many hours of the range each provider should have, by its name.
    pub hours_due: BTreeMap<String, HoursDue>,
    /// The first hours of providers that are not told when they began (`active_from`), if they lie
    /// behind the first hour of the range, by their names.
    pub first_hours: BTreeMap<String, Hour>,
}

/// How many hours of a range a provider should have: those of `api.hours`, and of a provider that
/// is not enabled also those that no run has planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HoursDue {
    /// All of them.
    pub hours: u64,
    /// Those that no run has ever planned.
    pub never_requested: u64,
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

/// From a provider that is disabled nothing is expected, so that the view has no hours for it but
/// those of the schedule. A month's trips are missing all the same.
const HOURS_DUE: &str = "
    SELECT provider, count(*) AS hours, count(*) FILTER (WHERE schedule_id IS NULL) AS never_requested
    FROM api.hours
    WHERE block_start >= $1 AND block_start < $2
    GROUP BY provider
    UNION ALL
    SELECT p.provider_name, count(*), count(*)
    FROM api.providers p
    CROSS JOIN LATERAL (
        SELECT coalesce(p.active_from, (
            SELECT s.block_start FROM api.schedule s WHERE s.provider_id = p.provider_id ORDER BY s.block_start LIMIT 1
        )) AS hour
    ) AS first
    CROSS JOIN LATERAL generate_series(
        greatest(first.hour, $1),
        least(date_trunc('hour', now() - coalesce(p.lag_hours, 30) * interval '1 hour', 'UTC'), $2) - interval '1 hour',
        interval '1 hour'
    ) AS expected (block_start)
    WHERE p.enabled IS NOT TRUE AND first.hour IS NOT NULL AND NOT EXISTS (
        SELECT FROM api.schedule s WHERE s.provider_id = p.provider_id AND s.block_start = expected.block_start
    )
    GROUP BY p.provider_name";

const FIRST_HOURS: &str = "
    SELECT p.provider_name AS provider, first.block_start
    FROM api.providers p
    CROSS JOIN LATERAL (
        SELECT s.block_start FROM api.schedule s WHERE s.provider_id = p.provider_id ORDER BY s.block_start LIMIT 1
    ) AS first
    WHERE p.active_from IS NULL AND first.block_start > $1 AND first.block_start < $2";

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
            first_hours: read_first_hours(&snapshot.transaction, range).await?,
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
) -> Result<BTreeMap<String, HoursDue>, StoreError> {
    let rows = client
        .query(HOURS_DUE, &[&range.first().start(), &range.end().start()])
        .await
        .map_err(failed("counting the hours that are due"))?;
    let mut due = BTreeMap::<String, HoursDue>::new();
    for row in &rows {
        let of_provider = due.entry(get(row, "provider")?).or_default();
        let number = |column| read_count(row, column);
        of_provider.hours += number("hours")?;
        of_provider.never_requested += number("never_requested")?;
    }
    Ok(due)
}

async fn read_first_hours(
    client: &impl GenericClient,
    range: HourRange,
) -> Result<BTreeMap<String, Hour>, StoreError> {
    client
        .query(FIRST_HOURS, &[&range.first().start(), &range.end().start()])
        .await
        .map_err(failed("looking for the first hours of the providers"))?
        .iter()
        .map(|row| Ok((get(row, "provider")?, read_hour(get(row, "block_start")?)?)))
        .collect()
}
