//! Gathers the rows of waiting publications into uploads, oldest first.

use std::collections::{HashSet, VecDeque};

use store::{Publication, PublishTurn};
use tokio::task::spawn_blocking;
use trips::public_row::PublicForm;
use trips::status::BlockStatus;
use uuid::Uuid;

use super::batch::{Batch, Gathered, Item, Refused};
use super::rows::check_file;
use crate::context::{Context, Portal};
use crate::error::{ErrorName, PipelineError};

/// How many publications are looked up at a time.
const LOOK_AHEAD: i64 = 1000;

/// The most trips of a block that are read at a time. Each query looks at all of the block's trips,
/// so few queries save work; but a query should be over before the upload that it runs beside. So
/// the first one reads as many trips as the first upload may have, and each next one twice as many.
const TRIPS_AT_ONCE: usize = 40_000;

/// Collects rows of waiting publications into batches.
pub(super) struct Gatherer<'a> {
    ctx: &'a Context,
    portal: &'a Portal,
    turn: &'a PublishTurn,
    form: PublicForm,
    own: i64,
    /// Whether everything of the own block is gathered, or it cannot be gathered now.
    pub(super) is_own_done: bool,
    waiting: VecDeque<Publication>,
    /// Blocks that this turn has looked at.
    seen: Vec<i64>,
    open: Option<OpenPublication>,
}

/// A publication whose rows are being gathered. Its block is locked.
struct OpenPublication {
    publication: Publication,
    next: Next,
    /// How many rows are read next.
    at_once: usize,
    /// What was read and did not fit into a batch yet.
    ahead: VecDeque<Item>,
    /// The last public id that was gathered of the rows that the portal must have.
    last: Option<Uuid>,
}

/// What is read next of a publication.
#[derive(Clone, Copy)]
enum Next {
    /// Rows that the portal must have, after this public id.
    Live(Uuid),
    /// Rows that it must lose, after this public id.
    Withdrawn(Uuid),
    Nothing,
}

impl OpenPublication {
    fn new(publication: Publication, chunk_rows: usize) -> Self {
        Self {
            at_once: chunk_rows.max(1),
            next: Next::Live(publication.last_sent.unwrap_or_default()),
            ahead: VecDeque::new(),
            last: publication.last_sent,
            publication,
        }
    }

    /// Whether everything is gathered.
    fn is_ended(&self) -> bool {
        self.ahead.is_empty() && matches!(self.next, Next::Nothing)
    }

    /// Reads what comes next, which may be nothing before the end.
    async fn read(&mut self, turn: &PublishTurn) -> Result<(), PipelineError> {
        let at_once = self.at_once;
        self.at_once = (2 * at_once).min(TRIPS_AT_ONCE.max(at_once));
        match self.next {
            Next::Live(after) => {
                let page = turn.live(&self.publication, after, at_once).await?;
                self.next = page.next.map_or(Next::Withdrawn(Uuid::nil()), Next::Live);
                self.ahead.extend(page.trips.into_iter().map(Item::Live));
            }
            Next::Withdrawn(after) => {
                let ids = turn.withdrawn(&self.publication, after, at_once).await?;
                self.next = match ids.last() {
                    Some(last) if ids.len() == at_once => Next::Withdrawn(*last),
                    _ => Next::Nothing,
                };
                self.ahead.extend(ids.into_iter().map(Item::Gone));
            }
            Next::Nothing => {}
        }
        Ok(())
    }
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(
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

    /// The next rows to send, as many as one upload may have; without parts if nothing is waiting.
    pub(super) async fn next_batch(&mut self) -> Result<Batch, PipelineError> {
        loop {
            let gathered = self.gather_batch().await?;
            let form = self.form.clone();
            // Writing a batch takes about as long as the portal needs to read it, so it must not
            // hold up the task that sends the last one.
            let (batch, refused) = spawn_blocking(move || gathered.write(&form))
                .await
                .map_err(|_| PipelineError::panicked("writing public rows"))?;
            let is_nothing_left = refused.is_empty();
            for refused in refused {
                self.refuse(refused).await?;
            }
            if !batch.parts.is_empty() || is_nothing_left || self.is_own_done {
                return Ok(batch);
            }
        }
    }

    async fn gather_batch(&mut self) -> Result<Gathered, PipelineError> {
        let mut batch = Gathered::new(self.portal.chunk_rows);
        while batch.room() > 0 {
            let Some(mut open) = self.next_open().await? else {
                self.is_own_done = true;
                break;
            };
            if self.gather(&mut open, &mut batch).await? {
                self.close(&open.publication).await?;
            } else {
                self.open = Some(open);
            }
        }
        Ok(batch)
    }

    /// Gathers nothing more of these blocks.
    pub(super) async fn leave_out(&mut self, stopped: &HashSet<i64>) -> Result<(), PipelineError> {
        let is_stopped = |open: &OpenPublication| stopped.contains(&open.publication.schedule_id);
        if let Some(open) = self.open.take_if(|open| is_stopped(open)) {
            self.turn.unlock_block(&open.publication).await?;
        }
        self.is_own_done |= stopped.contains(&self.own);
        Ok(())
    }

    async fn close(&mut self, publication: &Publication) -> Result<(), PipelineError> {
        self.turn.unlock_block(publication).await?;
        self.is_own_done |= publication.schedule_id == self.own;
        Ok(())
    }

    /// Records that nothing of a publication can be sent: whoever waits for its block is told, and
    /// the others go on.
    async fn refuse(&mut self, refused: Refused) -> Result<(), PipelineError> {
        let Refused { publication, error } = refused;
        let (name, status) = (error.name.as_str(), BlockStatus::LoadFailed);
        self.turn
            .record_refused(&publication, status, name, &error.message)
            .await?;
        let schedule_id = publication.schedule_id;
        let is_open = |open: &OpenPublication| open.publication.schedule_id == schedule_id;
        if let Some(open) = self.open.take_if(|open| is_open(open)) {
            self.close(&open.publication).await?;
        }
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
            let mut open = OpenPublication::new(publication.clone(), self.portal.chunk_rows);
            let (checked, read) =
                tokio::join!(check_file(self.ctx, &publication), open.read(self.turn));
            match checked {
                Ok(()) => {
                    read?;
                    return Ok(Some(open));
                }
                Err(error) if is_of_the_file(error.name) => {
                    self.open = Some(open);
                    self.refuse(Refused { publication, error }).await?;
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

    /// Adds the publication's next rows to a batch, as far as it has room: those that the portal
    /// must have, as their owner has them now, and then those that it must lose. Returns whether
    /// nothing is left.
    async fn gather(
        &self,
        open: &mut OpenPublication,
        batch: &mut Gathered,
    ) -> Result<bool, PipelineError> {
        batch.begin(open.publication.clone());
        loop {
            batch.take(&mut open.ahead, &mut open.last);
            if open.is_ended() {
                batch.end();
                return Ok(true);
            }
            if batch.room() == 0 {
                return Ok(false);
            }
            open.read(self.turn).await?;
        }
    }
}

/// Whether the fault lies with the file of one publication.
fn is_of_the_file(error: ErrorName) -> bool {
    matches!(
        error,
        ErrorName::ArchiveMissing | ErrorName::ArchiveUnreadable
    )
}
