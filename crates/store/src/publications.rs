//! `api.publications`, the ledger of what the portal must receive: how a load enters its block, and
//! how a step asks for the block's upload.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use serde_json::Value;
use tokio_postgres::{Client, Row};
use trips::block::{Block, Hour};
use trips::public_row::PublicTrip;
use trips::status::BlockStatus;
use uuid::Uuid;

use crate::claim::Claim;
use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::fence::{DOING, Fence, STATEMENT};
use crate::publish::{self, BlockRows};
use crate::schedule::{get, read_provider, read_status, shortened, status_code, to_bigint};
use crate::values::values;
use crate::work::Work;

mod turn;

pub use turn::{LiveRows, Publication, PublishTurn, Sent};

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

/// Asks for a block's upload. `$2` enters every row again, once for each run `$3`: a repeated step
/// of the same run goes on where the upload stopped. So does another run while an upload of every
/// row is not complete. It begins anew if the settings have changed, and if it is an audit's, which
/// has found that the portal has other rows.
const REQUEST: &str = "
    UPDATE api.publications p
    SET requested_at = coalesce(p.requested_at, clock_timestamp()), error_name = NULL, message = NULL,
        since = CASE WHEN again THEN 'epoch' ELSE p.since END,
        last_sent = CASE WHEN again THEN NULL ELSE p.last_sent END,
        counts = CASE WHEN again THEN NULL ELSE p.counts END,
        forced_by = CASE WHEN $2 THEN $3 ELSE p.forced_by END
    FROM (
        SELECT $2 AND forced_by IS DISTINCT FROM $3 AND NOT (
            since IS NOT DISTINCT FROM 'epoch' AND EXISTS (
                SELECT FROM api.runs begun JOIN api.runs asking USING (settings_etag)
                WHERE begun.run_id = forced_by AND asking.run_id = $3
                  AND NOT asking.request @> '{\"audit\": true}')
        ) AS again
        FROM api.publications WHERE schedule_id = $1
    ) AS request
    WHERE p.schedule_id = $1 AND (p.since IS NOT NULL OR again)";

/// Those of the blocks `$1` of which there is something to send.
const PUBLISHABLE: &str = "
    SELECT it.id FROM unnest($1::bigint[]) AS it (id)
    WHERE EXISTS (SELECT FROM api.trips t WHERE t.schedule_id = it.id)
       OR EXISTS (SELECT FROM api.publications p WHERE p.schedule_id = it.id AND p.since IS NOT NULL)";

/// What the ledger and the schedule say about a block's publication.
#[derive(Debug, Clone, PartialEq)]
pub struct PublicationState {
    /// The block.
    pub block: Block,
    /// The block's status.
    pub status: BlockStatus,
    /// What the portal counted of the block's last upload.
    pub counts: Option<Value>,
    /// The ledger's entry; `None` for a block that no load of this version has entered.
    pub entry: Option<PublicationEntry>,
    /// Whether the block owns trips, also withdrawn ones, whatever its status says.
    pub has_trips: bool,
}

/// A block's entry in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationEntry {
    /// Whether the portal must receive something.
    pub is_pending: bool,
    /// Why the portal refused the block's rows by themselves: the error's name and text.
    pub refusal: Option<(String, String)>,
}

impl PublicationState {
    /// Whether the status says that the portal has everything, as far as it can.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !WAITING_STATUSES.contains(&self.status)
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let refusal = get::<Option<String>>(row, "error_name")?.zip(get(row, "message")?);
        let entry = get::<Option<bool>>(row, "is_pending")?.map(|is_pending| PublicationEntry {
            is_pending,
            refusal,
        });
        let start: DateTime<Utc> = get(row, "block_start")?;
        Ok(Self {
            block: Block {
                provider: read_provider(row, "provider_name")?,
                hour: Hour::containing(start),
            },
            status: read_status(get(row, "status_id")?)?,
            counts: get(row, "socrata_status")?,
            entry,
            has_trips: get(row, "has_trips")?,
        })
    }
}

impl Store {
    /// Reads what is known about a block's publication.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownBlock`], [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn publication(&self, schedule_id: i64) -> Result<PublicationState, StoreError> {
        let row = self
            .client()
            .await?
            .query_typed_opt("SELECT v.provider_name, s.block_start, s.status_id, s.socrata_status, p.error_name, p.message,
                        CASE WHEN p.schedule_id IS NOT NULL THEN p.since IS NOT NULL END AS is_pending,
                        EXISTS (SELECT FROM api.trips t WHERE t.schedule_id = s.schedule_id) AS has_trips
                 FROM api.schedule s
                 JOIN api.providers v USING (provider_id)
                 LEFT JOIN api.publications p USING (schedule_id)
                 WHERE s.schedule_id = $1", values![schedule_id])
            .await
            .map_err(failed("reading a publication"))?
            .ok_or(StoreError::UnknownBlock { schedule_id })?;
        PublicationState::read(&row)
    }

