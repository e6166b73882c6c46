//! [`LoadStage`] and [`CopySink`]: a block's trips arrive in a temporary table first.

use std::pin::Pin;
use std::sync::LazyLock;

use bytes::Bytes;
use futures::SinkExt;
use tokio_postgres::CopyInSink;

use crate::claim::Claim;
use crate::copy::{HEADER, KEYS, TRAILER, TRIP_DATA};
use crate::error::{StoreError, failed};
use crate::fence::Fence;
use crate::upsert::{self, LoadRequest, Upsert};

/// The columns have the types of `api.trips`. After a load the table is emptied and not dropped,
/// since creating and dropping many tables bloats the system catalogs.
static CREATE_INCOMING: LazyLock<String> = LazyLock::new(|| {
    format!(
        "CREATE TEMPORARY TABLE IF NOT EXISTS incoming AS
         SELECT 0::bigint AS seq, id AS device_public_id, id, provider_id, trip_id, flags, {}
         FROM api.trips WITH NO DATA;
         TRUNCATE pg_temp.incoming",
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
    copied: u64,
}

impl Claim {
    /// Starts to load the block: creates an empty temporary table for its rows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn start_load(&mut self) -> Result<LoadStage<'_>, StoreError> {
        self.session
            .client()?
            .batch_execute(&CREATE_INCOMING)
            .await
            .map_err(failed("preparing a load"))?;
        Ok(LoadStage {
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
        let sink = self
            .claim
            .session
            .client()?
            .copy_in(COPY_INCOMING.as_str())
            .await
            .map_err(doing)?;
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
    /// - A trip that is delivered as it is in the table stays untouched, `modified_date` included,
    ///   also if another block delivered it. Flags depend on the block, so a difference in flags
    ///   alone changes a row only if the row came from this block, or if the row has the flag
    ///   `outside_hour` and this block is the trip's own hour.
    /// - Trips and devices keep the public ids that they have.
    /// - A trip that this block delivered before and does not deliver now stays in the table, and
    ///   is not among the rows to publish.
    ///
    /// # Errors
    ///
    /// [`StoreError::CountMismatch`] if the number of rows is not the number of fetched trips minus
    /// the rejected ones; [`StoreError::Busy`] if another load holds the same trips for too long;
    /// [`StoreError::Unavailable`].
    pub async fn upsert(self, request: LoadRequest) -> Result<Upsert<'c>, StoreError> {
        if request.fetched.checked_sub(request.rejected) != Some(self.copied) {
            return Err(StoreError::CountMismatch {
                fetched: request.fetched,
                rejected: request.rejected,
                copied: self.copied,
            });
        }
        let Claim { session, row, .. } = self.claim;
        let client = session.client_mut()?;
        upsert::insert_devices(client).await?;
        Upsert::start(client, row, request, self.copied).await
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
