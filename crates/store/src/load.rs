//! The way of a block's trips into the database: first into a table of the session's own.

use std::pin::Pin;
use std::sync::LazyLock;

use bytes::Bytes;
use futures::SinkExt;
use tokio_postgres::CopyInSink;

use crate::claim::Claim;
use crate::copy::{HEADER, KEYS, TRAILER, TRIP_DATA};
use crate::error::{StoreError, failed};
use crate::upsert::{self, LoadRequest, Upsert};

/// The types are those of the table the rows go to. The table is emptied, not dropped, after a
/// load: a busy catalogue of dropped tables slows a database down.
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

/// A load that has begun. Dropping it changes nothing in the tables.
#[derive(Debug)]
pub struct LoadStage<'c> {
    claim: &'c mut Claim,
    copied: u64,
}

impl Claim {
    /// Begins to load the block: makes an empty table for the rows, which only this session sees.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn start_load(&mut self) -> Result<LoadStage<'_>, StoreError> {
        self.held
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
    /// Opens the way for what a [`CopyEncoder`](crate::CopyEncoder) makes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn copy(&mut self) -> Result<CopySink<'_>, StoreError> {
        let doing = failed("beginning to copy trips");
        let sink = self
            .claim
            .held
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

    /// Brings the rows into the tables, in a transaction that [`Upsert::commit`] ends.
    ///
    /// - Of a trip that was delivered several times in the block, the delivery with the newest
    ///   publication time counts; of those the last.
    /// - Trips of one device that overlap within the block get the flag `overlap`, each of them.
    ///   That one ends when the next begins is no overlap.
    /// - A trip that is as it was stays untouched, `modified_date` included, also if another block
    ///   delivered it before. Flags depend on the block; they alone change a row only if it came
    ///   from this block before, or if the trip was known from outside its hour and is delivered in
    ///   it now.
    /// - Trips and devices keep the public ids they have.
    /// - A trip that this block once delivered and does no longer stays in the table, and is not
    ///   among the rows to publish.
    ///
    /// # Errors
    ///
    /// [`StoreError::CountMismatch`] if the rows are not the fetched trips without the rejected
    /// ones; [`StoreError::Busy`] if another load holds the same trips for long;
    /// [`StoreError::Unavailable`].
    pub async fn upsert(self, facts: LoadRequest) -> Result<Upsert<'c>, StoreError> {
        if facts.fetched.checked_sub(facts.rejected) != Some(self.copied) {
            return Err(StoreError::CountMismatch {
                fetched: facts.fetched,
                rejected: facts.rejected,
                copied: self.copied,
            });
        }
        let Claim { held, row, .. } = self.claim;
        let client = held.client_mut()?;
        upsert::enter_devices(client).await?;
        Upsert::begin(client, row, facts, self.copied).await
    }
}

/// Rows on their way into the session's table. Dropped without [`finish`](Self::finish), none of
/// them arrives.
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
    /// Sends a piece; waits while the database is behind.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn send(&mut self, piece: Bytes) -> Result<(), StoreError> {
        self.sink.feed(piece).await.map_err(failed("copying trips"))
    }

    /// Ends the copy and answers the number of rows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]; [`StoreError::Database`] if the database did not accept a row.
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
