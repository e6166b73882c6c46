//! [`Writing`]: from the temporary tables to `api.devices` and `api.trips`.

use std::fmt;

use deadpool_postgres::ClientWrapper;
use futures::try_join;
use tokio_postgres::{Client, Error, Row, Statement};
use trips::VehicleType;
use trips::public_row::PublicTrip;
use trips::status::BlockStatus;
use trips::trip::Flag;

use super::deliveries::unknown::are_known;
use super::deliveries::{Deliveries, Written};
use super::sql::{
    DELETE_DUPLICATES, FLAG_OVERLAPS, FLAG_VEHICLE_TYPES, GATHER_STATISTICS, INSERT_DEVICES,
    JOIN_VEHICLES, SET_REJECTED_ASIDE,
};
use super::{LoadCounts, LoadRequest, MANY_TRIPS, Upsert, check};
use crate::connect::Store;
use crate::devices::DeviceIds;
use crate::error::{StoreError, failed};
use crate::fence::Fence;
use crate::in_order::in_order;
use crate::schedule::ScheduleRow;
use crate::values::values;
use crate::work::{self, Work};

/// A load whose rows are being written. Dropping it rolls back.
pub struct Writing<'c> {
    store: &'c Store,
    work: Work<'c>,
    row: &'c mut ScheduleRow,
    insert: Statement,
    request: LoadRequest,
    copied: u64,
}

impl fmt::Debug for Writing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writing")
            .field("copied", &self.copied)
            .finish_non_exhaustive()
    }
}

/// What [`Writing::write`] has written.
pub struct WrittenLoad {
    counts: LoadCounts,
    is_delivery: bool,
    has_moved: bool,
    public_rows: Option<Vec<PublicTrip>>,
    device_ids: Option<DeviceIds>,
    /// Whether the rows are all new, and all that the block has.
    are_all_new: bool,
}

impl WrittenLoad {
    /// How many trips of the block are withdrawn by the load.
    #[must_use]
    pub fn withdrawn(&self) -> u64 {
        self.counts.withdrawn
    }
}

