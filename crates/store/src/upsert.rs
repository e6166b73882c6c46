//! [`Upsert`]: from the temporary table to `api.trips` and `api.schedule`, in one transaction.

use chrono::{DateTime, Utc};
use deadpool_postgres::{ClientWrapper, Transaction};
use futures::stream::BoxStream;
use serde::Serialize;
use serde_json::Value;
use trips::VehicleType;
use trips::public_row::PublicTrip;
use trips::status::BlockStatus;
use trips::trip::Flag;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::fence::{DOING, Fence, STATEMENT};
use crate::publications::{self, Entered, PublicationFile};
use crate::publish::{self, BlockRows};
use crate::schedule::{ScheduleRow, status_code, to_bigint};

mod deliveries;
mod sql;

use deliveries::Deliveries;
use sql::{
    APPLY_KNOWN_DEVICE_IDS, DELETE_DUPLICATES, FLAG_OVERLAPS, FLAG_VEHICLE_TYPES,
    GATHER_STATISTICS, INSERT_DEVICES, JOIN_VEHICLES, RECORD_LOAD, SET_REJECTED_ASIDE,
    WORK_IN_MEMORY,
};

/// What the caller of a load knows about it.
#[derive(Debug, Clone)]
pub struct LoadRequest {
    /// The run that loads.
    pub run_id: Uuid,
    /// The MDS version of the archive.
    pub version: Option<String>,
    /// Number of trips in the archive.
    pub fetched: u64,
    /// Number of trips rejected.
    pub rejected: u64,
    /// Why trips were rejected: counts by reason, no trips.
    pub error_payload: Option<Value>,
    /// Publish the block again even if the load changes nothing.
    pub republish: bool,
    /// The provider's MDS id if its trips take vehicle data from `api.vehicles` (MDS 2.0).
    pub vehicles_of: Option<Uuid>,
    /// When the provider was requested for these trips. Of two deliveries of a trip the later one
    /// counts, unless their publication times say otherwise.
    pub requested_at: DateTime<Utc>,
    /// Mark trips as withdrawn that the provider no longer returns.
    pub withdraw: bool,
}

/// The counts of a load.
///
/// `fetched = loaded + rejected + duplicates`, and `loaded = inserted + updated + unchanged`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LoadCounts {
    /// The block's status after the load: [`BlockStatus::Loaded`],
    /// [`BlockStatus::LoadedWithRejects`], [`BlockStatus::AllRejected`] or
    /// [`BlockStatus::NoTrips`]. After the commit it is [`BlockStatus::Published`] if the portal
    /// already holds everything.
    pub status: BlockStatus,
    /// Trips that are in `api.trips` now.
    pub loaded: u64,
    /// Trips that the caller rejected.
    pub rejected: u64,
    /// Deliveries that were dropped in favour of another delivery of the same trip.
    pub duplicates: u64,
    /// New trips.
    pub inserted: u64,
    /// Existing trips whose row changed, or that count again.
    pub updated: u64,
    /// Trips whose row says the same as before: this delivery's content, or that of a newer one.
    pub unchanged: u64,
    /// Trips that the provider no longer returns.
    pub withdrawn: u64,
}

/// An uncommitted load. Dropping it rolls back.
pub struct Upsert<'c> {
    transaction: Transaction<'c>,
    row: &'c mut ScheduleRow,
    request: LoadRequest,
    counts: LoadCounts,
    /// Whether the load is to be recorded as a delivery from which trips can be missing.
    is_delivery: bool,
    /// Whether trips became the block's own as they were.
    has_moved: bool,
}

impl std::fmt::Debug for Upsert<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upsert")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

/// Moves the ids of rejected trips out of the table of the trips to load, and returns their number.
pub(crate) async fn set_rejected_aside(client: &mut ClientWrapper) -> Result<u64, StoreError> {
    client
        .execute(SET_REJECTED_ASIDE, &[])
        .await
        .map_err(failed("setting rejected trips aside"))
}

/// Inserts the rows' unknown devices into `api.devices`, and gives each row of the temporary table
/// the public id that its device has there.
pub(crate) async fn insert_devices(client: &mut ClientWrapper) -> Result<(), StoreError> {
    let doing = failed("inserting devices");
    let transaction = client.transaction().await.map_err(doing)?;
    transaction
        .batch_execute(WORK_IN_MEMORY)
        .await
        .map_err(doing)?;
    transaction
        .batch_execute(GATHER_STATISTICS)
        .await
        .map_err(doing)?;
    let devices = transaction
        .query_one(INSERT_DEVICES, &[])
        .await
        .map_err(doing)?;
    let count = |column| devices.try_get::<_, i64>(column).map_err(doing);
    if count("missing")? > count("inserted")? {
        transaction
            .execute(APPLY_KNOWN_DEVICE_IDS, &[])
            .await
            .map_err(doing)?;
    }
    transaction.commit().await.map_err(doing)
}

