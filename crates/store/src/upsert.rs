//! [`Upsert`]: from the temporary table to `api.trips` and `api.schedule`, in one transaction.

use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt as _};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::{Client, Row};
use trips::public_row::PublicTrip;
use trips::status::BlockStatus;
use uuid::Uuid;

use crate::devices::DeviceIds;
use crate::error::{StoreError, failed};
use crate::fence::{DOING, Fence, STATEMENT};
use crate::in_order::in_order;
use crate::publications::{self, PublicationFile};
use crate::publish::{self, BlockRows};
use crate::schedule::{ArchiveRecord, ScheduleRow, get, status_code, to_bigint, write_archive};
use crate::screen::Screened;
use crate::values::values;
use crate::work::Work;

mod deliveries;
mod entry;
pub(crate) mod sql;
mod writing;

pub(crate) use deliveries::unknown::prepare as prepare_insert;
use entry::Entry;
use sql::{EMPTY_LARGE_STAGE, EMPTY_STAGE, RECORD_LOAD};
pub use writing::{Writing, WrittenLoad};

/// From how many trips on a load pays for statistics of them, and no longer keeps its rows for the
/// portal.
const MANY_TRIPS: u64 = 2_000;

/// What is being done at the end of a load.
const COMMITTING: &str = "committing a load";

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
    /// Whether the trips are the archive's, and not a file's.
    pub is_of_archive: bool,
    /// Publish the block again even if the load changes nothing.
    pub republish: bool,
    /// The provider's MDS id if its trips take vehicle data from `api.vehicles` (MDS 2.0).
    pub vehicles_of: Option<Uuid>,
    /// When the provider was requested for these trips. Of two deliveries of a trip the later one
    /// counts, unless their publication times say otherwise.
    pub requested_at: DateTime<Utc>,
    /// Mark trips as withdrawn that the provider no longer returns.
    pub withdraw: bool,
    /// The archive that the trips are from, if nobody has recorded it: the load does so.
    pub archive: Option<ArchiveRecord>,
    /// What was seen of the trips while they were encoded.
    pub screened: Screened,
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
    work: Work<'c>,
    row: &'c mut ScheduleRow,
    request: LoadRequest,
    counts: LoadCounts,
    /// Whether the load is to be recorded as a delivery from which trips can be missing.
    is_delivery: bool,
    /// Whether trips became the block's own as they were.
    has_moved: bool,
    copied: u64,
    /// The block's rows for the portal, if they are few, until somebody takes them.
    public_rows: Option<Vec<PublicTrip>>,
    /// The public ids of the load's devices, if they are many and probably those of all the block's
    /// rows, until somebody takes them.
    device_ids: Option<DeviceIds>,
}

impl std::fmt::Debug for Upsert<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upsert")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl Upsert<'_> {
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
        let schedule_id = self.row.schedule_id;
        let client = self.work.client();
        let moved_since = match self.has_moved {
            true => publications::oldest_pending(client).await?,
            false => None,
        };
        // Nothing is sent again of a block that never had a trip.
        let republishes = self.request.republish
            && (self.counts.status != BlockStatus::NoTrips
                || owns_trips(client, schedule_id).await?);
        let entry = Entry::of(&self.counts, republishes, moved_since);
        let (_, _, row, ()) = in_order!(
            self.record_archive(),
            publications::enter(client, schedule_id, file, entry.entered),
            self.record_load(entry),
            self.empty_stage()
        )?;
        let row = row.ok_or(StoreError::UnknownBlock { schedule_id })?;
        let row = ScheduleRow::read(&row)?;
        self.work.commit().await.map_err(failed(COMMITTING))?;
        let counts = LoadCounts {
            status: row.status,
            ..self.counts
        };
        *self.row = row;
        Ok(counts)
    }

    /// Records the archive that the trips are from, if nobody has.
    async fn record_archive(&self) -> Result<(), StoreError> {
        if let Some(archive) = &self.request.archive {
            let client = self.work.client();
            let recorded = write_archive(client, self.row.schedule_id, archive).await;
            recorded.map_err(failed(COMMITTING))?;
        }
        Ok(())
    }

    async fn record_load(&self, entry: Entry) -> Result<Option<Row>, StoreError> {
        let (request, counts) = (&self.request, self.counts);
        let recorded = self
            .work
            .client()
            .query_typed_opt(
                RECORD_LOAD,
                values![
                    self.row.schedule_id,
                    status_code(counts.status),
                    request.run_id,
                    to_bigint(request.fetched),
                    to_bigint(counts.loaded),
                    to_bigint(counts.rejected),
                    to_bigint(counts.duplicates),
                    request.error_payload,
                    entry.must_publish,
                    entry.may_be_published,
                    status_code(BlockStatus::Published),
                    self.is_delivery.then_some(request.requested_at),
                    entry.while_pending.map(status_code),
                    request.is_of_archive,
                ],
            )
            .await;
        recorded.map_err(failed(COMMITTING))
    }

    async fn empty_stage(&self) -> Result<(), StoreError> {
        let empty = match self.copied < MANY_TRIPS {
            true => EMPTY_STAGE,
            false => EMPTY_LARGE_STAGE,
        };
        let emptied = self.work.client().batch_execute(empty).await;
        emptied.map_err(failed(COMMITTING))
    }
}

/// Read all rows before the commit: after it, the next load may change them.
impl BlockRows for Upsert<'_> {
    async fn public_rows(
        &mut self,
    ) -> Result<BoxStream<'_, Result<PublicTrip, StoreError>>, StoreError> {
        if let Some(rows) = self.public_rows.take() {
            return Ok(stream::iter(rows).map(Ok).boxed());
        }
        let (client, schedule_id) = (self.work.client(), self.row.schedule_id);
        match self.device_ids.take() {
            Some(ids) => Ok(publish::rows_of_devices(client, schedule_id, ids).await?),
            None => Ok(publish::rows(client, schedule_id).await?),
        }
    }

    async fn name_devices(&self) -> Result<(), StoreError> {
        publish::name_devices(self.work.client(), self.row.schedule_id).await
    }
}

/// Whether the table has trips of the block, withdrawn ones included: the portal may have them,
/// too.
async fn owns_trips(client: &Client, schedule_id: i64) -> Result<bool, StoreError> {
    let any = "SELECT EXISTS (SELECT FROM api.trips WHERE schedule_id = $1)";
    let row = client.query_typed_one(any, values![schedule_id]).await;
    get(&row.map_err(failed("looking for trips of a block"))?, 0)
}

async fn check(work: &Work<'_>) -> Result<(), StoreError> {
    let checked = work.client().batch_execute(STATEMENT).await;
    checked.map_err(failed(DOING))
}

impl Fence for Upsert<'_> {
    async fn check(&self) -> Result<(), StoreError> {
        check(&self.work).await
    }
}
