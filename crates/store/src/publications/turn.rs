//! [`PublishTurn`]: whoever holds it uploads what is waiting, for everybody.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::join;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;
use tokio_postgres::{Client, Row};
use trips::public_row::PublicTrip;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{Busy, StoreError, failed};
use crate::fence::{Fence, STATEMENT};
use crate::lock_session::{DATASET_SPACE, LockSession, limit_silence};
use crate::named_locks::NamedLock;
use crate::publish::{self, public_columns};
use crate::schedule::{get, read_count};
use crate::values::{Parameter, values};

mod blocks;
mod live;
mod record;

pub use live::LiveRows;
pub use record::Sent;

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

    /// Gives the turn to the next one, and the connection back to the pool.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection is broken. The turn is over in that case too.
    pub async fn release(self) -> Result<(), StoreError> {
        self.session.give_back().await
    }
}
