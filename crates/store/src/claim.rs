//! Claims: a block in the hands of one worker.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::types::ToSql;
use trips::Changes;
use trips::status::BlockStatus;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{Busy, StoreError, failed};
use crate::schedule::{ScheduleRow, get, schedule_columns};
use crate::session::{DATASET_SPACE, LockSession, block_key};

/// The schedule's message column is for people; what is longer than this helps none.
const LONGEST_MESSAGE_CHARS: usize = 2000;

/// An `UPDATE` of the claimed row that answers the row as it is then.
macro_rules! update_schedule {
    ($set:literal) => {
        concat!(
            "UPDATE api.schedule s SET updated_at = clock_timestamp(), ",
            $set,
            " FROM api.providers p WHERE s.schedule_id = $1 AND p.provider_id = s.provider_id RETURNING ",
            crate::schedule::schedule_columns!()
        )
    };
}
pub(crate) use update_schedule;

/// A block that nobody else works on.
///
/// The claim is an advisory lock of a connection of its own, and everything done under it goes over
/// that connection. If the connection breaks, the database gives the block free and every further
/// call here fails, so that a worker that has lost its claim can't change anything any more.
/// Dropping a claim closes its connection; [`release`](Self::release) keeps it for the next.
pub struct Claim {
    pub(crate) held: LockSession,
    pub(crate) row: ScheduleRow,
    /// Those whose turn it holds: the space of the lock and the name in it.
    turns: Vec<(i32, String)>,
    _permit: OwnedSemaphorePermit,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim")
            .field("schedule_id", &self.row.schedule_id)
            .finish_non_exhaustive()
    }
}

/// What was archived of a block.
#[derive(Debug, Clone)]
pub struct Archived {
    /// The run that did it.
    pub run_id: Uuid,
    /// The archive's key in the bucket.
    pub payload_key: String,
    /// Trips in the archive.
    pub fetched: u64,
    /// A word for people, such as the HTTP status.
    pub message: String,
    /// What differs from the answer before; none for a first answer.
    pub changes: Option<Changes>,
}

impl Store {
    /// Takes a block, without waiting.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if somebody else has it, [`StoreError::UnknownBlock`],
    /// [`StoreError::Unavailable`], also if no connection gets free.
    pub async fn claim(&self, schedule_id: i64) -> Result<Claim, StoreError> {
        let (client, permit) = self.client_for_claim().await?;
        let held = LockSession::new(client);
        let locked = held
            .query_opt(
                "claiming a block",
                "SELECT pg_try_advisory_lock($1) AS locked",
                &[&block_key(schedule_id)],
            )
            .await?
            .map(|row| get::<bool>(&row, "locked"))
            .transpose()?;
        if locked != Some(true) {
            held.return_to_pool();
            return Err(StoreError::Busy {
                what: Busy::Block { schedule_id },
            });
        }
        // Only now: what the row said before the lock may be history.
        let row = held
            .query_opt(
                "reading a claimed block",
                concat!(
                    "SELECT ",
                    schedule_columns!(),
                    " FROM api.schedule s JOIN api.providers p USING (provider_id) WHERE s.schedule_id = $1"
                ),
                &[&schedule_id],
            )
            .await?
            .ok_or(StoreError::UnknownBlock { schedule_id })?;
        Ok(Claim {
            row: ScheduleRow::read(&row)?,
            held,
            turns: Vec::new(),
            _permit: permit,
        })
    }
}

impl Claim {
    /// The block, as it was when claimed or last changed through this claim.
    #[must_use]
    pub fn row(&self) -> &ScheduleRow {
        &self.row
    }

    /// Gives the block free, and the connection back to the pool.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection has broken, which gives the block free as
    /// well.
    pub async fn release(self) -> Result<(), StoreError> {
        self.held
            .client()?
            .batch_execute("SELECT pg_advisory_unlock_all()")
            .await
            .map_err(failed("releasing a block"))?;
        self.held.return_to_pool();
        Ok(())
    }

    /// Notes that the provider's answer is archived: status 2, or 7 if it holds no trip.
    ///
    /// What was counted of a former archive's load no longer holds, so those counts are empty until
    /// the next.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and the claim with it, is lost.
    pub async fn archived(&mut self, archived: &Archived) -> Result<(), StoreError> {
        let (status, loaded) = match archived.fetched {
            0 => (BlockStatus::NoTrips, Some(0_i64)),
            _ => (BlockStatus::Archived, None),
        };
        let fetched = signed(archived.fetched);
        let changes = Columns::of(archived.changes);
        self.update(
            "noting an archive",
            update_schedule!(
                "status_id = $2, run_id = $3, payload = $4, payload_trips_count = $5, message = $6,
                 records_total = $7, records_processed = $7, records_error_count = $7, records_duplicate_count = $7,
                 error_payload = NULL, rerun_flag = false, extracted_at = clock_timestamp(),
                 trips_new = $8, trips_changed = $9, trips_gone = $10"
            ),
            &[
                &code(status),
                &archived.run_id,
                &archived.payload_key,
                &fetched,
                &shortened(&archived.message),
                &loaded,
                &changes.new,
                &changes.changed,
                &changes.gone,
            ],
        )
        .await
    }

    /// Notes that the provider gave the same answer as before, whose archive stays. So does the
    /// status, unless the block had failed before it was loaded, or with every trip, which another
    /// configuration may mend: then it is 2.
    ///
    /// # Errors
    ///
    /// As [`archived`](Self::archived).
    pub async fn confirmed(&mut self, run_id: Uuid, message: &str) -> Result<(), StoreError> {
        self.update(
            "noting the same answer",
            update_schedule!(
                "status_id = CASE WHEN s.status_id IN (0, 1, -2, -6) THEN 2 ELSE s.status_id END,
                 run_id = $2, message = $3, extracted_at = clock_timestamp(),
                 trips_new = 0, trips_changed = 0, trips_gone = 0"
            ),
            &[&run_id, &shortened(message)],
        )
        .await
    }

