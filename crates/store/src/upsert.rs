//! From the session's table to `api.trips` and the schedule, in one transaction.

use deadpool_postgres::{ClientWrapper, Transaction};
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::types::ToSql;
use trips::status::BlockStatus;
use trips::trip::Flag;
use uuid::Uuid;

use crate::claim::{code, signed};
use crate::error::{StoreError, failed};
use crate::publish::{PUBLISH_ROWS, PublishRow};
use crate::schedule::ScheduleRow;

mod sql;

use sql::{
    DROP_DUPLICATES, ENTER_DEVICES, FLAG_OVERLAPS, GATHER_STATISTICS, JOIN_VEHICLES, NOTE_LOAD,
    TAKE_KNOWN_DEVICE_IDS, UPSERT_TRIPS, WORK_IN_MEMORY,
};

/// What the caller knows of a load.
#[derive(Debug, Clone)]
pub struct LoadRequest {
    /// The run that loads.
    pub run_id: Uuid,
    /// The MDS version of the archive.
    pub version: Option<String>,
    /// Trips in the archive.
    pub fetched: u64,
    /// Trips refused.
    pub rejected: u64,
    /// Why trips were refused: counts by reason, no trips.
    pub error_payload: Option<Value>,
    /// Whether the block is to be published anew though nothing may have changed.
    pub republish: bool,
    /// The provider's id in MDS, if its trips are to be joined with its vehicles (2.0).
    pub vehicles_of: Option<Uuid>,
}

/// What a load did. `fetched = loaded + rejected + duplicates`, and `loaded = inserted + updated +
/// unchanged`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LoadCounts {
    /// The block's status: 5, 6, -6 or 7; 8 once it is committed, if nothing changed since it was
    /// published.
    pub status: BlockStatus,
    /// Trips that are in the table now.
    pub loaded: u64,
    /// Trips that the caller refused.
    pub rejected: u64,
    /// Deliveries of a trip beside the one that counts.
    pub duplicates: u64,
    /// Trips that were not in the table before.
    pub inserted: u64,
    /// Trips that were other in the table before.
    pub updated: u64,
    /// Trips that were in the table as delivered.
    pub unchanged: u64,
}

/// A load that waits to be committed. Dropped without, it never was.
pub struct Upsert<'c> {
    transaction: Transaction<'c>,
    row: &'c mut ScheduleRow,
    facts: LoadRequest,
    counts: LoadCounts,
}

impl std::fmt::Debug for Upsert<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upsert")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

/// Makes every device of the rows known, and every row know its device's public id.
pub(crate) async fn enter_devices(client: &mut ClientWrapper) -> Result<(), StoreError> {
    let doing = failed("entering devices");
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
        .query_one(ENTER_DEVICES, &[])
        .await
        .map_err(doing)?;
    let count = |column| devices.try_get::<_, i64>(column).map_err(doing);
    if count("other")? > count("entered")? {
        transaction
            .execute(TAKE_KNOWN_DEVICE_IDS, &[])
            .await
            .map_err(doing)?;
    }
    transaction.commit().await.map_err(doing)
}

impl<'c> Upsert<'c> {
    pub(crate) async fn begin(
        client: &'c mut ClientWrapper,
        row: &'c mut ScheduleRow,
        facts: LoadRequest,
        copied: u64,
    ) -> Result<Self, StoreError> {
        let doing = failed("loading trips");
        let transaction = client.transaction().await.map_err(doing)?;
        transaction
            .batch_execute(WORK_IN_MEMORY)
            .await
            .map_err(doing)?;
        if let Some(provider_id) = facts.vehicles_of {
            transaction
                .execute(JOIN_VEHICLES, &[&provider_id])
                .await
                .map_err(doing)?;
        }
        let duplicates = transaction
            .execute(DROP_DUPLICATES, &[])
            .await
            .map_err(doing)?;
        let flags = Flag::ALL.map(Flag::as_str);
        transaction
            .execute(FLAG_OVERLAPS, &[&Flag::Overlap.as_str(), &flags.as_slice()])
            .await
            .map_err(doing)?;
        let done = transaction
            .query_one(UPSERT_TRIPS.as_str(), &[&row.schedule_id, &facts.version])
            .await
            .map_err(doing)?;
        let counted = |column| {
            done.try_get::<_, i64>(column)
                .map_err(doing)
                .map(i64::unsigned_abs)
        };
        let (inserted, updated) = (counted("inserted")?, counted("updated")?);
        let loaded = copied.saturating_sub(duplicates);
        let counts = LoadCounts {
            status: status(&facts, loaded),
            loaded,
            rejected: facts.rejected,
            duplicates,
            inserted,
            updated,
            unchanged: loaded.saturating_sub(inserted + updated),
        };
        Ok(Self {
            transaction,
            row,
            facts,
            counts,
        })
    }

    /// What the load will have done.
    #[must_use]
    pub fn counts(&self) -> LoadCounts {
        self.counts
    }

    /// The block's trips for the portal, as they will stand in the table, in order of their ends.
    /// Read them to the end before the commit: after it, the next load may change them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn publish_rows(
        &self,
    ) -> Result<BoxStream<'_, Result<PublishRow, StoreError>>, StoreError> {
        let doing = failed("reading the rows to publish");
        let none: [&(dyn ToSql + Sync); 0] = [];
        let rows = self
            .transaction
            .query_raw(PUBLISH_ROWS, none)
            .await
            .map_err(doing)?;
        Ok(rows
            .map(move |row| PublishRow::read(&row.map_err(doing)?))
            .boxed())
    }

    /// Makes the load true: trips, counts and status at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]: nothing is loaded then, or, if the connection broke while the
    /// database was at it, all; the next claim's row tells.
    pub async fn commit(self) -> Result<LoadCounts, StoreError> {
        let doing = failed("committing a load");
        let (facts, mut counts) = (self.facts, self.counts);
        let schedule_id = self.row.schedule_id;
        let row = self
            .transaction
            .query_opt(
                NOTE_LOAD,
                &[
                    &schedule_id,
                    &code(counts.status),
                    &facts.run_id,
                    &signed(facts.fetched),
                    &signed(counts.loaded),
                    &signed(counts.rejected),
                    &signed(counts.duplicates),
                    &facts.error_payload,
                    &(facts.republish || counts.inserted + counts.updated > 0),
                ],
            )
            .await
            .map_err(doing)?
            .ok_or(StoreError::UnknownBlock { schedule_id })?;
        self.transaction
            .batch_execute("TRUNCATE pg_temp.incoming")
            .await
            .map_err(doing)?;
        let row = ScheduleRow::read(&row)?;
        self.transaction.commit().await.map_err(doing)?;
        counts.status = row.status;
        *self.row = row;
        Ok(counts)
    }
}

fn status(facts: &LoadRequest, loaded: u64) -> BlockStatus {
    match (facts.fetched, loaded, facts.rejected) {
        (0, _, _) => BlockStatus::NoTrips,
        (_, 0, _) => BlockStatus::AllRejected,
        (_, _, 0) => BlockStatus::Loaded,
        _ => BlockStatus::LoadedWithRejects,
    }
}