impl fmt::Debug for WrittenLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrittenLoad")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl<'c> Writing<'c> {
    pub(crate) fn begin(
        store: &'c Store,
        client: &'c mut ClientWrapper,
        row: &'c mut ScheduleRow,
        insert: Statement,
        request: LoadRequest,
        copied: u64,
    ) -> Result<Self, StoreError> {
        let writing = Self {
            store,
            work: Work::new(client),
            row,
            insert,
            request,
            copied,
        };
        // The ids of rejected trips are still among the rows.
        let least = writing
            .request
            .fetched
            .saturating_sub(writing.request.rejected);
        if copied < least {
            return Err(writing.mismatch(copied));
        }
        Ok(writing)
    }

    /// Writes the rows, in the transaction that [`Upsert::commit`] commits.
    ///
    /// # Errors
    ///
    /// As [`LoadStage::upsert`](crate::LoadStage::upsert).
    pub async fn write(&self) -> Result<WrittenLoad, StoreError> {
        let request = &self.request;
        let Some(devices) = request.screened.many_devices() else {
            return self.write_trips().await;
        };
        // Nothing of the load reads the devices before its rows are read for the portal.
        let (written, ids) = try_join!(self.write_trips(), devices.insert(self.store))?;
        // Else the block probably keeps trips that this delivery lacks, and maybe their devices.
        let are_probably_all = written.are_all_new || (request.withdraw && request.rejected == 0);
        Ok(WrittenLoad {
            device_ids: are_probably_all.then_some(ids),
            ..written
        })
    }

    async fn write_trips(&self) -> Result<WrittenLoad, StoreError> {
        let (client, request) = (self.work.client(), &self.request);
        let (rejected_ids, (), (), prepared) = in_order!(
            set_rejected_aside(client, request),
            gather_statistics(client, self.copied),
            insert_devices(client, request),
            self.prepare(),
        )
        .map_err(failed("loading trips"))?;
        let valid = self.copied.saturating_sub(rejected_ids);
        if request.fetched.checked_sub(request.rejected) != Some(valid) {
            return Err(self.mismatch(valid));
        }
        let loaded = valid.saturating_sub(prepared.duplicates);
        let has_only_rejects = loaded == 0 && request.fetched > 0;
        let may_withdraw = request.withdraw && !has_only_rejects;
        let block = Deliveries::read(&prepared.deliveries, request, may_withdraw)?;
        let written = self.insert_or_compare(&block, prepared.are_known).await?;
        let counts = LoadCounts {
            status: status_after(request, loaded),
            loaded,
            rejected: request.rejected,
            duplicates: prepared.duplicates,
            inserted: written.inserted,
            updated: written.updated,
            unchanged: loaded.saturating_sub(written.inserted + written.updated),
            withdrawn: written.withdrawn,
        };
        Ok(WrittenLoad {
            counts,
            is_delivery: block.is_new,
            has_moved: written.has_moved,
            public_rows: written.public_rows,
            device_ids: None,
            are_all_new: written.are_all_new,
        })
    }

    /// Inserts the trips, or compares each with the table if that knows one of them.
    async fn insert_or_compare(
        &self,
        block: &Deliveries,
        are_known: bool,
    ) -> Result<Written, StoreError> {
        let (client, request) = (self.work.wrapper(), &self.request);
        let schedule_id = self.row.schedule_id;
        let few = (self.copied < MANY_TRIPS).then_some(&self.insert);
        if !are_known {
            let inserted = block.insert(client, few, schedule_id, request).await?;
            if let Some(written) = inserted {
                return Ok(written);
            }
            in_order!(self.work.roll_back(), self.prepare()).map_err(failed("loading trips"))?;
        }
        block
            .write(client, few.is_some(), schedule_id, request)
            .await
    }

    /// Begins the transaction, and does what a load does in it before it writes trips. All the
    /// statements go out together.
    async fn prepare(&self) -> Result<Prepared, Error> {
        let (client, request) = (self.work.client(), &self.request);
        let schedule_id = self.row.schedule_id;
        let flags = Flag::ALL.map(Flag::as_str);
        let flags = flags.as_slice();
        let vehicles = async {
            match request.vehicles_of {
                Some(provider) => client.execute_typed(JOIN_VEHICLES, values![provider]).await,
                None => Ok(0),
            }
        };
        let types = async {
            if request.vehicles_of.is_none() {
                return Ok(0);
            }
            let words = VehicleType::ALL.map(VehicleType::as_str);
            let flag = Flag::UnknownVehicleType.as_str();
            let words = words.as_slice();
            let values = values![flag, flags, words];
            client.execute_typed(FLAG_VEHICLE_TYPES, values).await
        };
        let duplicates = async {
            let repeated = &request.screened.repeated;
            if repeated.as_ref().is_some_and(Vec::is_empty) {
                return Ok(0);
            }
            let values = values![*repeated];
            client.execute_typed(DELETE_DUPLICATES, values).await
        };
        let overlaps = async {
            let overlapping = &request.screened.overlapping;
            if overlapping.as_ref().is_some_and(Vec::is_empty) {
                return Ok(0);
            }
            let flag = Flag::Overlap.as_str();
            let values = values![flag, flags, *overlapping];
            client.execute_typed(FLAG_OVERLAPS, values).await
        };
        let ((), _, _, duplicates, _, deliveries, are_known) = in_order!(
            self.work.begin(),
            vehicles,
            types,
            duplicates,
            overlaps,
            Deliveries::query(client, schedule_id, request),
            are_known(client, schedule_id, self.copied),
        )?;
        Ok(Prepared {
            duplicates,
            deliveries,
            are_known,
        })
    }

    fn mismatch(&self, copied: u64) -> StoreError {
        StoreError::CountMismatch {
            fetched: self.request.fetched,
            rejected: self.request.rejected,
            copied,
        }
    }

    /// The load, which is not committed yet.
    #[must_use]
    pub fn end(self, written: WrittenLoad) -> Upsert<'c> {
        Upsert {
            work: self.work,
            row: self.row,
            request: self.request,
            counts: written.counts,
            copied: self.copied,
            is_delivery: written.is_delivery,
            has_moved: written.has_moved,
            public_rows: written.public_rows,
            device_ids: written.device_ids,
        }
    }
}

impl Fence for Writing<'_> {
    async fn check(&self) -> Result<(), StoreError> {
        check(&self.work).await
    }
}

/// What is known of a load before it writes trips.
struct Prepared {
    duplicates: u64,
    /// The row with the block's earlier deliveries.
    deliveries: Row,
    /// Whether the table has one of the trips, or any trip of the block.
    are_known: bool,
}

fn status_after(request: &LoadRequest, loaded: u64) -> BlockStatus {
    match (request.fetched, loaded, request.rejected) {
        (0, _, _) => BlockStatus::NoTrips,
        (_, 0, _) => BlockStatus::AllRejected,
        (_, _, 0) => BlockStatus::Loaded,
        _ => BlockStatus::LoadedWithRejects,
    }
}

/// Moves the ids of rejected trips out of the trips to load, and returns how many rows hold one.
async fn set_rejected_aside(client: &Client, request: &LoadRequest) -> Result<u64, Error> {
    if request.rejected == 0 {
        return Ok(0);
    }
    client.execute_typed(SET_REJECTED_ASIDE, &[]).await
}

/// Inserts the rows' unknown devices into `api.devices`, in a transaction of its own, unless
/// somebody else does so. All its statements go out together.
async fn insert_devices(client: &Client, request: &LoadRequest) -> Result<(), Error> {
    if request.screened.many_devices().is_some() {
        return Ok(());
    }
    in_order!(
        client.batch_execute(work::BEGIN),
        client.execute_typed(INSERT_DEVICES, &[]),
        client.batch_execute("COMMIT"),
    )?;
    Ok(())
}

/// Gathers statistics of the trips, if they are many.
async fn gather_statistics(client: &Client, copied: u64) -> Result<(), Error> {
    if copied < MANY_TRIPS {
        return Ok(());
    }
    client.batch_execute(GATHER_STATISTICS).await
}
