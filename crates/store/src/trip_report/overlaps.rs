//! Finds the trips of a device that overlap, in slices of a day, several at once.

use futures::TryStreamExt;
use tokio_postgres::types::ToSql;
use trips::block::HourRange;

use super::count::BY_INDEX;
use super::reaching::{Reaching, Slice};
use super::snapshot::Snapshot;
use super::sums::Sums;
use crate::connect::Store;
use crate::error::{StoreError, failed};

/// Counts the overlapping trips of a slice by block, provider's id and type of vehicle.
///
/// The trips of later slices that began before this one's end (`$3` to `$9`) take part in the
/// search and belong to their own slice. Those that reach into another slice are found several
/// times, so they are returned by their ids.
const OVERLAPS: &str = "
    WITH trip AS (
        SELECT provider_id, device_id, vehicle_type, schedule_id, start_time, end_time,
               CASE WHEN start_time < $1 THEN trip_id END AS reaching
        FROM api.trips
        WHERE end_time >= $1 AND end_time < $2 AND withdrawn_at IS NULL
        UNION ALL
        SELECT provider_id, device_id, vehicle_type, schedule_id, start_time, end_time, trip_id
        FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::uuid[], $8::timestamptz[], $9::timestamptz[])
            AS other (provider_id, device_id, vehicle_type, schedule_id, trip_id, start_time, end_time)
    ), searched AS (
        SELECT provider_id, vehicle_type, schedule_id, reaching, start_time < max(end_time) OVER (
            PARTITION BY device_id, provider_id ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS is_overlapping
        FROM trip
    ), counted AS (
        SELECT schedule_id, provider_id, vehicle_type, count(*) FILTER (WHERE reaching IS NULL) AS overlapping,
               array_agg(reaching) FILTER (WHERE reaching IS NOT NULL) AS reaching
        FROM searched
        WHERE is_overlapping
        GROUP BY schedule_id, provider_id, vehicle_type
    )
    SELECT s.provider_id AS entry, c.provider_id, c.vehicle_type, c.overlapping, c.reaching
    FROM counted c LEFT JOIN api.schedule s USING (schedule_id)";

impl Store {
    /// Adds the overlapping trips of a range to its sums.
    pub(super) async fn add_overlaps(
        &self,
        snapshot: &Snapshot<'_>,
        range: HourRange,
        slices: Vec<Slice>,
        reaching: Reaching,
        sums: Sums,
    ) -> Result<Sums, StoreError> {
        let (slices, reaching) = if reaching.are_few() {
            (slices, reaching)
        } else {
            // So many trips last for days that slices would not make it faster.
            (vec![Slice::whole(range)], Reaching::default())
        };
        self.of_slices(&slices, |slice| {
            self.find_overlaps(snapshot, slice, &reaching)
        })
        .try_fold(sums, async |all, some| Ok(all.and(some)))
        .await
    }

    async fn find_overlaps(
        &self,
        snapshot: &Snapshot<'_>,
        slice: &Slice,
        reaching: &Reaching,
    ) -> Result<Sums, StoreError> {
        let doing = failed("looking for trips that overlap");
        let mut client = self.client().await?;
        let transaction = snapshot.join(&mut client).await?;
        transaction.batch_execute(BY_INDEX).await.map_err(doing)?;
        let others = reaching.of_later_slices(slice);
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&slice.from, &slice.to];
        parameters.extend(others.parameters());
        let rows = transaction
            .query_raw(OVERLAPS, parameters)
            .await
            .map_err(doing)?;
        let mut rows = std::pin::pin!(rows);
        let mut sums = Sums::default();
        while let Some(row) = rows.try_next().await.map_err(doing)? {
            sums.add_overlapping(&row)?;
        }
        Ok(sums)
    }
}
