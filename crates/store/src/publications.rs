//! `api.publications`, the ledger of what the portal must receive: how a step asks for a block's
//! upload, and what is known of it. How the block's rows enter the ledger stands in `enter`.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio_postgres::Row;
use trips::block::Block;
use trips::status::BlockStatus;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::failure_text::failure_text;
use crate::schedule::{get, read_block, read_status, status_code};
use crate::values::values;

mod enter;
mod turn;

pub(crate) use enter::{ENTER_OTHERS, Entered, enter, oldest_pending};
pub use enter::{Entering, PublicationFile};
pub use turn::{LiveRows, Publication, PublishTurn, Sent};

/// What is known about the publication of the block `$1`.
const PUBLICATION: &str = "
    SELECT v.provider_name, s.block_start, s.status_id, s.socrata_status, p.error_name, p.message,
           CASE WHEN p.schedule_id IS NOT NULL THEN p.since IS NOT NULL END AS is_pending,
           EXISTS (SELECT FROM api.trips t WHERE t.schedule_id = s.schedule_id) AS has_trips
    FROM api.schedule s
    JOIN api.providers v USING (provider_id)
    LEFT JOIN api.publications p USING (schedule_id)
    WHERE s.schedule_id = $1";

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

/// The status of a block of which the portal has everything.
macro_rules! settled_status {
    ($published:literal, $no_trips:literal) => {
        concat!(
            "CASE WHEN s.records_total = 0 THEN ",
            $no_trips,
            " ELSE ",
            $published,
            "::int END"
        )
    };
}
pub(crate) use settled_status;

/// Sets the status of a loaded block of which the portal needs nothing.
const SETTLE: &str = concat!(
    "UPDATE api.schedule s
     SET status_id = ",
    settled_status!("$2", "$3"),
    ", message = s.error_payload ->> 'note', published_at = clock_timestamp(), updated_at = clock_timestamp()
     WHERE s.schedule_id = $1 AND s.status_id = ANY ($4)
       AND NOT EXISTS (SELECT FROM api.publications p WHERE p.schedule_id = $1 AND p.since IS NOT NULL)"
);

/// Records that a block's rows could not be published, if the portal needs something of it.
const RECORD_FAILURE: &str = "
    UPDATE api.schedule s
    SET status_id = $2, run_id = $3, message = $4, published_at = NULL, updated_at = clock_timestamp()
    FROM api.publications p
    WHERE s.schedule_id = $1 AND p.schedule_id = $1 AND p.since IS NOT NULL AND s.status_id = ANY ($5)";

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
        !self.status.is_waiting()
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let refusal = get::<Option<String>>(row, "error_name")?.zip(get(row, "message")?);
        let entry = get::<Option<bool>>(row, "is_pending")?.map(|is_pending| PublicationEntry {
            is_pending,
            refusal,
        });
        Ok(Self {
            block: read_block(row)?,
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
            .query_typed_opt(PUBLICATION, values![schedule_id])
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
            .execute_typed(
                SETTLE,
                values![
                    schedule_id,
                    status_code(BlockStatus::Published),
                    status_code(BlockStatus::NoTrips),
                    BlockStatus::WAITING.map(status_code).as_slice(),
                ],
            )
            .await
            .map_err(failed("recording an upload"))?;
        Ok(())
    }

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
            .execute_typed(
                RECORD_FAILURE,
                values![
                    schedule_id,
                    status_code(BlockStatus::PublishFailed),
                    run_id,
                    failure_text(error_name, message),
                    publishable_statuses(),
                ],
            )
            .await
            .map_err(failed("recording a failed upload"))?;
        Ok(())
    }
}

/// Statuses of a block whose publishing can fail.
fn publishable_statuses() -> Vec<i32> {
    BlockStatus::WAITING
        .into_iter()
        .chain([BlockStatus::Published])
        .map(status_code)
        .collect()
}
