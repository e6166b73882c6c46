//! Counts the trips of a range in slices of a day, several at once, in one snapshot.

use futures::{Stream, StreamExt, TryStreamExt};
use tokio_postgres::types::ToSql;
use trips::block::HourRange;

use super::names::name_groups;
use super::reaching::{Reaching, Slice, slices};
use super::snapshot::{Seen, Snapshot};
use super::sums::Sums;
use super::{TripFilters, TripGroup};
use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::overview::{self, ProviderOverview};

/// The trips and the blocks of a range as they were at one moment.
#[derive(Debug, Clone)]
pub struct TripCounts {
    /// Which changes of trips are counted.
    pub seen: Seen,
    /// The trips by provider and type of vehicle, in the order of their names.
    pub groups: Vec<TripGroup>,
    /// The blocks by provider.
    pub blocks: Vec<ProviderOverview>,
}

/// How many slices are read at once. A server with fewer processors needs no longer for it.
const MAX_READERS: usize = 4;

/// Counts the trips of a slice by block, provider's id, type of vehicle and class. A class has one
/// bit for each thing that a report asks of a trip, so that one count replaces many.
///
/// Trips that began before the slice are few. Each is a group of its own, with its device and its
/// times: the search for overlaps needs them in other slices. That search is a statement of its
/// own, because it sorts: rows as wide as these would not fit into the memory for sorts.
///
/// `xmin` is the transaction that wrote the row, without the upper half of its number. It decides
/// about changes that were made while the earlier report was (see [`Seen`]).
const SLICE: &str = "
    WITH trip AS (
        SELECT provider_id, vehicle_type, schedule_id, delivered_at,
               CASE WHEN trip_distance <= $4 THEN trip_distance END AS metres,
               CASE WHEN trip_duration <= $5 THEN trip_duration END AS seconds,
               CASE WHEN start_time < $1 THEN trip_id END AS trip_id,
               CASE WHEN start_time < $1 THEN device_id END AS device_id,
               CASE WHEN start_time < $1 THEN start_time END AS start_time,
               CASE WHEN start_time < $1 THEN end_time END AS end_time,
               CASE WHEN withdrawn_at IS NULL THEN 0 ELSE 1 END
               | CASE WHEN trip_distance <= 0 THEN 2 ELSE 0 END
               | CASE WHEN trip_distance < $3 THEN 4 WHEN trip_distance > $4 THEN 8 ELSE 0 END
               | CASE WHEN trip_duration > $5 THEN 16 ELSE 0 END
               | CASE WHEN cardinality(flags) > 0 AND 'not_a_rider_trip' = ANY (flags) THEN 32 ELSE 0 END
               | CASE WHEN modified_date >= $7 AND (modified_date > $6 OR NOT coalesce(pg_visible_in_snapshot(
                      ($9::bigint - (($9::bigint - xmin::text::bigint) & 4294967295))::text::xid8, $8::text::pg_snapshot
                  ), false)) THEN 64 ELSE 0 END AS class
        FROM api.trips
        WHERE end_time >= $1 AND end_time < $2
    ), counted AS (
        SELECT schedule_id, provider_id, vehicle_type, class, trip_id, device_id, start_time, end_time, count(*) AS trips,
               least(sum(metres), 9223372036854775807)::bigint AS metres,
               least(sum(seconds), 9223372036854775807)::bigint AS seconds,
               max(delivered_at) AS received_at
        FROM trip
        GROUP BY schedule_id, provider_id, vehicle_type, class, trip_id, device_id, start_time, end_time
    )
    SELECT s.provider_id AS entry, c.provider_id, c.vehicle_type, c.class, c.trips, c.metres, c.seconds, c.received_at,
           c.schedule_id, c.trip_id, c.device_id, c.start_time, c.end_time
    FROM counted c LEFT JOIN api.schedule s USING (schedule_id)";

/// A sequential scan would read the table once for each day, and a bitmap reads each page of a day
/// once. The groups are few, which the planner cannot know: it would sort for them, and compile its
/// expressions for each slice anew.
pub(super) const BY_INDEX: &str = "
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_indexscan = off;
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL hash_mem_multiplier = 16;
    SET LOCAL jit = off";

/// What all slices are asked.
struct Question<'a> {
    snapshot: &'a Snapshot<'a>,
    filters: TripFilters,
    since: Option<&'a Seen>,
}

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
        let question = Question {
            snapshot: &snapshot,
            filters,
            since,
        };
        let slices = slices(range);
        let (sums, reaching) = self
            .of_slices(&slices, |slice| self.count_slice(&question, slice))
            .try_fold(<(Sums, Reaching)>::default(), async |all, some| {
                Ok((all.0.and(some.0), all.1.and(some.1)))
            })
            .await?;
        let sums = self
            .add_overlaps(&snapshot, range, slices, reaching, sums)
            .await?;
        Ok(TripCounts {
            groups: name_groups(&snapshot.transaction, range, sums).await?,
            blocks: overview::read(&snapshot.transaction, range).await?,
            seen: snapshot.seen,
        })
    }

    /// Reads several slices at once.
    pub(super) fn of_slices<'s, T, F>(
        &self,
        slices: &'s [Slice],
        read: impl Fn(&'s Slice) -> F,
    ) -> impl Stream<Item = Result<T, StoreError>>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let readers = MAX_READERS
            .min(self.max_connections().saturating_sub(1))
            .max(1);
        futures::stream::iter(slices)
            .map(read)
            .buffer_unordered(readers)
    }

    async fn count_slice(
        &self,
        question: &Question<'_>,
        slice: &Slice,
    ) -> Result<(Sums, Reaching), StoreError> {
        let doing = failed("counting trips");
        let mut client = self.client().await?;
        let transaction = question.snapshot.join(&mut client).await?;
        transaction.batch_execute(BY_INDEX).await.map_err(doing)?;
        let (min_metres, max_metres) = whole_metres(question.filters);
        let made_at = question.since.map(|seen| seen.made_at);
        let settled_until = question
            .since
            .map(|it| it.settled_until.unwrap_or(it.made_at));
        let snapshot = question.since.and_then(|seen| seen.snapshot.as_deref());
        let parameters: [&(dyn ToSql + Sync); 9] = [
            &slice.from,
            &slice.to,
            &min_metres,
            &max_metres,
            &question.filters.max_seconds,
            &made_at,
            &settled_until,
            &snapshot,
            &question.snapshot.next_transaction,
        ];
        let rows = transaction
            .query_raw(SLICE, parameters)
            .await
            .map_err(doing)?;
        let mut rows = std::pin::pin!(rows);
        let (mut sums, mut reaching) = <(Sums, Reaching)>::default();
        while let Some(row) = rows.try_next().await.map_err(doing)? {
            sums.add(&row, question.filters)?;
            reaching.add(&row)?;
        }
        Ok((sums, reaching))
    }
}

/// Distances are whole metres, so the filters can be.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float that is too large becomes the largest number, which is no limit"
)]
fn whole_metres(filters: TripFilters) -> (i64, i64) {
    (
        filters.min_metres.ceil() as i64,
        filters.max_metres.floor() as i64,
    )
}
