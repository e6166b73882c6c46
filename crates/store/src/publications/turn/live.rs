//! The trips that the portal must receive of a publication, read page by page.

use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::Row;
use trips::public_row::PublicTrip;
use uuid::Uuid;

use super::{Publication, PublishTurn};
use crate::error::{StoreError, failed};
use crate::publish;
use crate::values::values;

/// The trips of the block `$1` that the portal must receive, after the id `$3` and up to `$5`, as
/// `api.trips` has them now. A trip of another block is left to that one.
///
/// Few of the block's trips lie between two ids, so few are sorted. No index may serve this
/// condition, hence the functions: it has the ids of every block. The devices are looked up one by
/// one after that, so the first rows are on their way while the others are still being looked up.
const LIVE: &str = concat!(
    publish::public_columns!(
        "(SELECT d.id FROM api.devices d
          WHERE d.provider_id = t.provider_id AND d.device_id = t.device_id LIMIT 1)"
    ),
    " FROM api.trips t
    WHERE t.schedule_id = $1 AND t.withdrawn_at IS NULL AND t.modified_date >= $2
      AND uuid_gt(t.id, $3) AND uuid_le(t.id, $5)
    ORDER BY t.id
    LIMIT $4"
);

/// How many trips are passed on at a time.
const PIECE: usize = 1000;

/// Rows of a page as they arrive.
type Arriving = UnboundedReceiver<Result<Row, tokio_postgres::Error>>;

/// A page of trips that is being read, in order of their public ids.
///
/// Its rows arrive, and are kept, whether somebody takes them or not. On the connection they would
/// hold up every other statement of the turn, and whoever should take them may wait for one of
/// those.
pub struct LiveRows<'t> {
    turn: &'t PublishTurn,
    schedule_id: i64,
    since: DateTime<Utc>,
    rows: Arriving,
    /// The last trip that was read, or after which the page begins.
    last: Uuid,
    /// How many more trips the page may have.
    left: usize,
    /// Up to which public id the page reaches.
    until: Uuid,
    has_named_devices: bool,
}

impl std::fmt::Debug for LiveRows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveRows")
            .field("schedule_id", &self.schedule_id)
            .finish_non_exhaustive()
    }
}

impl PublishTurn {
    /// Starts to read the next trips that the portal must receive of a publication, by public id,
    /// after `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the turn, is lost.
    pub async fn live(
        &self,
        publication: &Publication,
        after: Uuid,
        limit: usize,
    ) -> Result<LiveRows<'_>, StoreError> {
        let until = page_end(publication.rows, after, limit);
        let (schedule_id, since) = (publication.schedule_id, publication.since);
        Ok(LiveRows {
            rows: self
                .live_rows(schedule_id, since, after, limit, until)
                .await?,
            turn: self,
            schedule_id,
            since,
            last: after,
            left: limit,
            until,
            has_named_devices: false,
        })
    }

    async fn live_rows(
        &self,
        schedule_id: i64,
        since: DateTime<Utc>,
        after: Uuid,
        limit: usize,
        until: Uuid,
    ) -> Result<Arriving, StoreError> {
        let limit = super::to_limit(limit);
        let values = values![schedule_id, since, after, limit, until];
        let rows = self
            .session
            .client()?
            .query_typed_raw(LIVE, values.to_vec());
        let rows = rows.await.map_err(failed(super::READING))?;
        // As many as a page has at most.
        let (arrived, arriving) = unbounded_channel();
        tokio::spawn(async move {
            let mut rows = std::pin::pin!(rows);
            while let Some(row) = rows.next().await {
                if arrived.send(row).is_err() {
                    break;
                }
            }
        });
        Ok(arriving)
    }
}

impl LiveRows<'_> {
    /// The next trips of the page, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the turn, is lost.
    pub async fn next(&mut self) -> Result<Option<Vec<PublicTrip>>, StoreError> {
        let mut piece = Vec::with_capacity(PIECE.min(self.left));
        while piece.len() < PIECE {
            let Some(row) = self.rows.recv().await else {
                break;
            };
            let row = row.map_err(failed(super::READING))?;
            let trip = match publish::read(&row) {
                Err(StoreError::UnknownDevice) if !self.has_named_devices => {
                    self.name_devices().await?;
                    continue;
                }
                trip => trip?,
            };
            self.last = trip.trip_id;
            self.left = self.left.saturating_sub(1);
            piece.push(trip);
        }
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }

    /// Gives public ids to devices that have none, and reads what is left of the page.
    async fn name_devices(&mut self) -> Result<(), StoreError> {
        self.has_named_devices = true;
        self.turn.name_devices(self.schedule_id).await?;
        let rest = (self.turn).live_rows(
            self.schedule_id,
            self.since,
            self.last,
            self.left,
            self.until,
        );
        self.rows = rest.await?;
        Ok(())
    }

    /// After which public id the next page begins, once this one is read to its end; `None` if no
    /// trips can follow.
    #[must_use]
    pub fn rest(&self) -> Option<Uuid> {
        if self.left == 0 {
            return Some(self.last);
        }
        Some(self.until).filter(|until| !until.is_max())
    }
}

/// The public id up to which a page is read: in front of it are a little more of the publication's
/// rows than a page has. Public ids are random, so the rows lie evenly among them; if they do not,
/// pages are smaller.
fn page_end(rows: u64, after: Uuid, limit: usize) -> Uuid {
    let limit = limit as u128;
    let limit = limit + limit / 16;
    let rows = u128::from(rows);
    if rows <= limit {
        return Uuid::max();
    }
    let width = u128::MAX / rows * limit;
    Uuid::from_u128(after.as_u128().saturating_add(width))
}
