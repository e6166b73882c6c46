//! Counts the trips of a range in slices of a day, several at once, in one snapshot.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use futures::{StreamExt, TryStreamExt};
use tokio_postgres::types::ToSql;
use trips::block::HourRange;
use uuid::Uuid;

use super::reaching::{Reaching, Slice, slices};
use super::snapshot::{Seen, Snapshot};
use super::sums::{GroupKey, Sums};
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
}

/// How many slices are counted at once. A server with fewer processors needs no longer for it.
const MAX_READERS: usize = 4;

/// Counts the trips of a slice by block, provider's id, type of vehicle and class. A class has one
/// bit for each thing that a report asks of a trip, so that one count replaces many.
///
/// The rows of the slice are read once: most of the time goes into taking them apart. The trips of
/// other slices that overlap this one (`$10` to `$16`) take part in the search for overlaps and are
/// counted in their own. The search finds those that reach into another slice several times, so
/// they are returned by their ids.
///
/// `xmin` is the transaction that wrote the row, without the upper half of its number. It decides
/// about changes that were made while the earlier report was (see [`Seen`]).
const SLICE: &str = "
    WITH trip AS (
        SELECT provider_id, device_id, vehicle_type, schedule_id, delivered_at,
               CASE WHEN trip_distance <= $4 THEN trip_distance END AS metres,
               CASE WHEN trip_duration <= $5 THEN trip_duration END AS seconds,
               CASE WHEN withdrawn_at IS NULL THEN start_time END AS start_time,
               CASE WHEN withdrawn_at IS NULL THEN end_time END AS end_time,
               CASE WHEN start_time < $1 THEN trip_id END AS reaching,
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
        UNION ALL
        SELECT provider_id, device_id, vehicle_type, schedule_id, NULL, NULL, NULL, start_time, end_time, trip_id, NULL
        FROM unnest($10::uuid[], $11::uuid[], $12::text[], $13::bigint[], $14::uuid[], $15::timestamptz[], $16::timestamptz[])
            AS other (provider_id, device_id, vehicle_type, schedule_id, trip_id, start_time, end_time)
    ), searched AS (
        SELECT *, start_time < max(end_time) OVER (
            PARTITION BY device_id, provider_id ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS is_overlapping
        FROM trip
    ), counted AS (
        SELECT schedule_id, provider_id, vehicle_type, class, count(*) AS trips,
               least(sum(metres), 9223372036854775807)::bigint AS metres,
               least(sum(seconds), 9223372036854775807)::bigint AS seconds,
               max(delivered_at) AS received_at,
               count(*) FILTER (WHERE is_overlapping AND reaching IS NULL) AS overlapping,
               array_agg(reaching) FILTER (WHERE is_overlapping AND reaching IS NOT NULL) AS reaching
        FROM searched
        GROUP BY schedule_id, provider_id, vehicle_type, class
    )
    SELECT s.provider_id AS entry, c.provider_id AS id, c.vehicle_type, c.class, c.trips, c.metres, c.seconds,
           c.received_at, c.overlapping, c.reaching
    FROM counted c LEFT JOIN api.schedule s USING (schedule_id)
    WHERE c.class IS NOT NULL OR c.reaching IS NOT NULL";

/// A sequential scan would read the table once for each day, and a bitmap reads each page of a day
/// once. The classes are few, which the planner cannot know: it would sort for them.
const BY_INDEX: &str = "
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_indexscan = off;
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL hash_mem_multiplier = 16";

/// A provider is that of its blocks: an id can belong to several entries of the providers file.
const NAMES: &str = "
    SELECT coalesce(p.provider_name, (
               SELECT min(e.provider_name) FROM api.providers e WHERE e.mds_provider_id = k.id
           ), (
               SELECT lower(max(t.provider_name)) FROM api.trips t
               WHERE t.end_time >= $3 AND t.end_time < $4 AND t.provider_id = k.id
           ), k.id::text) AS name
    FROM unnest($1::int[], $2::uuid[]) WITH ORDINALITY AS k (entry, id, n)
    LEFT JOIN api.providers p ON p.provider_id = k.entry
    ORDER BY k.n";

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
        let (slices, reaching) = match Reaching::read(&snapshot.transaction, &slices).await? {
            Some(reaching) => (slices, reaching),
            // So many trips last for days that slices would not make it faster.
            None => (vec![Slice::whole(range)], Reaching::default()),
        };
        let readers = MAX_READERS
            .min(self.max_connections().saturating_sub(1))
            .max(1);
        let sums = futures::stream::iter(&slices)
            .map(|slice| self.count_slice(&question, slice, &reaching))
            .buffer_unordered(readers)
            .try_fold(Sums::default(), async |all, some| Ok(all.and(some)))
            .await?;
        Ok(TripCounts {
            groups: name_groups(&snapshot.transaction, range, sums).await?,
            blocks: overview::read(&snapshot.transaction, range).await?,
            seen: snapshot.seen,
        })
    }

    async fn count_slice(
        &self,
        question: &Question<'_>,
        slice: &Slice,
        reaching: &Reaching,
    ) -> Result<Sums, StoreError> {
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
        let others = reaching.of_later_slices(slice);
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![
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
        parameters.extend(others.parameters());
        let rows = transaction
            .query_raw(SLICE, parameters)
            .await
            .map_err(doing)?;
        let mut rows = std::pin::pin!(rows);
        let mut sums = Sums::default();
        while let Some(row) = rows.try_next().await.map_err(doing)? {
            sums.add(&row, question.filters)?;
        }
        Ok(sums)
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

async fn name_groups(
    transaction: &Transaction<'_>,
    range: HourRange,
    sums: Sums,
) -> Result<Vec<TripGroup>, StoreError> {
    let mut by_provider = BTreeMap::<(Option<i32>, Uuid), Vec<(Option<String>, TripGroup)>>::new();
    for (key, group) in sums.into_groups() {
        let GroupKey {
            entry,
            id,
            vehicle_type,
        } = key;
        let groups = by_provider.entry((entry, id)).or_default();
        groups.push((vehicle_type, group));
    }
    let (entries, ids): (Vec<_>, Vec<_>) = by_provider.keys().copied().unzip();
    let (first, end): (DateTime<Utc>, DateTime<Utc>) = (range.first().start(), range.end().start());
    let rows = transaction
        .query(NAMES, &[&entries, &ids, &first, &end])
        .await
        .map_err(failed("naming the providers of trips"))?;
    let mut named = Vec::new();
    for (row, groups) in rows.iter().zip(by_provider.into_values()) {
        let provider: String = get(row, "name")?;
        named.extend(groups.into_iter().map(|(vehicle_type, group)| TripGroup {
            provider: provider.clone(),
            vehicle_type,
            ..group
        }));
    }
    named.sort_by(|one, other| {
        let order = |group: &TripGroup| {
            (
                group.provider.clone(),
                group.vehicle_type.is_none(),
                group.vehicle_type.clone(),
            )
        };
        order(one).cmp(&order(other))
    });
    Ok(named)
}
