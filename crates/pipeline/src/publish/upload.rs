//! One turn at the dataset: gathers what is waiting, oldest first, and uploads it.

use std::collections::{HashMap, HashSet, VecDeque};

use socrata::{SocrataError, Upsert};
use store::{Publication, PublishTurn, Sent};
use trips::public_row::{PublicForm, PublicTrip};
use trips::status::BlockStatus;
use uuid::Uuid;

use super::Counts;
use super::batch::{Batch, Part, Rows, chunk};
use super::rows::check_file;
use crate::context::{Context, Portal};
use crate::error::{ErrorName, PipelineError, to_json};
use crate::event::BlockItem;

/// How many publications are looked up at a time.
const LOOK_AHEAD: i64 = 1000;

/// How many trips of a block are read at a time: each query sorts the block's trips.
const TRIPS_AT_ONCE: usize = 50_000;

/// Uploads what is waiting, until the block `own` is done. The next batch is gathered while the
/// portal works on the last one.
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
    let mut batch = gatherer.next_batch().await?;
    while !batch.parts.is_empty() {
        batch.parts.retain(|part| !uploader.has_stopped(part));
        let is_own_gathered = gatherer.is_own_done;
        let (uploaded, next) = tokio::join!(uploader.upload(&batch), async {
            if is_own_gathered {
                Ok(Batch::default())
            } else {
                gatherer.next_batch().await
            }
        });
        uploaded?;
        batch = next?;
        gatherer.leave_out(&uploader.stopped).await?;
    }
    Ok(())
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
        let mut rows = Rows::default();
        for trip in &trips {
            rows.push(trip, &form)?;
        }
        let upsert = portal.client.upsert(&chunk([&rows].into_iter())).await?;
        if upsert.errors > 0 {
            return Err(refused_rows(portal, upsert));
        }
        take_share(&mut upsert.clone(), rows.count as u64, &mut counts);
    }
    Ok(counts)
}

fn not_of_the_block(item: &BlockItem, rows: usize) -> PipelineError {
    PipelineError::new(
        ErrorName::InvalidInput,
        format!(
            "{rows} rows of the file are not loaded trips of the block {} of {}, or stand there twice: load the block \
             first, or name the block that they belong to",
            item.label, item.provider
        ),
    )
}

/// Collects rows of waiting publications into batches.
struct Gatherer<'a> {
    ctx: &'a Context,
    portal: &'a Portal,
    turn: &'a PublishTurn,
    form: PublicForm,
    own: i64,
    /// Whether everything of the own block is gathered, or it cannot be gathered now.
    is_own_done: bool,
    waiting: VecDeque<Publication>,
    /// Blocks that this turn has looked at.
    seen: Vec<i64>,
    open: Option<OpenPublication>,
}

/// A publication whose rows are being gathered. Its block is locked.
struct OpenPublication {
    publication: Publication,
    phase: Phase,
    /// Trips that were read and did not fit into a batch yet.
    ahead: VecDeque<PublicTrip>,
}

/// How far the gathering of a publication has come: after this public id.
#[derive(Clone, Copy)]
enum Phase {
    /// Rows that the portal must have.
    Live(Uuid),
    /// Rows that it must lose.
    Withdrawn(Uuid),
}

impl OpenPublication {
    /// Keeps the next trips that were read. Fewer than were asked for are the last ones.
    fn keep(&mut self, trips: Vec<PublicTrip>) {
        self.phase = match trips.last() {
            Some(last) if trips.len() == TRIPS_AT_ONCE => Phase::Live(last.trip_id),
            _ => Phase::Withdrawn(Uuid::nil()),
        };
        self.ahead = trips.into();
    }
}

impl<'a> Gatherer<'a> {
    fn new(
        ctx: &'a Context,
        portal: &'a Portal,
        turn: &'a PublishTurn,
        own: i64,
    ) -> Result<Self, PipelineError> {
        Ok(Self {
            ctx,
            portal,
            turn,
            form: ctx.public_form()?,
            own,
            is_own_done: false,
            waiting: VecDeque::new(),
            seen: Vec::new(),
            open: None,
        })
    }

