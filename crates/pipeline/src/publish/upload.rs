//! One turn at the dataset: uploads what is waiting, and records what the portal took.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;
use socrata::{SocrataError, Upsert};
use store::{Publication, PublishTurn, Sent};
use tokio::time::Instant;
use trips::status::BlockStatus;
use trips::words::counted;
use uuid::Uuid;

use super::Counts;
use super::batch::{Batch, Part, chunk_of_trips, gone};
use super::gather::Gatherer;
use super::sending::send;
use crate::context::{Context, Portal};
use crate::error::{Dependency, ErrorName, PipelineError, to_json};
use crate::event::BlockItem;

/// How long a turn may last for other blocks of this process. Other processes wait for theirs.
const MAX_TURN: Duration = Duration::from_secs(30);

/// Uploads what is waiting, until the block `own` is done, and for a while longer if other blocks
/// of this process wait: the portal would stand still until one of them has the turn and its rows.
/// The next batch is gathered while the portal works on the last one, and what the portal took is
/// recorded while the next one is sent: until then, a process that is killed has its rows sent
/// again.
///
/// # Errors
///
/// The portal or the database is away, or the portal refuses everything. A publication that is
/// refused by itself is recorded, and the others go on.
pub(super) async fn upload_waiting(
    ctx: &Context,
    portal: &Portal,
    turn: &PublishTurn,
    own: i64,
) -> Result<(), PipelineError> {
    let mut uploader = Uploader {
        portal,
        turn,
        counts: HashMap::new(),
        refused: HashSet::new(),
        stopped: HashSet::new(),
    };
    let mut gatherer = Gatherer::new(ctx, portal, turn, own)?;
    let until = Instant::now() + MAX_TURN;
    let mut batch = gatherer.next_batch().await?;
    let mut taken = Taken::default();
    while !batch.parts.is_empty() {
        batch.retain(|part| !uploader.has_stopped(part));
        let is_last = gatherer.is_own_done && (portal.waiters.is_empty() || Instant::now() > until);
        // The record comes first on the connection of the turn, before the check that it is held.
        let (recorded, uploaded, next) =
            tokio::join!(taken.record(portal, turn), uploader.upload(&batch), async {
                gatherer.unlock_gathered().await?;
                if is_last {
                    Ok(Batch::default())
                } else {
                    gatherer.next_batch().await
                }
            });
        recorded?;
        taken = uploaded?;
        match next {
            Ok(next) => batch = next,
            Err(error) => {
                taken.record(portal, turn).await?;
                return Err(error);
            }
        }
        gatherer.leave_out(&uploader.stopped).await?;
    }
    taken.record(portal, turn).await
}

/// What the portal took of an upload, to be recorded.
#[derive(Default)]
struct Taken {
    upsert: Upsert,
    /// Publications that go on: the last public id that was sent, and the counts so far.
    progress: Vec<(Publication, Uuid, Value)>,
    /// Publications of which everything was sent.
    sent: Vec<Sent>,
}

impl Taken {
    async fn record(&self, portal: &Portal, turn: &PublishTurn) -> Result<(), PipelineError> {
        // A publication may end with a part without rows, of which the portal counts nothing.
        if self.upsert == Upsert::default() && self.sent.is_empty() {
            return Ok(());
        }
        for (publication, last, counts) in &self.progress {
            turn.record_progress(publication, *last, counts).await?;
        }
        turn.record_sent(&self.sent).await?;
        let sent = self.sent.iter().map(|it| it.publication.schedule_id);
        portal.waiters.tell(sent);
        tracing::info!(
            portal.created = self.upsert.created,
            portal.updated = self.upsert.updated,
            portal.deleted = self.upsert.deleted,
            portal.blocks = self.sent.len(),
            "rows published"
        );
        Ok(())
    }
}

/// Sends these trips of a block, by public id, as they are loaded.
pub(super) async fn upload_trips(
    ctx: &Context,
    portal: &Portal,
    turn: &PublishTurn,
    item: &BlockItem,
    ids: &[Uuid],
) -> Result<Counts, PipelineError> {
    let form = ctx.public_form()?;
    let mut counts = Counts::default();
    for ids in ids.chunks(portal.chunk_rows) {
        let trips = turn.trips_of_block(item.schedule_id, ids).await?;
        if trips.len() != ids.len() {
            return Err(not_of_the_block(item, ids.len() - trips.len()));
        }
        let chunk = chunk_of_trips(trips, &form)?;
        let mut upsert = send(portal, turn, &chunk, &[]).await?;
        if upsert.errors > 0 {
            return Err(refused_rows(portal, upsert));
        }
        counts.take_share(&mut upsert, chunk.rows as u64, 0);
    }
    Ok(counts)
}

fn not_of_the_block(item: &BlockItem, rows: usize) -> PipelineError {
    PipelineError::new(
        ErrorName::InvalidInput,
        format!(
            "{} not among the loaded trips of the block {} of {}, or repeated: load the block first, or name the block of these rows",
            counted(rows, "row").with("of the file is", "of the file are"),
            item.label,
            item.provider
        ),
    )
}

/// Sends batches and records what the portal took.
struct Uploader<'a> {
    portal: &'a Portal,
    turn: &'a PublishTurn,
    /// What the portal has counted of publications that are not complete yet.
    counts: HashMap<i64, Counts>,
    /// Blocks of which the portal has refused rows. What follows of them is sent, but they are not
    /// published.
    refused: HashSet<i64>,
    /// Blocks whose upload was refused whole. Nothing more of them is sent.
    stopped: HashSet<i64>,
}

