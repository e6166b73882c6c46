//! What the holder of a turn records of its uploads.

use serde_json::Value;
use tokio_postgres::types::Json;
use trips::status::BlockStatus;
use uuid::Uuid;

use super::{Publication, PublishTurn};
use crate::error::{StoreError, failed};
use crate::failure_text::failure_text;
use crate::publications::{publishable_statuses, settled_status};
use crate::schedule::{shortened, status_code};
use crate::values::values;

/// Ends publications, unless something was entered since they were read, and changes the statuses
/// of their blocks.
const RECORD_SENT: &str = concat!(
"
    WITH sent AS (
        SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::jsonb[])
            AS sent (schedule_id, load_id, since, counts)
    ), ended AS (
        UPDATE api.publications p
        SET since = NULL, requested_at = NULL, last_sent = NULL, counts = NULL
        FROM sent
        WHERE p.schedule_id = sent.schedule_id AND p.load_id = sent.load_id AND p.since = sent.since
        RETURNING p.schedule_id, sent.counts
    )
    UPDATE api.schedule s
    SET status_id = CASE WHEN s.status_id = ANY ($7) THEN ",
    settled_status!("$5", "$6"),
    " ELSE s.status_id END,
        message = CASE WHEN s.status_id = ANY ($7) OR s.status_id = $6 THEN s.error_payload ->> 'note' ELSE s.message END,
        socrata_status = ended.counts, published_at = clock_timestamp(), updated_at = clock_timestamp()
    FROM ended
    WHERE s.schedule_id = ended.schedule_id"
);

/// Records that a block's rows cannot be sent, so that nobody waits for them. A block at another
/// status than `$7` is not loaded, or its last load has failed: its message tells why, and stays.
const RECORD_REFUSED: &str = "
    WITH refused AS (
        UPDATE api.publications p
        SET requested_at = NULL, error_name = $3, message = $4
        WHERE p.schedule_id = $1 AND p.load_id = $2
        RETURNING p.schedule_id
    )
    UPDATE api.schedule s
    SET status_id = CASE WHEN s.status_id = ANY ($6) THEN $5 ELSE s.status_id END,
        message = CASE WHEN s.status_id = ANY ($7) THEN $8 ELSE s.message END,
        published_at = NULL, updated_at = clock_timestamp()
    FROM refused
    WHERE s.schedule_id = refused.schedule_id";

/// A publication whose rows have all reached the portal.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The publication, as it was read.
    pub publication: Publication,
    /// What the portal counted, for column `socrata_status`.
    pub counts: Value,
}

impl PublishTurn {
    /// Records that the portal has everything of these publications, as they were read.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the turn, is lost.
    pub async fn record_sent(&self, sent: &[Sent]) -> Result<(), StoreError> {
        if sent.is_empty() {
            return Ok(());
        }
        let blocks: Vec<i64> = sent.iter().map(|it| it.publication.schedule_id).collect();
        let loads: Vec<Uuid> = sent.iter().map(|it| it.publication.load_id).collect();
        let sinces: Vec<_> = sent.iter().map(|it| it.publication.since).collect();
        let counts: Vec<_> = sent.iter().map(|it| Json(&it.counts)).collect();
        self.session
            .client()?
            .execute_typed(
                RECORD_SENT,
                values![
                    blocks,
                    loads,
                    sinces,
                    counts,
                    status_code(BlockStatus::Published),
                    status_code(BlockStatus::NoTrips),
                    BlockStatus::WAITING.map(status_code).as_slice(),
                ],
            )
            .await
            .map_err(failed("recording an upload"))?;
        Ok(())
    }

    /// Records that an upload has sent the publication's trips up to this public id, and what the
    /// portal has counted of them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the turn, is lost.
    pub async fn record_progress(
        &self,
        publication: &Publication,
        last_sent: Uuid,
        counts: &Value,
    ) -> Result<(), StoreError> {
        self.session
            .query_opt(
                "recording the progress of an upload",
                "UPDATE api.publications SET last_sent = $4, counts = $5, last_sent_form = $6
                 WHERE schedule_id = $1 AND load_id = $2 AND since = $3",
                values![
                    publication.schedule_id,
                    publication.load_id,
                    publication.since,
                    last_sent,
                    *counts,
                    publication.form,
                ],
            )
            .await?;
        Ok(())
    }

    /// Records that a publication cannot be sent, so that nobody waits for it, and that the block's
    /// publishing has failed: the portal refuses it by itself, or its rows are not what the load
    /// has left.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the turn, is lost.
    pub async fn record_refused(
        &self,
        publication: &Publication,
        status: BlockStatus,
        error_name: &str,
        message: &str,
    ) -> Result<(), StoreError> {
        let publishable = publishable_statuses();
        let no_trips = status_code(BlockStatus::NoTrips);
        let loaded: Vec<i32> = publishable.iter().copied().chain([no_trips]).collect();
        self.session
            .query_opt(
                "recording a refused upload",
                RECORD_REFUSED,
                values![
                    publication.schedule_id,
                    publication.load_id,
                    error_name,
                    shortened(message),
                    status_code(status),
                    publishable,
                    loaded,
                    failure_text(error_name, message),
                ],
            )
            .await?;
        Ok(())
    }

    /// Records that an interrupted upload begins anew, in the publication's form.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the turn, is lost.
    pub async fn begin_anew(&self, publication: &Publication) -> Result<(), StoreError> {
        self.session
            .query_opt(
                "recording that an upload begins anew",
                "UPDATE api.publications SET last_sent = NULL, counts = NULL, last_sent_form = $4
                 WHERE schedule_id = $1 AND load_id = $2 AND since = $3",
                values![
                    publication.schedule_id,
                    publication.load_id,
                    publication.since,
                    publication.form,
                ],
            )
            .await?;
        Ok(())
    }
}
