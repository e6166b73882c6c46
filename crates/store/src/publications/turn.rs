//! [`PublishTurn`]: whoever holds it uploads what is waiting, for everybody.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::join;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Row};
use trips::public_row::PublicTrip;
use trips::status::BlockStatus;
use uuid::Uuid;

use super::{publishable_statuses, settled_status};
use crate::connect::Store;
use crate::error::{Busy, StoreError, failed};
use crate::failure_text::failure_text;
use crate::fence::{Fence, STATEMENT};
use crate::lock_session::{DATASET_SPACE, LockSession, limit_silence};
use crate::named_locks::NamedLock;
use crate::publish::{self, public_columns};
use crate::schedule::{get, read_count, shortened, status_code};
use crate::values::{Parameter, values};

mod blocks;
mod live;

pub use live::LiveRows;

/// What is being done when trips are read.
const READING: &str = "reading what is to be published";

/// What is waiting, oldest first. `$1` are blocks to leave out.
const WAITING: &str = "
    SELECT schedule_id, load_id, publish_key, publish_sha256, publish_etag, rows, since, last_sent, counts,
        last_sent_form
    FROM api.publications
    WHERE since IS NOT NULL AND requested_at IS NOT NULL AND schedule_id <> ALL ($1)
    ORDER BY requested_at, schedule_id
    LIMIT $2";

/// Those of the trips `$2`, by public id, that the block `$1` owns and has not seen withdrawn.
const OF_BLOCK: &str = concat!(
    public_columns!(),
    " FROM api.trips t LEFT JOIN api.devices d ON d.device_id = t.device_id AND d.provider_id = t.provider_id
      WHERE t.schedule_id = $1 AND t.id = ANY ($2) AND t.withdrawn_at IS NULL
      ORDER BY t.id"
);

/// The block's withdrawn trips that the portal must lose, after the id `$3`.
const WITHDRAWN: &str = "
    SELECT id FROM api.trips
    WHERE schedule_id = $1 AND withdrawn_at IS NOT NULL AND modified_date >= $2 AND id > $3
    ORDER BY id
    LIMIT $4";

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

/// A block's entry in the ledger, as its uploader needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The block.
    pub schedule_id: i64,
    /// The load that entered it.
    pub load_id: Uuid,
    /// The object with the rows.
    pub key: String,
    /// SHA-256 of its JSON, in hex. Only an object with this content is published.
    pub sha256: String,
    /// Its entity tag; `None` for an object of before there was this column.
    pub etag: Option<String>,
    /// Rows in it.
    pub rows: u64,
    /// Trips that changed before this are at the portal.
    pub since: DateTime<Utc>,
    /// The last public id, in their order, that an interrupted upload has sent.
    pub last_sent: Option<Uuid>,
    /// What the portal has counted of that upload.
    pub counts: Option<Value>,
    /// Tells in which form, and where, it has sent them.
    pub form: Option<String>,
}

impl Publication {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            schedule_id: get(row, "schedule_id")?,
            load_id: get(row, "load_id")?,
            key: get(row, "publish_key")?,
            sha256: get(row, "publish_sha256")?,
            etag: get(row, "publish_etag")?,
            rows: read_count(row, "rows")?,
            since: get(row, "since")?,
            last_sent: get(row, "last_sent")?,
            counts: get(row, "counts")?,
            form: get(row, "last_sent_form")?,
        })
    }

    /// The same publication for an upload in this form. If its rows went elsewhere before, or were
    /// made otherwise, the upload begins anew.
    #[must_use]
    pub fn in_form(self, form: &str) -> Self {
        if self.form.as_deref() == Some(form) {
            return self;
        }
        Self {
            last_sent: None,
            counts: None,
            form: Some(form.to_owned()),
            ..self
        }
    }
}

/// A publication whose rows have all reached the portal.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The publication, as it was read.
    pub publication: Publication,
    /// What the portal counted, for column `socrata_status`.
    pub counts: Value,
}

/// The lock on a dataset. Only its holder writes to the dataset, over all processes.
///
/// The lock belongs to a connection of its own, and ends with it. The database ends the connection
/// of a process that is silent for too long: it may be frozen, and others wait.
pub struct PublishTurn {
    session: LockSession,
    max_silence: Duration,
    _permit: OwnedSemaphorePermit,
}