    /// Notes that another archive is about to take the place of the one that is there: status 2,
    /// since it may be that already when somebody looks next.
    ///
    /// # Errors
    ///
    /// As [`archived`](Self::archived).
    pub async fn replacing_archive(&mut self) -> Result<(), StoreError> {
        self.update(
            "noting a new archive",
            update_schedule!("status_id = $2, message = 'the provider has another answer'"),
            &[&code(BlockStatus::Archived)],
        )
        .await
    }

    /// Notes how a step ended that did not do its work: one of the failed statuses, or
    /// [`BlockStatus::NotPublished`]. Counts and archive stay what they are.
    ///
    /// # Errors
    ///
    /// As [`archived`](Self::archived).
    pub async fn failed(
        &mut self,
        status: BlockStatus,
        run_id: Uuid,
        error_name: &str,
        message: &str,
    ) -> Result<(), StoreError> {
        self.update(
            "noting a failure",
            update_schedule!(
                "status_id = $2, run_id = $3, message = $4,
                 published_at = CASE WHEN $2 = -8 THEN NULL ELSE published_at END"
            ),
            &[
                &code(status),
                &run_id,
                &shortened(&format!("{error_name}: {message}")),
            ],
        )
        .await
    }

    /// Notes how far publishing has come, in the caller's own form.
    ///
    /// # Errors
    ///
    /// As [`archived`](Self::archived).
    pub async fn publish_progress(&mut self, progress: &Value) -> Result<(), StoreError> {
        self.update(
            "noting the progress of an upload",
            update_schedule!("socrata_status = $2"),
            &[progress],
        )
        .await
    }

    /// Notes that the block is published: status 8.
    ///
    /// # Errors
    ///
    /// As [`archived`](Self::archived).
    pub async fn published(&mut self, run_id: Uuid, counts: &Value) -> Result<(), StoreError> {
        self.update(
            "noting an upload",
            update_schedule!(
                "status_id = $2, run_id = $3, socrata_status = $4, message = NULL, published_at = clock_timestamp()"
            ),
            &[&code(BlockStatus::Published), &run_id, counts],
        )
        .await
    }

    /// Waits for one's turn to write to a dataset of the portal, over all processes, and takes it.
    /// Those who wait are served in the order they came. The turn ends with
    /// [`unlock_all`](Self::unlock_all) or the claim.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if it is not one's turn within `wait`.
    pub async fn lock_dataset(&mut self, dataset: &str, wait: Duration) -> Result<(), StoreError> {
        let busy = Busy::Dataset {
            dataset: dataset.to_owned(),
        };
        self.lock(DATASET_SPACE, dataset, wait, busy).await
    }

    pub(crate) async fn lock(
        &mut self,
        space: i32,
        name: &str,
        wait: Duration,
        busy: Busy,
    ) -> Result<(), StoreError> {
        let doing = failed("waiting for a turn");
        let limit = format!("{}ms", wait.as_millis().max(1));
        let transaction = self.held.client_mut()?.transaction().await.map_err(doing)?;
        transaction
            .execute(
                "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', '0', true)",
                &[&limit],
            )
            .await
            .map_err(doing)?;
        // The session holds the lock, not the transaction, which is there to bound the wait.
        transaction
            .execute(
                "SELECT pg_advisory_lock($1, hashtext($2))",
                &[&space, &name],
            )
            .await
            .map_err(|error| match doing(error) {
                StoreError::Busy { .. } => StoreError::Busy { what: busy },
                other => other,
            })?;
        transaction.commit().await.map_err(doing)?;
        self.turns.push((space, name.to_owned()));
        Ok(())
    }

    /// Ends the turns taken, such as those of [`lock_dataset`](Self::lock_dataset). Does nothing
    /// where there are none.
    ///
    /// # Errors
    ///
    /// As [`archived`](Self::archived).
    pub async fn unlock_all(&mut self) -> Result<(), StoreError> {
        for (space, name) in self.turns.drain(..) {
            self.held
                .query_opt(
                    "ending a turn",
                    "SELECT pg_advisory_unlock($1, hashtext($2))",
                    &[&space, &name],
                )
                .await?;
        }
        Ok(())
    }

    /// `values` are the statement's parameters behind the first, which is the row's id.
    async fn update(
        &mut self,
        doing: &'static str,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<(), StoreError> {
        let schedule_id = self.row.schedule_id;
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&schedule_id];
        parameters.extend_from_slice(values);
        let row = self
            .held
            .query_opt(doing, statement, &parameters)
            .await?
            .ok_or(StoreError::UnknownBlock { schedule_id })?;
        self.row = ScheduleRow::read(&row)?;
        Ok(())
    }
}

/// The changes as the schedule's columns hold them.
struct Columns {
    new: Option<i64>,
    changed: Option<i64>,
    gone: Option<i64>,
}

impl Columns {
    fn of(changes: Option<Changes>) -> Self {
        Self {
            new: changes.map(|it| signed(it.new)),
            changed: changes.map(|it| signed(it.changed)),
            gone: changes.map(|it| signed(it.gone)),
        }
    }
}

pub(crate) fn code(status: BlockStatus) -> i32 {
    status.code().into()
}

/// Counts fit: 2^63 trips do not.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn shortened(message: &str) -> String {
    message
        .chars()
        .filter(|c| *c != '\0')
        .take(LONGEST_MESSAGE_CHARS)
        .collect()
}
