//! How a block's rows enter the ledger: in the transaction of a load, or without one.

use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use tokio_postgres::Client;
use trips::public_row::PublicTrip;

use crate::claim::Claim;
use crate::error::{StoreError, failed};
use crate::fence::{DOING, Fence, STATEMENT};
use crate::publish::{self, BlockRows};
use crate::schedule::{get, to_bigint};
use crate::values::values;
use crate::work::Work;

/// The object with a block's rows for the portal, as a load has written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationFile {
    /// The object's key.
    pub key: String,
    /// SHA-256 of its JSON, in hex. Only an object with this content is published.
    pub sha256: String,
    /// Its entity tag: while the bucket's object has it, its content need not be read again.
    pub etag: Option<String>,
    /// Number of its rows.
    pub rows: u64,
}

/// Enters a load into the ledger, in the load's transaction: the block's rows that changed at `$5`
/// or later, or in this transaction if `$6`. What an earlier load has entered and nobody has sent
/// stays entered; with `$8` its upload is asked for.
const ENTER: &str = "
    INSERT INTO api.publications AS p
        (schedule_id, load_id, publish_key, publish_sha256, publish_etag, rows, loaded_at, since)
    VALUES ($1, gen_random_uuid(), $2, $3, $7, $4, now(), least($5::timestamptz, CASE WHEN $6 THEN now() END))
    ON CONFLICT (schedule_id) DO UPDATE
    SET load_id = excluded.load_id, publish_key = excluded.publish_key, publish_sha256 = excluded.publish_sha256,
        publish_etag = excluded.publish_etag, rows = excluded.rows, loaded_at = excluded.loaded_at,
        since = least(p.since, excluded.since), last_sent = NULL, counts = NULL, error_name = NULL,
        requested_at = CASE WHEN $8 AND p.since IS NOT NULL THEN coalesce(p.requested_at, clock_timestamp())
                            ELSE p.requested_at END,
        message = NULL
    RETURNING since IS NOT NULL AS is_pending";

/// A block that is being entered into the ledger without a load. Dropping it changes nothing.
pub struct Entering<'c> {
    work: Work<'c>,
    schedule_id: i64,
}

impl std::fmt::Debug for Entering<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entering")
            .field("schedule_id", &self.schedule_id)
            .finish_non_exhaustive()
    }
}

impl Claim {
    /// Starts to enter the block's rows as they are loaded, for a block that no load has entered.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn enter_publication(&mut self) -> Result<Entering<'_>, StoreError> {
        let schedule_id = self.row.schedule_id;
        let work = Work::new(self.session.client_mut()?);
        let begun = work.begin().await;
        begun.map_err(failed("entering a publication"))?;
        Ok(Entering { work, schedule_id })
    }
}

impl Fence for Entering<'_> {
    async fn check(&self) -> Result<(), StoreError> {
        let checked = self.work.client().batch_execute(STATEMENT).await;
        checked.map_err(failed(DOING))
    }
}

impl BlockRows for Entering<'_> {
    async fn public_rows(
        &mut self,
    ) -> Result<BoxStream<'_, Result<PublicTrip, StoreError>>, StoreError> {
        publish::rows(self.work.client(), self.schedule_id).await
    }

    async fn name_devices(&self) -> Result<(), StoreError> {
        publish::name_devices(self.work.client(), self.schedule_id).await
    }
}

impl Entering<'_> {
    /// Enters all of the block's rows, which stand in this object.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]. Then nothing is entered.
    pub async fn commit(self, file: &PublicationFile) -> Result<(), StoreError> {
        enter(self.work.client(), self.schedule_id, file, Entered::All).await?;
        let committed = self.work.commit().await;
        committed.map_err(failed("entering a publication"))
    }
}

/// Which of a block's rows a transaction enters into the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entered {
    /// All of them.
    All,
    /// Those that changed since, and those that the transaction has changed.
    Changed {
        since: Option<DateTime<Utc>>,
        now: bool,
    },
    /// None: the load has rejected every trip. The block's run ends with it, so another one's
    /// upload has to carry what earlier loads have entered.
    Nothing,
}

/// Enters a block into the ledger, in the caller's transaction. Returns whether the portal must
/// receive something of it.
pub(crate) async fn enter(
    client: &Client,
    schedule_id: i64,
    file: &PublicationFile,
    entered: Entered,
) -> Result<bool, StoreError> {
    let (since, now) = match entered {
        Entered::All => (Some(DateTime::UNIX_EPOCH), false),
        Entered::Changed { since, now } => (since, now),
        Entered::Nothing => (None, false),
    };
    let row = client
        .query_typed_one(
            ENTER,
            values![
                schedule_id,
                file.key,
                file.sha256,
                to_bigint(file.rows),
                since,
                now,
                file.etag,
                matches!(entered, Entered::Nothing),
            ],
        )
        .await
        .map_err(failed("entering a publication"))?;
    get(&row, "is_pending")
}

/// When the oldest row changed that the portal must receive of any block; `None` if it has them
/// all.
///
/// A trip that moves to another block as it is may wait there in vain: its own change may be older
/// than the load that moved it.
pub(crate) async fn oldest_pending(client: &Client) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = client
        .query_typed_one(
            "SELECT min(since) AS since FROM api.publications WHERE since IS NOT NULL",
            values![],
        )
        .await
        .map_err(failed("reading the publications"))?;
    get(&row, "since")
}

/// Enters the trips of other blocks that this load of the block `$1` has withdrawn or has let count
/// again. Nobody has to ask for their upload. An upload that is under way may have passed such a
/// trip already, so it no longer ends the entry, and the next one begins anew.
pub(crate) const ENTER_OTHERS: &str = "
    UPDATE api.publications p
    SET load_id = gen_random_uuid(), since = least(p.since, now()), last_sent = NULL, counts = NULL,
        requested_at = coalesce(p.requested_at, clock_timestamp())
    FROM (
        SELECT DISTINCT t.schedule_id
        FROM pg_temp.incoming i
        JOIN api.trips t ON t.provider_id = i.provider_id AND t.trip_id = i.trip_id
        WHERE t.schedule_id <> $1 AND t.modified_date = now()
    ) AS other
    WHERE p.schedule_id = other.schedule_id";