impl std::fmt::Debug for PublishTurn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublishTurn").finish_non_exhaustive()
    }
}

impl Store {
    /// Takes the turn to write to a dataset. Returns `None` if another session still has it after
    /// `wait`. The turn is lost after `max_silence` without a statement; [`PublishTurn::hold`]
    /// keeps it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn take_publish_turn(
        &self,
        dataset: &str,
        wait: Duration,
        max_silence: Duration,
    ) -> Result<Option<PublishTurn>, StoreError> {
        let (client, permit) = self.client_for_claim().await?;
        let mut session = LockSession::new(client);
        let lock = NamedLock {
            space: DATASET_SPACE,
            name: dataset.to_owned(),
        };
        let busy = Busy::Dataset {
            dataset: dataset.to_owned(),
        };
        // Both go out together, and the limit comes before the lock: the server also gives the lock
        // to a process that was frozen while it waited.
        let client = session.client()?;
        let (limited, locked) = join!(
            limit_silence(client, max_silence),
            lock.take(client, wait, busy)
        );
        session.show_life(&self.life, limited?);
        match locked {
            Ok(()) => Ok(Some(PublishTurn {
                session,
                max_silence,
                _permit: permit,
            })),
            Err(StoreError::Busy { .. }) => {
                // The limits end a session that is idle, but not one whose client was frozen while
                // it read rows.
                let client = session.client()?;
                self.life
                    .end_silent_named_holder(client, DATASET_SPACE, dataset)
                    .await?;
                session.give_back().await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Fence for PublishTurn {
    async fn check(&self) -> Result<(), StoreError> {
        let client = self.session.client()?;
        client
            .batch_execute(STATEMENT)
            .await
            .map_err(failed("checking the turn to publish"))
    }
}

fn to_limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn read(rows: &[Row]) -> Result<Vec<PublicTrip>, StoreError> {
    rows.iter().map(publish::read).collect()
}

impl PublishTurn {
    /// Keeps the turn by a statement now and then. Ends only when the turn is lost.
    pub async fn hold(&self) -> StoreError {
        loop {
            sleep(self.max_silence / 4).await;
            if let Err(lost) = self.check().await {
                return lost;
            }
        }
    }

    /// The publications that somebody waits for, oldest first, without those of `except`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the turn, is lost.
    pub async fn waiting(
        &self,
        except: &[i64],
        limit: i64,
    ) -> Result<Vec<Publication>, StoreError> {
        self.query(WAITING, values![except, limit])
            .await?
            .iter()
            .map(Publication::read)
            .collect()
    }

    /// Those of the trips, by public id, that a block owns, as they are loaded.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the turn, is lost.
    pub async fn trips_of_block(
        &self,
        schedule_id: i64,
        ids: &[Uuid],
    ) -> Result<Vec<PublicTrip>, StoreError> {
        let parameters = values![schedule_id, ids];
        match read(&self.query(OF_BLOCK, parameters).await?) {
            Err(StoreError::UnknownDevice) => {
                self.name_devices(schedule_id).await?;
                read(&self.query(OF_BLOCK, parameters).await?)
            }
            trips => trips,
        }
    }

    async fn name_devices(&self, schedule_id: i64) -> Result<(), StoreError> {
        let client: &Client = self.session.client()?;
        publish::name_devices(client, schedule_id).await
    }

    /// The next withdrawn trips that the portal must lose, by public id, after `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the turn, is lost.
    pub async fn withdrawn(
        &self,
        publication: &Publication,
        after: Uuid,
        limit: usize,
    ) -> Result<Vec<Uuid>, StoreError> {
        let limit = to_limit(limit);
        let (block, since) = (&publication.schedule_id, &publication.since);
        self.query(WITHDRAWN, values![*block, *since, after, limit])
            .await?
            .iter()
            .map(|row| get(row, 0))
            .collect()
    }

    async fn query(
        &self,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let client = self.session.client()?;
        let rows = client.query_typed(statement, parameters).await;
        rows.map_err(failed(READING))
    }

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

    /// Gives the turn to the next one, and the connection back to the pool.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection is broken. The turn is over in that case too.
    pub async fn release(self) -> Result<(), StoreError> {
        self.session.give_back().await
    }
}
