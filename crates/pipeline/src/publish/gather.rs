//! Gathers the rows of waiting publications into uploads, oldest first.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{OptionFuture, join, join_all};
use store::{Publication, PublishTurn};
use tokio::task::yield_now;
use trips::public_row::PublicForm;
use trips::status::BlockStatus;

use super::batch::{Batch, Gathered, Refused};
use super::open::OpenPublication;
use super::rows::check_file;
use crate::context::{Context, Portal};
use crate::error::{ErrorName, PipelineError};
use crate::hashing::sha256;

/// How many publications are looked up at a time.
const LOOK_AHEAD: i64 = 1000;

/// How many files are checked at a time, each by a request to the bucket.
const CHECKS_AT_ONCE: usize = 16;

/// Collects rows of waiting publications into batches.
pub(super) struct Gatherer<'a> {
    ctx: &'a Context,
    portal: &'a Portal,
    turn: &'a PublishTurn,
    form: Arc<PublicForm>,
    /// Tells in which form, and where, rows are sent.
    form_hash: String,
    own: i64,
    /// Whether everything of the own block is gathered, or it cannot be gathered now.
    pub(super) is_own_done: bool,
    waiting: VecDeque<Publication>,
    /// Blocks that this turn has looked at.
    seen: Vec<i64>,
    /// Publications whose blocks are locked, and what came of the check of their files.
    checked: VecDeque<(Publication, Result<(), PipelineError>)>,
    /// The first of them, whose rows are being read.
    begun: Option<OpenPublication<'a>>,
    open: Option<OpenPublication<'a>>,
    /// Publications that are gathered, whose blocks are still locked.
    gathered: Vec<Publication>,
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(
        ctx: &'a Context,
        portal: &'a Portal,
        turn: &'a PublishTurn,
        own: i64,
    ) -> Result<Self, PipelineError> {
        let form = ctx.public_form()?;
        let address = portal.client.address();
        Ok(Self {
            ctx,
            portal,
            turn,
            form_hash: sha256(&format!("{address} {}", form.fingerprint())),
            form: Arc::new(form),
            own,
            is_own_done: false,
            waiting: VecDeque::new(),
            seen: Vec::new(),
            checked: VecDeque::new(),
            begun: None,
            open: None,
            gathered: Vec::new(),
        })
    }

    /// The next rows to send, as many as one upload may have; without parts if nothing is waiting.
    pub(super) async fn next_batch(&mut self) -> Result<Batch, PipelineError> {
        loop {
            let (batch, refused) = self.gather_batch().await?.written().await;
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
        let mut batch = Gathered::new(self.portal.chunk_rows, Arc::clone(&self.form));
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
        let is_stopped =
            |open: &OpenPublication<'_>| stopped.contains(&open.publication.schedule_id);
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
        self.portal.waiters.tell([schedule_id]);
        let is_open = |open: &OpenPublication<'_>| open.publication.schedule_id == schedule_id;
        if let Some(open) = self.open.take_if(|open| is_open(open)) {
            self.close(open.publication);
        }
        Ok(())
    }

    /// The publication whose rows come next, for a batch with so much room. One whose block is
    /// being loaded is left out, and one whose file is not in order is recorded as refused.
    async fn next_open(
        &mut self,
        room: usize,
    ) -> Result<Option<OpenPublication<'a>>, PipelineError> {
        if let Some(open) = self.open.take() {
            return Ok(Some(open));
        }
        while let Some((publication, checked)) = self.next_checked(room).await? {
            let is_first = |open: &mut OpenPublication<'_>| {
                open.publication.schedule_id == publication.schedule_id
            };
            let open = match self.begun.take_if(is_first) {
                Some(open) => open,
                None => self.new_open(publication.clone()),
            };
            match checked {
                Ok(()) => return Ok(Some(open)),
                Err(error) if is_of_the_file(error.name) => {
                    self.open = Some(open);
                    self.refuse(Refused { publication, error }).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn new_open(&self, publication: Publication) -> OpenPublication<'a> {
        OpenPublication::new(self.turn, publication, self.portal.chunk_rows)
    }

    /// The next publication whose block is locked, with what came of the check of its file. The
    /// files are checked while the first rows are read. Nothing is sent before both are done.
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
            let (ctx, first) = (self.ctx, locked.first().cloned());
            let checks = locked.into_iter().map(|publication| {
                let check = async move {
                    let checked = check_file(ctx, &publication).await;
                    (publication, checked)
                };
                check.boxed()
            });
            let mut first = first.map(|publication| self.new_open(publication));
            let begin = OptionFuture::from(first.as_mut().map(OpenPublication::read));
            let (checked, begun) = join(join_all(checks), begin).await;
            begun.transpose()?;
            self.begun = first;
            self.checked.extend(checked);
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
        let Some(publication) = self.waiting.pop_front() else {
            return Ok(None);
        };
        let was_interrupted = publication.last_sent.is_some();
        let publication = publication.in_form(&self.form_hash);
        if was_interrupted && publication.last_sent.is_none() {
            // Rows in this form may arrive without a record of it. Nobody may go on in the former
            // one then.
            self.turn.begin_anew(&publication).await?;
        }
        Ok(Some(publication))
    }

    /// Adds the publication's next rows to a batch, as far as it has room: those that the portal
    /// must have, as their owner has them now, and then those that it must lose. Returns whether
    /// nothing is left.
    async fn gather(
        &self,
        open: &mut OpenPublication<'a>,
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
            open.read().await?;
            // The upload that this runs beside must not wait for it.
            yield_now().await;
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
