//! [`LoadStage`] and [`CopySink`]: a block's trips arrive in a temporary table first.

use std::pin::Pin;
use std::sync::LazyLock;

use bytes::Bytes;
use futures::{SinkExt, try_join};
use tokio_postgres::CopyInSink;

use crate::claim::Claim;
use crate::copy::{HEADER, KEYS, TRAILER, TRIP_DATA};
use crate::error::{StoreError, failed};
use crate::fence::Fence;
use crate::upsert::sql::EMPTY_STAGE;
use crate::upsert::{self, LoadRequest, Upsert};

/// The columns have the types of `api.trips`. After a load the tables are emptied and not dropped,
/// since creating and dropping many tables bloats the system catalogs.
static CREATE_INCOMING: LazyLock<String> = LazyLock::new(|| {
    format!(
        "CREATE TEMPORARY TABLE IF NOT EXISTS incoming AS
         SELECT 0::bigint AS seq, id AS device_public_id, id, provider_id, trip_id, flags, {}
         FROM api.trips WITH NO DATA;
         CREATE TEMPORARY TABLE IF NOT EXISTS rejected (trip_id uuid)",
        TRIP_DATA.join(", ")
    )
});

static COPY_INCOMING: LazyLock<String> = LazyLock::new(|| {
    format!(
        "COPY pg_temp.incoming ({}, {}) FROM STDIN (FORMAT binary)",
        KEYS.join(", "),
        TRIP_DATA.join(", ")
    )
});

/// A load that has started. Dropping it leaves the tables of schema `api` as they were.
#[derive(Debug)]
pub struct LoadStage<'c> {
    claim: &'c mut Claim,
    /// Whether the tables have only rows of this load.
    is_clean: bool,
    copied: u64,
}

impl Claim {
    /// Starts to load the block: creates a temporary table for its rows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn start_load(&mut self) -> Result<LoadStage<'_>, StoreError> {
        if !self.has_stage {
            let client = self.session.client()?;
            try_join!(
                client.batch_execute(&CREATE_INCOMING),
                client.prepare_cached(&COPY_INCOMING),
            )
            .map_err(failed("preparing a load"))?;
        }
        Ok(LoadStage {
            is_clean: !self.has_stage,
            claim: self,
            copied: 0,
        })
    }
}

impl<'c> LoadStage<'c> {
    /// Starts a COPY into the temporary table, for the output of a
    /// [`CopyEncoder`](crate::CopyEncoder).
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn copy(&mut self) -> Result<CopySink<'_>, StoreError> {
        let doing = failed("starting to copy trips");
        let client = self.claim.session.client()?;
        let copy = client.prepare_cached(&COPY_INCOMING).await.map_err(doing)?;
        let empty = if self.is_clean { "" } else { EMPTY_STAGE };
        let (_, sink) =
            try_join!(client.batch_execute(empty), client.copy_in(&copy)).map_err(doing)?;
        self.claim.has_stage = true;
        self.is_clean = true;
        let mut sink = Box::pin(sink);
        sink.feed(Bytes::from_static(HEADER)).await.map_err(doing)?;
        Ok(CopySink {
            sink,
            copied: &mut self.copied,
        })
    }

    /// Writes the rows to `api.devices`, and to `api.trips` in a transaction that
    /// [`Upsert::commit`] commits.
    ///
    /// - If the block has several deliveries of a trip, the one with the newest publication time
    ///   counts, and the last one among equals.
    /// - Trips of one device that overlap within the block all get the flag `overlap`. A trip that
    ///   starts when another one ends does not overlap it.
    /// - Trips and devices keep the public ids that they have.
    /// - A row holds the newest delivery of its trip, in any order of loading: the one with the
    ///   latest publication time (none is earlier than any), of those the one with the latest
    ///   request time, of those the one of the block with the largest id.
    /// - A newer delivery changes the row. If it says the same, only the owner, the flags and
    ///   `delivered_at` change, and `modified_date` stays. Flags depend on the block, so a
    ///   difference in flags alone is a change only if the owner stays the same. A delivery that is
    ///   loaded again touches no row.
    /// - A trip of which this block is the owner, and which a later request of the block no longer
    ///   returned, is withdrawn, unless it is among the rejected ones or another delivery is later.
    ///   It counts again once a newer or a later delivery has it.
    /// - A load that rejects every trip withdraws none.
    ///
    /// # Errors
    ///
    /// [`StoreError::CountMismatch`] if the number of rows is not the number of fetched trips minus
    /// the rejected ones; [`StoreError::Busy`] if another load holds the same trips for too long;
    /// [`StoreError::Unavailable`].
    pub async fn upsert(self, request: LoadRequest) -> Result<Upsert<'c>, StoreError> {
        let Claim {
            store,
            session,
            row,
            ..
        } = self.claim;
        let client = session.client_mut()?;
        if !self.is_clean {
            let emptied = client.batch_execute(EMPTY_STAGE).await;
            emptied.map_err(failed("preparing a load"))?;
        }
        let mut copied = self.copied;
        if request.rejected > 0 {
            copied -= upsert::set_rejected_aside(client).await?.min(copied);
        }
        if request.fetched.checked_sub(request.rejected) != Some(copied) {
            return Err(StoreError::CountMismatch {
                fetched: request.fetched,
                rejected: request.rejected,
                copied,
            });
        }
        let Some(devices) = request.screened.many_devices() else {
            return Upsert::start(client, row, request, copied).await;
        };
        // Nothing of the load reads the devices before its rows are read for the portal.
        let upsert = Upsert::start(client, row, request, copied);
        let (upsert, ()) = try_join!(upsert, devices.insert(store))?;
        Ok(upsert)
    }
}

impl Fence for LoadStage<'_> {
    async fn check(&self) -> Result<(), StoreError> {
        self.claim.check().await
    }
}

/// A running COPY into the temporary table. Dropping it without [`finish`](Self::finish) discards
/// its rows.
pub struct CopySink<'s> {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    copied: &'s mut u64,
}

impl std::fmt::Debug for CopySink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopySink").finish_non_exhaustive()
    }
}

impl CopySink<'_> {
    /// Sends a piece of encoded rows. Waits while the database takes in earlier pieces.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn send(&mut self, piece: Bytes) -> Result<(), StoreError> {
        self.sink.feed(piece).await.map_err(failed("copying trips"))
    }

    /// Ends the COPY and returns the number of rows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]; [`StoreError::Database`] if the database rejects a row.
    pub async fn finish(mut self) -> Result<u64, StoreError> {
        self.send(Bytes::from_static(TRAILER)).await?;
        let rows = self
            .sink
            .as_mut()
            .finish()
            .await
            .map_err(failed("copying trips"))?;
        *self.copied += rows;
        Ok(rows)
    }
}
