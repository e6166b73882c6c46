//! [`LoadStage`] and [`CopySink`]: a block's trips arrive in a temporary table first.

use std::pin::Pin;
use std::sync::LazyLock;

use bytes::Bytes;
use deadpool_postgres::ClientWrapper;
use futures::{SinkExt, try_join};
use tokio_postgres::{CopyInSink, Error, Statement};

use crate::claim::Claim;
use crate::copy::{HEADER, KEYS, TRAILER, TRIP_DATA};
use crate::error::{StoreError, failed};
use crate::fence::Fence;
use crate::upsert::sql::{EMPTY_LARGE_STAGE, EMPTY_STAGE};
use crate::upsert::{self, LoadRequest, Upsert, Writing};

/// From this size on, the temporary table is cut off at the start of a load. Deleted rows keep
/// their place in it, and every statement of a load reads past them.
const LARGE_STAGE_BYTES: i64 = 1024 * 1024;

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
    statements: Statements,
    copied: u64,
}

/// The statements that a connection knows by name. They are read once for each connection, and
/// while nobody waits for them.
#[derive(Debug)]
struct Statements {
    copy: Statement,
    insert: Statement,
}

impl Statements {
    async fn prepare(client: &ClientWrapper) -> Result<Self, Error> {
        let copy = client.prepare_cached(&COPY_INCOMING);
        let (copy, insert) = try_join!(copy, upsert::prepare_insert(client))?;
        Ok(Self { copy, insert })
    }
}

impl Claim {
    /// Starts to load the block: prepares an empty temporary table for its rows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn start_load(&mut self) -> Result<LoadStage<'_>, StoreError> {
        let client = self.session.client()?;
        // An earlier load may have failed and left its rows.
        let empty = match self.stage_bytes {
            None => CREATE_INCOMING.as_str(),
            Some(bytes) if bytes < LARGE_STAGE_BYTES => EMPTY_STAGE,
            Some(_) => EMPTY_LARGE_STAGE,
        };
        let statements = Statements::prepare(client);
        let (_, statements) = try_join!(client.batch_execute(empty), statements)
            .map_err(failed("preparing a load"))?;
        self.stage_bytes.get_or_insert(0);
        Ok(LoadStage {
            claim: self,
            statements,
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
        let sink = client.copy_in(&self.statements.copy).await;
        let mut sink = Box::pin(sink.map_err(doing)?);
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
    /// - A row that no block owns becomes this block's if the trip ended in its hour, whatever the
    ///   publication times say of its content. It is published with the block.
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
        let writing = self.begin(request)?;
        let written = writing.write().await?;
        Ok(writing.end(written))
    }

    /// Begins what [`upsert`](Self::upsert) does. Other work of the claim, such as an object that
    /// becomes visible, can go on beside [`Writing::write`].
    ///
    /// # Errors
    ///
    /// [`StoreError::CountMismatch`], [`StoreError::Unavailable`].
    pub fn begin(self, request: LoadRequest) -> Result<Writing<'c>, StoreError> {
        let Claim {
            store,
            session,
            row,
            ..
        } = self.claim;
        let client = session.client_mut()?;
        Writing::begin(
            store,
            client,
            row,
            self.statements.insert,
            request,
            self.copied,
        )
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
