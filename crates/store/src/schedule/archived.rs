//! [`ArchiveRecord`]: what a block's row tells of its archive.

use chrono::{DateTime, Utc};
use tokio_postgres::{Client, Error, Row};
use trips::Changes;
use trips::status::BlockStatus;
use uuid::Uuid;

use super::status::status_code;
use super::update::{shortened, to_bigint, update_schedule};
use crate::values::values;

/// Records an archive in the block's row. Its parameters:
///
/// - `$1`: the block.
/// - `$2`, `$3`: its status and the run.
/// - `$4`, `$5`: the archive's key, and the number of its trips.
/// - `$6`: the message.
/// - `$7`: 0 if there is nothing to load, so that the row tells of a load of no trips; else null.
/// - `$8` to `$10`: how many trips are new, changed and gone, or null if the archive could not be
///   compared with the one before it. Then what is known of late trips stays.
/// - `$11`: when the provider was requested for the archive, or null if the row tells it already.
/// - `$12`: the same of an archive that was found in the bucket. If it is not younger than the one
///   that the row knows, it is that one: what came late with it is counted already.
/// - `$13`: since when the vehicles of the trips are still to be requested, or null.
/// - `$14`: what the response may lack, or null.
/// - `$15`: how many trips came late with the archive before, if the row does not know of it.
const RECORD_ARCHIVE: &str = update_schedule!(
    "status_id = $2, run_id = $3, payload = $4, payload_trips_count = $5, message = $6,
     records_total = $7, records_processed = $7, records_error_count = $7, records_duplicate_count = $7,
     error_payload = CASE WHEN $14::text IS NOT NULL THEN jsonb_build_object('note', $14) END, rerun_flag = false,
     extracted_at = coalesce($12, clock_timestamp()), archived_at = coalesce($11, s.archived_at),
     trips_new = $8, trips_changed = $9, trips_gone = $10,
     trips_late = CASE WHEN $8 IS NULL OR $12 <= s.archived_at THEN s.trips_late
                       ELSE coalesce(s.trips_late, 0) + $8 + $15 END,
     side_data_since = $13, replacing_since = NULL"
);

/// A block's archive in the bucket.
#[derive(Debug, Clone)]
pub struct ArchiveRecord {
    /// The run that wrote or found it.
    pub run_id: Uuid,
    /// The archive's key in the bucket.
    pub payload_key: String,
    /// Number of trips in the archive.
    pub fetched: u64,
    /// A note for people, such as the HTTP status.
    pub message: String,
    /// What the response may lack. It becomes the message again after each step that ends well, as
    /// long as the block has this archive.
    pub note: Option<String>,
    /// How the trips differ from those of the previous archive; `None` for the first one.
    pub changes: Option<Changes>,
    /// Trips that came late with the previous archive, if the schedule does not know of it.
    pub late_before: u64,
    /// When the provider was requested for what the archive holds; `None` if the archive is the one
    /// that the schedule knows.
    pub requested_at: Option<DateTime<Utc>>,
    /// Whether the archive was in the bucket already, so that the provider was not requested now.
    pub is_adopted: bool,
    /// Whether the archive has no trips and the block has no loaded trip that would have to go.
    pub nothing_to_load: bool,
    /// When the provider was requested for the archive, if it is still to be requested for the
    /// vehicles and the telemetry of the trips.
    pub side_data_since: Option<DateTime<Utc>>,
}

/// Records an archive in the block's row, and returns the row.
pub(crate) async fn write_archive(
    client: &Client,
    schedule_id: i64,
    archive: &ArchiveRecord,
) -> Result<Option<Row>, Error> {
    let (status, loaded) = if archive.nothing_to_load {
        (BlockStatus::NoTrips, Some(0_i64))
    } else {
        (BlockStatus::Archived, None)
    };
    let requested_before = archive.requested_at.filter(|_| archive.is_adopted);
    let changed = |count: fn(&Changes) -> u64| archive.changes.as_ref().map(count).map(to_bigint);
    client
        .query_typed_opt(
            RECORD_ARCHIVE,
            values![
                schedule_id,
                status_code(status),
                archive.run_id,
                archive.payload_key,
                to_bigint(archive.fetched),
                shortened(&archive.message),
                loaded,
                changed(|changes| changes.new),
                changed(|changes| changes.changed),
                changed(|changes| changes.gone),
                archive.requested_at,
                requested_before,
                archive.side_data_since,
                archive.note.as_deref().map(shortened),
                to_bigint(archive.late_before),
            ],
        )
        .await
}