impl<'c> Upsert<'c> {
    pub(crate) async fn start(
        client: &'c mut ClientWrapper,
        row: &'c mut ScheduleRow,
        request: LoadRequest,
        copied: u64,
    ) -> Result<Self, StoreError> {
        let doing = failed("loading trips");
        let transaction = client.transaction().await.map_err(doing)?;
        transaction
            .batch_execute(WORK_IN_MEMORY)
            .await
            .map_err(doing)?;
        let flags = Flag::ALL.map(Flag::as_str);
        if let Some(provider_id) = request.vehicles_of {
            transaction
                .execute(JOIN_VEHICLES, &[&provider_id])
                .await
                .map_err(doing)?;
            let words = VehicleType::ALL.map(VehicleType::as_str);
            transaction
                .execute(
                    FLAG_VEHICLE_TYPES,
                    &[
                        &Flag::UnknownVehicleType.as_str(),
                        &flags.as_slice(),
                        &words.as_slice(),
                    ],
                )
                .await
                .map_err(doing)?;
        }
        let duplicates = transaction
            .execute(DELETE_DUPLICATES, &[])
            .await
            .map_err(doing)?;
        transaction
            .execute(FLAG_OVERLAPS, &[&Flag::Overlap.as_str(), &flags.as_slice()])
            .await
            .map_err(doing)?;
        let loaded = copied.saturating_sub(duplicates);
        let has_only_rejects = loaded == 0 && request.fetched > 0;
        let deliveries = Deliveries::read(
            &transaction,
            row.schedule_id,
            &request,
            request.withdraw && !has_only_rejects,
        )
        .await?;
        let written = deliveries
            .write(&transaction, row.schedule_id, &request)
            .await?;
        let counts = LoadCounts {
            status: status_after(&request, loaded),
            loaded,
            rejected: request.rejected,
            duplicates,
            inserted: written.inserted,
            updated: written.updated,
            unchanged: loaded.saturating_sub(written.inserted + written.updated),
            withdrawn: written.withdrawn,
        };
        Ok(Self {
            transaction,
            row,
            request,
            counts,
            is_delivery: deliveries.is_new,
            has_moved: written.has_moved,
        })
    }

    /// The counts of the load once it is committed.
    #[must_use]
    pub fn counts(&self) -> LoadCounts {
        self.counts
    }

    /// Commits trips, counts, status and what the portal must receive in one transaction. `file` is
    /// the object with the block's rows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]. Then nothing is loaded, or everything if the connection broke
    /// during the commit itself; the row of the next claim shows which.
    pub async fn commit(self, file: &PublicationFile) -> Result<LoadCounts, StoreError> {
        let doing = failed("committing a load");
        let (request, mut counts) = (self.request, self.counts);
        let schedule_id = self.row.schedule_id;
        let has_changed = counts.inserted + counts.updated + counts.withdrawn > 0;
        let moved_since = match self.has_moved {
            true => publications::oldest_pending(&self.transaction).await?,
            false => None,
        };
        let must_publish = request.republish || has_changed || moved_since.is_some();
        let entered = if request.republish {
            Entered::All
        } else {
            Entered::Changed {
                since: moved_since,
                now: has_changed,
            }
        };
        let is_pending = publications::enter(&self.transaction, schedule_id, file, entered).await?;
        // A block without trips counts as loaded until the portal has lost its earlier ones too.
        if counts.status == BlockStatus::NoTrips && is_pending {
            counts.status = BlockStatus::Loaded;
        }
        let may_be_published = !must_publish
            && matches!(
                counts.status,
                BlockStatus::Loaded | BlockStatus::LoadedWithRejects
            );
        let row = self
            .transaction
            .query_opt(
                RECORD_LOAD,
                &[
                    &schedule_id,
                    &status_code(counts.status),
                    &request.run_id,
                    &to_bigint(request.fetched),
                    &to_bigint(counts.loaded),
                    &to_bigint(counts.rejected),
                    &to_bigint(counts.duplicates),
                    &request.error_payload,
                    &must_publish,
                    &may_be_published,
                    &status_code(BlockStatus::Published),
                    &self.is_delivery.then_some(request.requested_at),
                ],
            )
            .await
            .map_err(doing)?
            .ok_or(StoreError::UnknownBlock { schedule_id })?;
        self.transaction
            .batch_execute("TRUNCATE pg_temp.incoming, pg_temp.rejected")
            .await
            .map_err(doing)?;
        let row = ScheduleRow::read(&row)?;
        self.transaction.commit().await.map_err(doing)?;
        counts.status = row.status;
        *self.row = row;
        Ok(counts)
    }
}

/// Read all rows before the commit: after it, the next load may change them.
impl BlockRows for Upsert<'_> {
    async fn public_rows(
        &self,
    ) -> Result<BoxStream<'_, Result<PublicTrip, StoreError>>, StoreError> {
        publish::rows(&self.transaction, self.row.schedule_id).await
    }

    async fn name_devices(&self) -> Result<(), StoreError> {
        publish::name_devices(&*self.transaction, self.row.schedule_id).await
    }
}

impl Fence for Upsert<'_> {
    async fn check(&self) -> Result<(), StoreError> {
        let checked = self.transaction.batch_execute(STATEMENT).await;
        checked.map_err(failed(DOING))
    }
}

fn status_after(request: &LoadRequest, loaded: u64) -> BlockStatus {
    match (request.fetched, loaded, request.rejected) {
        (0, _, _) => BlockStatus::NoTrips,
        (_, 0, _) => BlockStatus::AllRejected,
        (_, _, 0) => BlockStatus::Loaded,
        _ => BlockStatus::LoadedWithRejects,
    }
}