impl Uploader<'_> {
    /// Sends a batch. Returns what the portal took and nobody has recorded yet.
    async fn upload(&mut self, batch: &Batch) -> Result<Taken, PipelineError> {
        let gone = gone(&batch.parts);
        match send(self.portal, self.turn, &batch.chunk(), &gone).await {
            Ok(upsert) if upsert.errors == 0 => return self.taken(&batch.parts, upsert),
            Err(error) if error.refuses_every_request() => return Err(error.into()),
            Ok(_) | Err(SocrataError::Rejected { .. }) if batch.parts.len() > 1 => {
                self.upload_one_by_one(batch).await?;
            }
            Ok(upsert) => self.refuse_rows(&batch.parts, upsert).await?,
            Err(error @ SocrataError::Rejected { .. }) => {
                self.refuse_whole(&batch.parts, error.into(), false).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Taken::default())
    }

    /// The portal refuses something of several publications: sends each by itself, so that one does
    /// not hold up the others.
    async fn upload_one_by_one(&mut self, batch: &Batch) -> Result<(), PipelineError> {
        let providers: HashSet<_> = batch.parts.iter().map(Part::provider).collect();
        let several_providers = providers.len() > 1;
        for part in &batch.parts {
            let parts = std::slice::from_ref(part);
            let chunk = batch.chunk_of(part);
            match send(self.portal, self.turn, &chunk, &gone(parts)).await {
                Ok(upsert) if upsert.errors == 0 => {
                    let taken = self.taken(parts, upsert)?;
                    taken.record(self.portal, self.turn).await?;
                }
                Err(error) if error.refuses_every_request() => return Err(error.into()),
                Ok(upsert) => self.refuse_rows(parts, upsert).await?,
                Err(error @ SocrataError::Rejected { .. }) => {
                    let error = error.into();
                    self.refuse_whole(parts, error, several_providers).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What is to be recorded of parts that were sent. The portal counts rows of the whole upload,
    /// so the counts are split among the parts in their order.
    fn taken(&mut self, parts: &[Part], upsert: Upsert) -> Result<Taken, PipelineError> {
        if upsert != Upsert::default() {
            self.portal.refusals.end();
        }
        let mut left = upsert;
        let mut taken = Taken {
            upsert,
            ..Taken::default()
        };
        for part in parts {
            let schedule_id = part.publication.schedule_id;
            let counts = self
                .counts
                .entry(schedule_id)
                .or_insert_with(|| Counts::read(part.publication.counts.clone()));
            let deletions = part.deletions() as u64;
            counts.take_share(&mut left, part.rows as u64 - deletions, deletions);
            if self.refused.contains(&schedule_id) {
                continue;
            }
            if part.is_last {
                let counts = self.counts.remove(&schedule_id).unwrap_or_default();
                taken.sent.push(Sent {
                    publication: part.publication.clone(),
                    counts: to_json(&counts)?,
                });
            } else if let Some(last) = part.last {
                let counts = to_json(counts)?;
                taken
                    .progress
                    .push((part.publication.clone(), last, counts));
            }
        }
        Ok(taken)
    }

    fn has_stopped(&self, part: &Part) -> bool {
        self.stopped.contains(&part.publication.schedule_id)
    }

    /// The portal answered, and refuses rows among those of these parts.
    async fn refuse_rows(&mut self, parts: &[Part], upsert: Upsert) -> Result<(), PipelineError> {
        self.portal.refusals.end();
        let error = refused_rows(self.portal, upsert);
        for part in parts {
            self.refuse(part, &error).await?;
        }
        Ok(())
    }

    /// The portal refuses the whole upload of one publication.
    ///
    /// # Errors
    ///
    /// The refusal, if it is the last of several that are equal, so that the portal would refuse
    /// every other upload, too.
    async fn refuse_whole(
        &mut self,
        parts: &[Part],
        error: PipelineError,
        several_providers: bool,
    ) -> Result<(), PipelineError> {
        for part in parts {
            let (block, refusals) = (part.publication.schedule_id, &self.portal.refusals);
            let reason = &error.message;
            if refusals.are_of_every_block(block, part.provider(), reason, several_providers) {
                return Err(error.refused_by(Dependency::Portal));
            }
            self.stopped.insert(block);
            self.refuse(part, &error).await?;
        }
        Ok(())
    }

    async fn refuse(&mut self, part: &Part, error: &PipelineError) -> Result<(), PipelineError> {
        self.refused.insert(part.publication.schedule_id);
        let (name, status) = (error.name.as_str(), BlockStatus::PublishFailed);
        self.turn
            .record_refused(&part.publication, status, name, &error.message)
            .await?;
        self.portal.waiters.tell([part.publication.schedule_id]);
        Ok(())
    }
}

fn refused_rows(portal: &Portal, upsert: Upsert) -> PipelineError {
    PipelineError::new(
        ErrorName::SocrataRejected,
        format!(
            "the portal refused {} of dataset {} (it took {})",
            counted(upsert.errors, "row"),
            portal.dataset,
            upsert.created + upsert.updated + upsert.deleted
        ),
    )
}
