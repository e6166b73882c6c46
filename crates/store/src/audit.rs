//! What an audit reads: the trips of some hours, and the blocks that own them.

use std::fmt;
use std::pin::Pin;

use chrono::{DateTime, TimeDelta, Utc};
use deadpool_postgres::Object;
use futures::StreamExt;
use tokio_postgres::{Row, RowStream};
use trips::block::{Block, Hour, HourRange};
use trips::public_row::{PublicTrip, TimeRounding};
use trips::status::BlockStatus;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::publish::{self, public_columns};
use crate::schedule::{get, read_block, read_status};

/// The trips that count and end in one of the spans from `$1` to `$2`, in order of their public
/// ids. A trip whose device has no public id is one of them: the portal must have it.
const ROWS: &str = concat!(
    public_columns!(),
    ", t.schedule_id
     FROM unnest($1::timestamptz[], $2::timestamptz[]) AS span (first, until)
     JOIN api.trips t ON t.end_time >= span.first AND t.end_time < span.until
     LEFT JOIN api.devices d ON d.device_id = t.device_id AND d.provider_id = t.provider_id
     WHERE t.withdrawn_at IS NULL
     ORDER BY t.id"
);

/// The number of [`ROWS`]' column `schedule_id`.
const SCHEDULE_ID: usize = 14;

const LIVE: &str =
    "SELECT id, end_time, schedule_id FROM api.trips WHERE id = ANY ($1) AND withdrawn_at IS NULL";

const WITHDRAWN: &str = "SELECT id FROM api.trips WHERE id = ANY ($1) AND withdrawn_at IS NOT NULL";

/// Blocks, and whether the portal still has to receive something of each. A block without an entry
/// in the ledger was loaded before there was one.
const BLOCKS: &str = "
    SELECT s.schedule_id, p.provider_name, s.block_start, s.status_id,
           CASE WHEN l.schedule_id IS NULL THEN s.published_at IS NULL ELSE l.since IS NOT NULL END AS is_waiting
    FROM api.schedule s
    JOIN api.providers p USING (provider_id)
    LEFT JOIN api.publications l USING (schedule_id)
    WHERE s.schedule_id = ANY ($1)
    ORDER BY s.block_start, p.provider_name";

/// The blocks of the hours that begin at `$1`.
const OF_HOURS: &str = "
    SELECT p.provider_name, s.block_start, s.status_id, s.archived_at
    FROM api.schedule s
    JOIN api.providers p USING (provider_id)
    WHERE s.block_start = ANY ($1)";

/// What the schedule knows of a block.
#[derive(Debug, Clone)]
pub struct KnownBlock {
    /// The block.
    pub block: Block,
    /// Its status.
    pub status: BlockStatus,
    /// When the provider was requested for its archive; `None` if there is none, or if nobody
    /// knows.
    pub archived_at: Option<DateTime<Utc>>,
}

/// A trip that counts, with its owner.
#[derive(Debug, Clone)]
pub struct OwnedTrip {
    /// The trip.
    pub trip: PublicTrip,
    /// The block that owns it; `None` for rows of other tools.
    pub schedule_id: Option<i64>,
}

/// Where a trip that counts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveTrip {
    /// The public id.
    pub id: Uuid,
    /// The end, not rounded.
    pub end_time: DateTime<Utc>,
    /// The block that owns it; `None` for rows of other tools.
    pub schedule_id: Option<i64>,
}

/// A block that owns trips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerBlock {
    /// Its row in `api.schedule`.
    pub schedule_id: i64,
    /// The block.
    pub block: Block,
    /// How far it has come.
    pub status: BlockStatus,
    /// Whether the portal still has to receive something of it.
    pub is_waiting: bool,
}

/// Trips in order of their public ids. Holds a connection.
pub struct OwnedTrips {
    rows: Pin<Box<RowStream>>,
    _client: Object,
}

impl fmt::Debug for OwnedTrips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedTrips").finish_non_exhaustive()
    }
}

impl OwnedTrips {
    /// The next trip; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn next(&mut self) -> Result<Option<OwnedTrip>, StoreError> {
        let row = self.rows.next().await.transpose();
        row.map_err(failed("reading trips"))?
            .map(|row| {
                Ok(OwnedTrip {
                    trip: publish::read_unnamed(&row)?,
                    schedule_id: get(&row, SCHEDULE_ID)?,
                })
            })
            .transpose()
    }
}

impl Store {
    /// The trips that count and whose published end lies in one of these ranges, in order of their
    /// public ids.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn owned_trips(
        &self,
        ranges: &[HourRange],
        rounding: TimeRounding,
    ) -> Result<OwnedTrips, StoreError> {
        let spans = ranges.iter().map(|range| Span::of(*range, rounding));
        let (first, until): (Vec<_>, Vec<_>) = spans.map(|span| (span.first, span.until)).unzip();
        let client = self.client().await?;
        let rows = client
            .query_raw(ROWS, [&first, &until])
            .await
            .map_err(failed("reading trips"))?;
        Ok(OwnedTrips {
            rows: Box::pin(rows),
            _client: client,
        })
    }

    /// Those of the trips, by public id, that count.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn live_trips(&self, ids: &[Uuid]) -> Result<Vec<LiveTrip>, StoreError> {
        let live = |row: &Row| {
            Ok(LiveTrip {
                id: get(row, "id")?,
                end_time: get(row, "end_time")?,
                schedule_id: get(row, "schedule_id")?,
            })
        };
        let rows = self
            .client()
            .await?
            .query(LIVE, &[&ids])
            .await
            .map_err(failed("looking up trips"))?;
        rows.iter().map(live).collect()
    }

    /// Those of the trips, by public id, that are withdrawn.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn withdrawn_trips(&self, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        let rows = self
            .client()
            .await?
            .query(WITHDRAWN, &[&ids])
            .await
            .map_err(failed("looking up withdrawn trips"))?;
        rows.iter().map(|row| get(row, "id")).collect()
    }

    /// The blocks of these hours that the schedule has.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn blocks_of_hours(&self, hours: &[Hour]) -> Result<Vec<KnownBlock>, StoreError> {
        let known = |row: &Row| {
            Ok(KnownBlock {
                block: read_block(row)?,
                status: read_status(get(row, "status_id")?)?,
                archived_at: get(row, "archived_at")?,
            })
        };
        let starts: Vec<_> = hours.iter().map(Hour::start).collect();
        let rows = self
            .client()
            .await?
            .query(OF_HOURS, &[&starts])
            .await
            .map_err(failed("reading the schedule"))?;
        rows.iter().map(known).collect()
    }

    /// Blocks by id, in order of time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn owner_blocks(&self, schedule_ids: &[i64]) -> Result<Vec<OwnerBlock>, StoreError> {
        let owner = |row: &Row| {
            Ok(OwnerBlock {
                schedule_id: get(row, "schedule_id")?,
                block: read_block(row)?,
                status: read_status(get(row, "status_id")?)?,
                is_waiting: get(row, "is_waiting")?,
            })
        };
        let rows = self
            .client()
            .await?
            .query(BLOCKS, &[&schedule_ids])
            .await
            .map_err(failed("reading the schedule"))?;
        rows.iter().map(owner).collect()
    }
}

/// The ends that are published within a range: rounding moves an end by at most half a step.
pub(crate) struct Span {
    pub(crate) first: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
}

impl Span {
    pub(crate) fn of(range: HourRange, rounding: TimeRounding) -> Self {
        let half_step = TimeDelta::seconds(i64::from(rounding.step_seconds() / 2));
        Self {
            first: range.first().start() - half_step,
            until: range.end().start() - half_step,
        }
    }
}
