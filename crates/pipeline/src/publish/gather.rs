//! Gathers the rows of waiting publications into uploads, oldest first.

use std::collections::{HashSet, VecDeque};

use futures::future::join_all;
use futures::try_join;
use store::{LivePage, Publication, PublishTurn};
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

/// How many files are checked at a time, each by a request to the bucket.
const CHECKS_AT_ONCE: usize = 16;

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
    /// Publications whose blocks are locked, and what came of the check of their files.
    checked: VecDeque<(Publication, Result<(), PipelineError>)>,
    open: Option<OpenPublication>,
    /// Publications that are gathered, whose blocks are still locked.
    gathered: Vec<Publication>,
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

    /// Reads what comes next, which may be nothing before the end. If all rows that the portal must
    /// have fit, those that it must lose are read beside them.
    async fn read(&mut self, turn: &PublishTurn) -> Result<(), PipelineError> {
        let at_once = self.at_once;
        self.at_once = (2 * at_once).min(TRIPS_AT_ONCE.max(at_once));
        match self.next {
            Next::Live(after) if self.publication.rows < at_once as u64 => {
                let (page, ids) = try_join!(
                    turn.live(&self.publication, after, at_once),
                    turn.withdrawn(&self.publication, Uuid::nil(), at_once),
                )?;
                let is_whole = page.next.is_none();
                self.add_live(page);
                if is_whole {
                    self.add_gone(ids, at_once);
                }
            }
            Next::Live(after) => {
                let page = turn.live(&self.publication, after, at_once).await?;
                self.add_live(page);
            }
            Next::Withdrawn(after) => {
                let ids = turn.withdrawn(&self.publication, after, at_once).await?;
                self.add_gone(ids, at_once);
            }
            Next::Nothing => {}
        }
        Ok(())
    }

    fn add_live(&mut self, page: LivePage) {
        self.next = page.next.map_or(Next::Withdrawn(Uuid::nil()), Next::Live);
        self.ahead.extend(page.trips.into_iter().map(Item::Live));
    }

    fn add_gone(&mut self, ids: Vec<Uuid>, at_once: usize) {
        self.next = match ids.last() {
            Some(last) if ids.len() == at_once => Next::Withdrawn(*last),
            _ => Next::Nothing,
        };
        self.ahead.extend(ids.into_iter().map(Item::Gone));
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
            checked: VecDeque::new(),
            open: None,
            gathered: Vec::new(),
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
            let Some(mut open) = self.next_open(batch.room()).await? else {
                self.is_own_done = true;
                break;
            };
            if self.gather(&mut open, &mut batch).await? {
                self.close(open.publication);
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
            self.gathered.push(open.publication);
        }
        self.is_own_done |= stopped.contains(&self.own);
        self.unlock_gathered().await
    }

    /// Unlocks the blocks whose rows are gathered. There is time for it while they are sent.
    pub(super) async fn unlock_gathered(&mut self) -> Result<(), PipelineError> {
        self.turn.unlock_blocks(&self.gathered).await?;
        self.gathered.clear();
        Ok(())
    }

    fn close(&mut self, publication: Publication) {
        self.is_own_done |= publication.schedule_id == self.own;
        self.gathered.push(publication);
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
            self.close(open.publication);
        }
        Ok(())
    }

    /// The publication whose rows come next, for a batch with so much room. One whose block is
    /// being loaded is left out, and one whose file is not in order is recorded as refused.
    async fn next_open(&mut self, room: usize) -> Result<Option<OpenPublication>, PipelineError> {
        if let Some(open) = self.open.take() {
            return Ok(Some(open));
        }
        while let Some((publication, checked)) = self.next_checked(room).await? {
            let mut open = OpenPublication::new(publication.clone(), self.portal.chunk_rows);
            match checked {
                Ok(()) => {
                    open.read(self.turn).await?;
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

    async fn next_checked(
        &mut self,
        room: usize,
    ) -> Result<Option<(Publication, Result<(), PipelineError>)>, PipelineError> {
        while self.checked.is_empty() {
            let chosen = self.choose(room).await?;
            if chosen.is_empty() {
                return Ok(None);
            }
            let locked = self.turn.lock_blocks(&chosen).await?;
            let is_locked = |id| locked.iter().any(|it| it.schedule_id == id);
            let is_own_chosen = chosen.iter().any(|it| it.schedule_id == self.own);
            self.is_own_done |= is_own_chosen && !is_locked(self.own);
            let ctx = self.ctx;
            let checks = locked.into_iter().map(|publication| async move {
                let checked = check_file(ctx, &publication).await;
                (publication, checked)
            });
            self.checked.extend(join_all(checks).await);
        }
        Ok(self.checked.pop_front())
    }

    /// The next waiting publications that fit into so much room, and at least one. Nobody can load
    /// a block whose rows wait here for the next batch, so no more are chosen.
    async fn choose(&mut self, room: usize) -> Result<Vec<Publication>, PipelineError> {
        let (mut chosen, mut rows) = (Vec::new(), 0);
        while chosen.len() < CHECKS_AT_ONCE {
            let Some(publication) = self.next_waiting().await? else {
                break;
            };
            rows += publication.rows;
            if !chosen.is_empty() && rows > room as u64 {
                self.waiting.push_front(publication);
                break;
            }
            self.seen.push(publication.schedule_id);
            chosen.push(publication);
        }
        Ok(chosen)
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
