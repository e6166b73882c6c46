//! Updates of a claimed block's row in `api.schedule`.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use trips::status::BlockStatus;
use uuid::Uuid;

use super::ScheduleRow;
use super::archived::{ArchiveRecord, write_archive};
use super::status::status_code;
use crate::claim::Claim;
use crate::error::{StoreError, failed};
use crate::failure_text::failure_text;
use crate::in_order::in_order;
use crate::values::{Parameter, parameter, values};
use crate::work::Work;

/// Column `message` is for people, and nobody reads a longer one.
const MAX_MESSAGE_CHARS: usize = 2000;

/// Statuses of a block that is worth another load although its archive, which has trips, has not
/// changed: it was never loaded, all its trips were rejected and a changed configuration may fix
/// that, or the database knows of no trips, after an empty file or in a copy of former times.
const LOADABLE_WHEN_UNCHANGED: [BlockStatus; 5] = [
    BlockStatus::New,
    BlockStatus::NotPublished,
    BlockStatus::ExtractFailed,
    BlockStatus::AllRejected,
    BlockStatus::NoTrips,
];

/// Whether the trips of a loaded block are no longer those that it owns: `$withdraws` whether it
/// matters that it owns more, `$loaded` the statuses of a loaded block.
macro_rules! is_outdated {
    ($withdraws:literal, $loaded:literal) => {
        concat!(
            "(s.status_id = ANY (",
            $loaded,
            ") AND (
                SELECT count(*) FILTER (WHERE coalesce(t.delivered_at = s.archived_at, true)) <> s.records_processed
                    OR ",
            $withdraws,
            " AND count(*) <> s.records_processed
                FROM api.trips t WHERE t.schedule_id = s.schedule_id AND t.withdrawn_at IS NULL
             ) IS TRUE)"
        )
    };
}

/// Gives the rows of an unchanged delivery its new request time, if another block of the provider
/// is about to be loaded: that load may have looked already when the block was last requested. It
/// waits for the rows, and then sees the new time. At rest no row has to change, nor if the block
/// itself is loaded again.
///
/// The rows are locked in the order in which loads lock them. A row that a load takes meanwhile is
/// left to it.
const RENEW: &str = concat!(
    "
    WITH block AS (
        SELECT s.schedule_id, s.archived_at FROM api.schedule s
        WHERE s.schedule_id = $1 AND s.status_id = ANY ($4) AND s.archived_at < $2 AND EXISTS (
            SELECT FROM api.schedule other
            WHERE other.provider_id = s.provider_id AND other.schedule_id <> s.schedule_id
              AND other.status_id = ANY ($5)
        ) AND NOT ",
    is_outdated!("$3", "$4"),
    "
    ), locked AS (
        SELECT t.id FROM api.trips t JOIN block b USING (schedule_id)
        WHERE t.withdrawn_at IS NULL AND t.delivered_at = b.archived_at
        ORDER BY t.trip_id, t.provider_id
        FOR NO KEY UPDATE OF t
    ), renewed AS (
        UPDATE api.trips t SET delivered_at = $2 FROM locked WHERE t.id = locked.id
    )
    UPDATE api.schedule s SET archived_at = $2 FROM block b WHERE s.schedule_id = b.schedule_id"
);

const RECORDING_UNCHANGED: &str = "recording an unchanged response";

/// An `UPDATE` of the row with id `$1` that returns the row as it is after that.
macro_rules! update_schedule {
    ($set:expr) => {
        concat!(
            "UPDATE api.schedule s SET updated_at = clock_timestamp(), ",
            $set,
            " FROM api.providers p WHERE s.schedule_id = $1 AND p.provider_id = s.provider_id RETURNING ",
            crate::schedule::schedule_columns!()
        )
    };
}
pub(crate) use update_schedule;

/// The trips of the block are counted once, and only if it is loaded.
const RECORD_UNCHANGED: &str = concat!(
    "WITH outdated AS (SELECT s.schedule_id FROM api.schedule s WHERE s.schedule_id = $1 AND ",
    is_outdated!("$7", "$8"),
    ") ",
    update_schedule!(
    "status_id = CASE WHEN s.status_id = ANY ($4) OR EXISTS (SELECT FROM outdated) THEN $5 ELSE s.status_id END,
     archived_at = CASE
         WHEN s.status_id = ANY ($4::int[] || $5::int || $9::int) OR EXISTS (SELECT FROM outdated) THEN $6
         ELSE s.archived_at END,
     loaded_deliveries = CASE
         WHEN $7 AND s.status_id = ANY ($8) AND s.archived_at = $6 AND NOT $6 = ANY (s.loaded_deliveries)
             AND NOT EXISTS (SELECT FROM outdated)
         THEN array_append(s.loaded_deliveries, $6) ELSE s.loaded_deliveries END,
     error_payload = NULLIF(
         CASE WHEN jsonb_typeof(s.error_payload) = 'object' THEN s.error_payload - 'note' ELSE '{}' END
             || jsonb_strip_nulls(jsonb_build_object('note', $10::text)), '{}'),
     run_id = $2, message = $3, extracted_at = greatest($6, s.extracted_at),
     trips_new = 0, trips_changed = 0, trips_gone = 0, trips_late = coalesce(s.trips_late, 0)"
    )
);