    /// The next rows to send, as many as one upload may have; empty if nothing is waiting.
    async fn next_batch(&mut self) -> Result<Batch, PipelineError> {
        let mut batch = Batch::default();
        while batch.room(self.portal.chunk_rows) > 0 {
            let Some(mut open) = self.next_open().await? else {
                self.is_own_done = true;
                break;
            };
            let part = self
                .gather(&mut open, batch.room(self.portal.chunk_rows))
                .await?;
            if part.is_last {
                self.turn.unlock_block(&open.publication).await?;
                self.is_own_done |= open.publication.schedule_id == self.own;
            } else {
                self.open = Some(open);
            }
            batch.parts.push(part);
        }
        Ok(batch)
    }

    /// Gathers nothing more of these blocks.
    async fn leave_out(&mut self, stopped: &HashSet<i64>) -> Result<(), PipelineError> {
        let is_stopped = |open: &OpenPublication| stopped.contains(&open.publication.schedule_id);
        if let Some(open) = self.open.take_if(|open| is_stopped(open)) {
            self.turn.unlock_block(&open.publication).await?;
        }
        self.is_own_done |= stopped.contains(&self.own);
        Ok(())
    }

    /// The publication whose rows come next. One whose block is being loaded is left out, and one
    /// whose file is not in order is recorded as refused.
    async fn next_open(&mut self) -> Result<Option<OpenPublication>, PipelineError> {
        if let Some(open) = self.open.take() {
            return Ok(Some(open));
        }
        while let Some(publication) = self.next_waiting().await? {
            self.seen.push(publication.schedule_id);
            if !self.turn.lock_block(&publication).await? {
                self.is_own_done |= publication.schedule_id == self.own;
                continue;
            }
            let after = publication.last_sent.unwrap_or_default();
            let (checked, first) = tokio::join!(
                check_file(self.ctx, &publication),
                self.turn.live(&publication, after, TRIPS_AT_ONCE)
            );
            match checked {
                Ok(()) => {
                    let mut open = OpenPublication {
                        publication,
                        phase: Phase::Withdrawn(Uuid::nil()),
                        ahead: VecDeque::new(),
                    };
                    open.keep(first?);
                    return Ok(Some(open));
                }
                Err(error) if is_of_the_file(error.name) => {
                    refuse(self.turn, &publication, BlockStatus::LoadFailed, &error).await?;
                    self.turn.unlock_block(&publication).await?;
                    self.is_own_done |= publication.schedule_id == self.own;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn next_waiting(&mut self) -> Result<Option<Publication>, PipelineError> {
        if self.waiting.is_empty() {
            self.waiting = self.turn.waiting(&self.seen, LOOK_AHEAD).await?.into();
        }
        Ok(self.waiting.pop_front())
    }

    /// At most `room` of the publication's next rows: those that the portal must have, as their
    /// owner has them now, and then those that it must lose.
    async fn gather(&self, open: &mut OpenPublication, room: usize) -> Result<Part, PipelineError> {
        let mut part = Part::new(open.publication.clone());
        while part.rows.count < room && !part.is_last {
            let left = room - part.rows.count;
            match open.phase {
                _ if !open.ahead.is_empty() => {
                    let fitting = open.ahead.len().min(left);
                    for trip in open.ahead.drain(..fitting) {
                        part.rows.push(&trip, &self.form)?;
                        part.last = Some(trip.trip_id);
                    }
                }
                Phase::Live(after) => {
                    let trips = self
                        .turn
                        .live(&open.publication, after, TRIPS_AT_ONCE)
                        .await?;
                    open.keep(trips);
                }
                Phase::Withdrawn(after) => {
                    let ids = self.turn.withdrawn(&open.publication, after, left).await?;
                    for id in &ids {
                        part.rows.delete(*id)?;
                    }
                    match ids.last() {
                        Some(last) if ids.len() == left => open.phase = Phase::Withdrawn(*last),
                        _ => part.is_last = true,
                    }
                }
            }
        }
        Ok(part)
    }
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
    async fn upload(&mut self, batch: &Batch) -> Result<(), PipelineError> {
        match self.portal.client.upsert(&batch.chunk()).await {
            Ok(upsert) if upsert.errors == 0 => self.record(&batch.parts, upsert).await,
            Ok(_) | Err(SocrataError::Rejected { .. }) if batch.parts.len() > 1 => {
                self.upload_one_by_one(batch).await
            }
            Ok(upsert) => {
                self.refuse_all(batch, &refused_rows(self.portal, upsert))
                    .await
            }
            Err(error @ SocrataError::Rejected { .. }) => {
                self.stop(&batch.parts);
                self.refuse_all(batch, &error.into()).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The portal refuses something of several publications: sends each by itself, so that one does
    /// not hold up the others.
    async fn upload_one_by_one(&mut self, batch: &Batch) -> Result<(), PipelineError> {
        for part in &batch.parts {
            let parts = std::slice::from_ref(part);
            match self
                .portal
                .client
                .upsert(&chunk(parts.iter().map(|part| &part.rows)))
                .await
            {
                Ok(upsert) if upsert.errors == 0 => self.record(parts, upsert).await?,
                Ok(upsert) => {
                    self.refuse(part, &refused_rows(self.portal, upsert))
                        .await?;
                }
                Err(error @ SocrataError::Rejected { .. }) => {
                    self.stop(parts);
                    self.refuse(part, &error.into()).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Records the parts as sent. The portal counts rows of the whole upload, so the counts are
    /// split among the parts in their order.
    async fn record(&mut self, parts: &[Part], upsert: Upsert) -> Result<(), PipelineError> {
        let mut left = upsert;
        let mut sent = Vec::new();
        for part in parts {
            let schedule_id = part.publication.schedule_id;
            let counts = self
                .counts
                .entry(schedule_id)
                .or_insert_with(|| Counts::read(part.publication.counts.clone()));
            take_share(&mut left, part.rows.count as u64, counts);
            if self.refused.contains(&schedule_id) {
                continue;
            }
            if part.is_last {
                let counts = self.counts.remove(&schedule_id).unwrap_or_default();
                sent.push(Sent {
                    publication: part.publication.clone(),
                    counts: to_json(&counts)?,
                });
            } else if let Some(last) = part.last {
                let counts = to_json(counts)?;
                self.turn
                    .record_progress(&part.publication, last, &counts)
                    .await?;
            }
        }
        self.turn.record_sent(&sent).await?;
        tracing::info!(
            portal.created = upsert.created,
            portal.updated = upsert.updated,
            portal.deleted = upsert.deleted,
            portal.blocks = sent.len(),
            "rows published"
        );
        Ok(())
    }

    fn has_stopped(&self, part: &Part) -> bool {
        self.stopped.contains(&part.publication.schedule_id)
    }

    fn stop(&mut self, parts: &[Part]) {
        let blocks = parts.iter().map(|part| part.publication.schedule_id);
        self.stopped.extend(blocks);
    }

    async fn refuse_all(
        &mut self,
        batch: &Batch,
        error: &PipelineError,
    ) -> Result<(), PipelineError> {
        for part in &batch.parts {
            self.refuse(part, error).await?;
        }
        Ok(())
    }

    async fn refuse(&mut self, part: &Part, error: &PipelineError) -> Result<(), PipelineError> {
        self.refused.insert(part.publication.schedule_id);
        refuse(
            self.turn,
            &part.publication,
            BlockStatus::PublishFailed,
            error,
        )
        .await
    }
}

/// Moves the counts of `rows` rows from an upload to one of its parts.
fn take_share(left: &mut Upsert, rows: u64, counts: &mut Counts) {
    let mut rows = rows;
    let mut take = |from: &mut u64, to: &mut u64| {
        let share = rows.min(*from);
        *from -= share;
        *to += share;
        rows -= share;
    };
    take(&mut left.created, &mut counts.created);
    take(&mut left.updated, &mut counts.updated);
    take(&mut left.deleted, &mut counts.deleted);
}

fn refused_rows(portal: &Portal, upsert: Upsert) -> PipelineError {
    PipelineError::new(
        ErrorName::SocrataRejected,
        format!(
            "the portal refused {} rows of dataset {} (it took {})",
            upsert.errors,
            portal.dataset,
            upsert.created + upsert.updated + upsert.deleted
        ),
    )
}

async fn refuse(
    turn: &PublishTurn,
    publication: &Publication,
    status: BlockStatus,
    error: &PipelineError,
) -> Result<(), PipelineError> {
    let name = error.name.as_str();
    turn.record_refused(publication, status, name, &error.message)
        .await?;
    Ok(())
}

/// Whether the fault lies with the file of one publication.
fn is_of_the_file(error: ErrorName) -> bool {
    matches!(
        error,
        ErrorName::ArchiveMissing | ErrorName::ArchiveUnreadable
    )
}
