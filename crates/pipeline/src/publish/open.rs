//! A publication whose rows are being gathered.

use std::collections::VecDeque;

use futures::try_join;
use store::{LiveRows, Publication, PublishTurn};
use uuid::Uuid;

use super::json::Item;
use crate::error::PipelineError;

/// The most trips of a block that are read by one statement. Each statement looks at all of the
/// block's trips, so few statements save work; but nothing else can be asked over the connection of
/// the turn meanwhile, and the turn is checked before each upload. So the first one reads as many
/// trips as the first upload may have, and each next one this many, which are two uploads.
const TRIPS_AT_ONCE: usize = 20_000;

/// A publication whose rows are being gathered. Its block is locked.
pub(super) struct OpenPublication<'a> {
    turn: &'a PublishTurn,
    pub(super) publication: Publication,
    next: Next,
    /// How many rows are read next.
    at_once: usize,
    /// Rows that are on their way. `next` follows once they are read.
    rows: Option<LiveRows<'a>>,
    /// What the portal must lose, if it was asked for together with these rows.
    gone: Option<Gone>,
    /// What was read and did not fit into a batch yet.
    pub(super) ahead: VecDeque<Item>,
    /// The last public id that was gathered of the rows that the portal must have.
    pub(super) last: Option<Uuid>,
}

/// Rows that the portal must lose, and how many were asked for.
struct Gone {
    ids: Vec<Uuid>,
    at_once: usize,
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

impl<'a> OpenPublication<'a> {
    pub(super) fn new(turn: &'a PublishTurn, publication: Publication, chunk_rows: usize) -> Self {
        Self {
            turn,
            at_once: chunk_rows.max(1),
            next: Next::Live(publication.last_sent.unwrap_or_default()),
            rows: None,
            gone: None,
            ahead: VecDeque::new(),
            last: publication.last_sent,
            publication,
        }
    }

    /// Whether everything is gathered.
    pub(super) fn is_ended(&self) -> bool {
        self.ahead.is_empty() && self.rows.is_none() && matches!(self.next, Next::Nothing)
    }

    /// Reads what comes next, which may be nothing before the end.
    pub(super) async fn read(&mut self) -> Result<(), PipelineError> {
        if let Some(rows) = &mut self.rows {
            match rows.next().await? {
                Some(trips) => self.ahead.extend(trips.into_iter().map(Item::Live)),
                None => self.end_page(),
            }
            return Ok(());
        }
        match self.next {
            Next::Live(after) => self.begin_page(after).await,
            Next::Withdrawn(after) => {
                let at_once = self.next_size();
                let ids = (self.turn)
                    .withdrawn(&self.publication, after, at_once)
                    .await?;
                self.add_gone(Gone { ids, at_once });
                Ok(())
            }
            Next::Nothing => Ok(()),
        }
    }

    /// How many rows the next statement reads.
    fn next_size(&mut self) -> usize {
        let at_once = self.at_once;
        self.at_once = (2 * at_once).min(TRIPS_AT_ONCE.max(at_once));
        at_once
    }

    /// Asks for the next rows that the portal must have. If all of them fit, those that it must
    /// lose are read beside them.
    async fn begin_page(&mut self, after: Uuid) -> Result<(), PipelineError> {
        let at_once = self.next_size();
        let (turn, publication) = (self.turn, &self.publication);
        if publication.rows < at_once as u64 {
            let (rows, gone) = try_join!(
                turn.live(publication, after, at_once),
                turn.withdrawn(publication, Uuid::nil(), at_once),
            )?;
            self.rows = Some(rows);
            self.gone = Some(Gone { ids: gone, at_once });
        } else {
            self.rows = Some(turn.live(publication, after, at_once).await?);
        }
        Ok(())
    }

    /// The rows of a page are read.
    fn end_page(&mut self) {
        let Some(rows) = self.rows.take() else {
            return;
        };
        let gone = self.gone.take();
        match (rows.rest(), gone) {
            (Some(after), _) => self.next = Next::Live(after),
            (None, None) => self.next = Next::Withdrawn(Uuid::nil()),
            (None, Some(gone)) => self.add_gone(gone),
        }
    }

    fn add_gone(&mut self, Gone { ids, at_once }: Gone) {
        self.next = match ids.last() {
            Some(last) if ids.len() == at_once => Next::Withdrawn(*last),
            _ => Next::Nothing,
        };
        self.ahead.extend(ids.into_iter().map(Item::Gone));
    }
}