    /// The blocks that are done by their status, and of which the portal must receive something all
    /// the same: an upload that was asked for again has not happened, or another block's load has
    /// changed their trips, or an earlier load's upload was overtaken by rejects.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn published_but_waiting(&self) -> Result<BTreeSet<i64>, StoreError> {
        let done = [
            BlockStatus::Published,
            BlockStatus::NoTrips,
            BlockStatus::AllRejected,
        ]
        .map(status_code);
        self.client()
            .await?
            .query_typed(
                "SELECT p.schedule_id FROM api.publications p JOIN api.schedule s USING (schedule_id)
                 WHERE p.since IS NOT NULL AND p.requested_at IS NOT NULL AND s.status_id = ANY ($1)",
                values![done.as_slice()],
            )
            .await
            .map_err(failed("looking for rows that wait for an upload"))?
            .iter()
            .map(|row| get(row, "schedule_id"))
            .collect()
    }

    /// Those of the blocks that own trips, also withdrawn ones, or of which the portal must receive
    /// something.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn publishable(&self, schedule_ids: &[i64]) -> Result<BTreeSet<i64>, StoreError> {
        self.client()
            .await?
            .query_typed(PUBLISHABLE, values![schedule_ids])
            .await
            .map_err(failed("looking for blocks that own trips"))?
            .iter()
            .map(|row| get(row, 0))
            .collect()
    }

    /// Asks for the upload of what the portal must receive of a block; with `again` of all its
    /// rows. Returns whether there is anything to send.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn request_publication(
        &self,
        schedule_id: i64,
        run_id: Uuid,
        again: bool,
    ) -> Result<bool, StoreError> {
        let requested = self
            .client()
            .await?
            .execute_typed(REQUEST, values![schedule_id, again, run_id])
            .await
            .map_err(failed("asking for an upload"))?;
        Ok(requested > 0)
    }

    /// Sets the status of a loaded block to published if the portal needs nothing of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn settle_publication(&self, schedule_id: i64) -> Result<(), StoreError> {
        self.client()
            .await?
            .execute_typed("UPDATE api.schedule s
                 SET status_id = CASE WHEN s.records_total = 0 THEN $3 ELSE $2::int END,
                     message = s.error_payload ->> 'note',
                     published_at = clock_timestamp(), updated_at = clock_timestamp()
                 WHERE s.schedule_id = $1 AND s.status_id = ANY ($4)
                   AND NOT EXISTS (SELECT FROM api.publications p WHERE p.schedule_id = $1 AND p.since IS NOT NULL)", values![
                    schedule_id,
                    status_code(BlockStatus::Published),
                    status_code(BlockStatus::NoTrips),
                    WAITING_STATUSES.map(status_code).as_slice(),
                ])
            .await
            .map_err(failed("recording an upload"))?;
        Ok(())
    }
}

impl Store {
    /// Records that a block's rows could not be published. Changes nothing for a block that the
    /// portal needs nothing of.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn record_publish_failure(
        &self,
        schedule_id: i64,
        run_id: Uuid,
        error_name: &str,
        message: &str,
    ) -> Result<(), StoreError> {
        self.client()
            .await?
            .execute_typed("UPDATE api.schedule s
                 SET status_id = $2, run_id = $3, message = $4, published_at = NULL, updated_at = clock_timestamp()
                 FROM api.publications p
                 WHERE s.schedule_id = $1 AND p.schedule_id = $1 AND p.since IS NOT NULL AND s.status_id = ANY ($5)", values![
                    schedule_id,
                    status_code(BlockStatus::PublishFailed),
                    run_id,
                    shortened(&format!("{error_name}: {message}")),
                    publishable_statuses(),
                ])
            .await
            .map_err(failed("recording a failed upload"))?;
        Ok(())
    }
}

/// Statuses of a block whose publishing can fail.
fn publishable_statuses() -> Vec<i32> {
    WAITING_STATUSES
        .into_iter()
        .chain([BlockStatus::Published])
        .map(status_code)
        .collect()
}

/// Statuses of a loaded block that an upload changes to published.
const WAITING_STATUSES: [BlockStatus; 3] = [
    BlockStatus::Loaded,
    BlockStatus::LoadedWithRejects,
    BlockStatus::PublishFailed,
];

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
#[derive(Debug, Clone, Copy)]
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