impl Claim {
    /// Records in `api.schedule` that the provider's response is archived.
    ///
    /// The status becomes [`BlockStatus::Archived`], or [`BlockStatus::NoTrips`] if there is
    /// nothing to load. The counts of an earlier load no longer apply and are cleared.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn mark_archived(&mut self, archive: &ArchiveRecord) -> Result<(), StoreError> {
        let schedule_id = self.row.schedule_id;
        let row = write_archive(self.session.client()?, schedule_id, archive)
            .await
            .map_err(failed("recording an archive"))?;
        self.take_row(row)
    }

    /// Records in `api.schedule` that the provider returned the same trips as before, so that the
    /// archive stays.
    ///
    /// The status is kept, except for a block that has something to load:
    ///
    /// - It was never loaded, or its trips were all rejected, which a changed configuration may
    ///   fix, or the row knows of no trips.
    /// - Its trips are no longer all that it owns: another block has delivered some of them, or
    ///   they were withdrawn. Now they are delivered again. `withdraws` tells whether it matters
    ///   too that it owns more than it delivers.
    ///
    /// Such a block returns to [`BlockStatus::Archived`], and its archive is as new as the request.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn mark_unchanged(
        &mut self,
        run_id: Uuid,
        message: &str,
        note: Option<&str>,
        requested_at: DateTime<Utc>,
        withdraws: bool,
    ) -> Result<(), StoreError> {
        let schedule_id = self.row.schedule_id;
        let (message, note) = (shortened(message), note.map(shortened));
        let (loaded, loadable) = (
            BlockStatus::LOADED.map(status_code),
            LOADABLE_WHEN_UNCHANGED.map(status_code),
        );
        let (loaded, loadable) = (loaded.as_slice(), loadable.as_slice());
        let waiting = [BlockStatus::Archived, BlockStatus::LoadFailed].map(status_code);
        let [archived, load_failed] = waiting;
        let waiting = waiting.as_slice();
        let renewal = values![schedule_id, requested_at, withdraws, loaded, waiting];
        let record = values![
            schedule_id,
            run_id,
            message,
            loadable,
            archived,
            requested_at,
            withdraws,
            loaded,
            load_failed,
            note,
        ];
        let work = Work::new(self.session.client_mut()?);
        let client = work.client();
        let written = in_order!(
            work.begin(),
            client.execute_typed(RENEW, renewal),
            client.query_typed_opt(RECORD_UNCHANGED, record),
        );
        let (.., row) = written.map_err(failed(RECORDING_UNCHANGED))?;
        work.commit().await.map_err(failed(RECORDING_UNCHANGED))?;
        self.take_row(row)
    }

    /// Records in `api.schedule` that another archive is about to replace the present one.
    ///
    /// The status becomes [`BlockStatus::Archived`] before the object is replaced: if this process
    /// ends in between, the next run loads whichever archive is there, and records it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn mark_replacing_archive(&mut self) -> Result<(), StoreError> {
        self.update(
            "recording that an archive is replaced",
            update_schedule!(
                "status_id = $2, replacing_since = clock_timestamp(),
                 message = 'the provider returned other trips than before; replacing the archive'"
            ),
            values![status_code(BlockStatus::Archived)],
        )
        .await
    }

    /// Records in `api.schedule` that a step failed, or that the provider has not published the
    /// hour yet. The archive and the counts stay.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn mark_failed(
        &mut self,
        status: BlockStatus,
        run_id: Uuid,
        error_name: &str,
        message: &str,
    ) -> Result<(), StoreError> {
        self.update(
            "recording a failure",
            update_schedule!(
                "status_id = $2, run_id = $3, message = $4,
                 published_at = CASE WHEN $5 THEN NULL ELSE published_at END"
            ),
            values![
                status_code(status),
                run_id,
                failure_text(error_name, message),
                (status == BlockStatus::PublishFailed),
            ],
        )
        .await
    }

    /// Runs an `update_schedule!` statement. `values` are its parameters from `$2` on.
    async fn update(
        &mut self,
        doing: &'static str,
        statement: &str,
        values: &[Parameter<'_>],
    ) -> Result<(), StoreError> {
        let schedule_id = self.row.schedule_id;
        let mut parameters = vec![parameter(&schedule_id)];
        parameters.extend_from_slice(values);
        let row = self
            .session
            .query_opt(doing, statement, &parameters)
            .await?;
        self.take_row(row)
    }

    fn take_row(&mut self, row: Option<Row>) -> Result<(), StoreError> {
        let schedule_id = self.row.schedule_id;
        let row = row.ok_or(StoreError::UnknownBlock { schedule_id })?;
        self.row = ScheduleRow::read(&row)?;
        Ok(())
    }
}

/// A count as a `bigint` column holds it. Real counts never come near the limit.
pub(crate) fn to_bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Postgres text can't hold the character NUL.
pub(crate) fn shortened(message: &str) -> String {
    message
        .chars()
        .filter(|c| *c != '\0')
        .take(MAX_MESSAGE_CHARS)
        .collect()
}
