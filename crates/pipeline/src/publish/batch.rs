//! The rows of one upload: parts of one or several publications.
//!
//! Rows are written on other threads while the next ones are read, so that an upload is ready soon
//! after its last row.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use socrata::{Chunk, MAX_CHUNK_BYTES};
use store::Publication;
use tokio::task::{JoinHandle, spawn_blocking};
use trips::public_row::{PublicForm, PublicTrip};
use uuid::Uuid;

use super::json::{Item, Json, write_items};
use crate::error::PipelineError;

/// How many rows are written at a time.
const PIECE: usize = 1000;

/// A part of a publication that is being gathered and written.
struct GatheredPart {
    publication: Publication,
    /// Rows that are gathered and not yet passed on to be written.
    items: Vec<Item>,
    /// Rows that are being written.
    pieces: Vec<JoinHandle<Result<Vec<u8>, PipelineError>>>,
    rows: usize,
    /// The rows among them that delete one.
    gone: Vec<Uuid>,
    /// The last public id in it that the portal must have, or before it.
    last: Option<Uuid>,
    /// Whether nothing of the publication is left after this part.
    is_last: bool,
}

impl GatheredPart {
    /// Begins to write what is gathered.
    fn write(&mut self, form: &Arc<PublicForm>) {
        if self.items.is_empty() {
            return;
        }
        let (items, form) = (std::mem::take(&mut self.items), Arc::clone(form));
        self.pieces
            .push(spawn_blocking(move || write_items(&items, &form)));
    }

    /// The JSON of all its rows, in their order.
    async fn written(&mut self) -> Result<Vec<Vec<u8>>, PipelineError> {
        let mut written = Vec::with_capacity(self.pieces.len());
        for piece in &mut self.pieces {
            let piece = piece.await;
            written.push(piece.map_err(|_| PipelineError::panicked("writing public rows"))??);
        }
        Ok(written)
    }
}

/// The parts of an upload that is being gathered.
pub(super) struct Gathered {
    form: Arc<PublicForm>,
    parts: Vec<GatheredPart>,
    /// How many more rows, and how many more bytes at most, it may have.
    rows_left: usize,
    bytes_left: usize,
    max_bytes: usize,
}

impl Gathered {
    pub(super) fn new(chunk_rows: usize, form: Arc<PublicForm>) -> Self {
        Self::limited(chunk_rows, MAX_CHUNK_BYTES, form)
    }

    /// An upload of at most so many rows and bytes.
    pub(super) fn limited(max_rows: usize, max_bytes: usize, form: Arc<PublicForm>) -> Self {
        Self {
            form,
            parts: Vec::new(),
            rows_left: max_rows,
            bytes_left: max_bytes,
            max_bytes,
        }
    }

    /// How many more rows the upload may have; 0 also if their bytes would be too many.
    pub(super) fn room(&self) -> usize {
        self.rows_left
    }

    /// Begins a part. What is taken next belongs to it.
    pub(super) fn begin(&mut self, publication: Publication) {
        self.parts.push(GatheredPart {
            last: publication.last_sent,
            publication,
            items: Vec::new(),
            pieces: Vec::new(),
            rows: 0,
            gone: Vec::new(),
            is_last: false,
        });
    }

    /// Adds to the last part what there is room for, from the front. `last` is the last public id
    /// of its publication that was gathered.
    pub(super) fn take(&mut self, ahead: &mut VecDeque<Item>, last: &mut Option<Uuid>) {
        let Some(part) = self.parts.last_mut() else {
            return;
        };
        while let Some(item) = ahead.front().filter(|_| self.rows_left > 0) {
            // One row always fits, or it would never be sent.
            let is_alone = self.bytes_left == self.max_bytes;
            let bytes = item.max_bytes();
            if bytes > self.bytes_left && !is_alone {
                self.rows_left = 0;
                break;
            }
            match item {
                Item::Live(trip) => *last = Some(trip.trip_id),
                Item::Gone(id) => part.gone.push(*id),
            }
            part.items.extend(ahead.pop_front());
            part.rows += 1;
            if part.items.len() == PIECE {
                part.write(&self.form);
            }
            self.rows_left -= 1;
            self.bytes_left = self.bytes_left.saturating_sub(bytes);
        }
        part.last = *last;
    }

    /// Says that the last part is the last one of its publication.
    pub(super) fn end(&mut self) {
        if let Some(part) = self.parts.last_mut() {
            part.is_last = true;
        }
    }

    /// The upload, once its rows are written and checked. A publication with a row that does not
    /// fit is left out whole.
    pub(super) async fn written(mut self) -> (Batch, Vec<Refused>) {
        for part in &mut self.parts {
            part.write(&self.form);
        }
        let (mut fitting, mut refused) = (Vec::new(), Vec::new());
        for mut part in self.parts {
            match part.written().await {
                Ok(pieces) => fitting.push((part, pieces)),
                Err(error) => refused.push(Refused {
                    publication: part.publication,
                    error,
                }),
            }
        }
        (Batch::of(fitting), refused)
    }
}

/// A publication of which a row is not in the published form.
pub(super) struct Refused {
    pub(super) publication: Publication,
    pub(super) error: PipelineError,
}

/// A part of a publication within an upload.
pub(super) struct Part {
    pub(super) publication: Publication,
    pub(super) rows: usize,
    /// The rows among them that delete one.
    gone: Vec<Uuid>,
    /// Where its rows stand in the upload, without the brackets.
    place: Range<usize>,
    /// The last public id in it that the portal must have, or before it.
    pub(super) last: Option<Uuid>,
    /// Whether nothing of the publication is left after this part.
    pub(super) is_last: bool,
}

impl Part {
    /// The provider: the second folder of every object of a block.
    pub(super) fn provider(&self) -> &str {
        self.publication.key.split('/').nth(1).unwrap_or_default()
    }

    /// How many of its rows delete one.
    pub(super) fn deletions(&self) -> usize {
        self.gone.len()
    }
}

/// The row identifiers that these parts delete.
pub(super) fn gone(parts: &[Part]) -> Vec<String> {
    let gone = parts.iter().flat_map(|part| &part.gone);
    gone.map(Uuid::to_string).collect()
}

/// An upload, ready to send.
#[derive(Default)]
pub(super) struct Batch {
    /// A JSON array of all parts' rows.
    json: Bytes,
    pub(super) parts: Vec<Part>,
}

impl Batch {
    fn of(parts: Vec<(GatheredPart, Vec<Vec<u8>>)>) -> Self {
        let pieces = parts.iter().flat_map(|(_, pieces)| pieces);
        let mut json = Json::with_room(pieces.map(|piece| piece.len() + 1).sum());
        let parts = parts
            .into_iter()
            .map(|(part, pieces)| Part {
                publication: part.publication,
                rows: part.rows,
                gone: part.gone,
                place: json.append_all(&pieces),
                last: part.last,
                is_last: part.is_last,
            })
            .collect();
        Self {
            json: json.finish(),
            parts,
        }
    }

    /// The upload of all parts.
    pub(super) fn chunk(&self) -> Chunk {
        Chunk {
            body: self.json.clone(),
            rows: self.parts.iter().map(|part| part.rows).sum(),
            deletions: self.parts.iter().map(Part::deletions).sum(),
        }
    }

    /// The upload of one part.
    pub(super) fn chunk_of(&self, part: &Part) -> Chunk {
        let mut json = Json::default();
        json.append(&self.json[part.place.clone()]);
        Chunk {
            body: json.finish(),
            rows: part.rows,
            deletions: part.deletions(),
        }
    }

    /// Leaves out parts.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&Part) -> bool) {
        if self.parts.iter().all(&is_kept) {
            return;
        }
        let mut json = Json::default();
        self.parts.retain_mut(|part| {
            let is_kept = is_kept(part);
            if is_kept {
                part.place = json.append(&self.json[part.place.clone()]);
            }
            is_kept
        });
        self.json = json.finish();
    }
}

/// The upload of these trips of a block.
///
/// # Errors
///
/// `ArchiveUnreadable` if one of them is not in the published form.
pub(super) fn chunk_of_trips(
    trips: Vec<PublicTrip>,
    form: &PublicForm,
) -> Result<Chunk, PipelineError> {
    let items: Vec<_> = trips.into_iter().map(Item::Live).collect();
    let mut json = Json::default();
    json.append(&write_items(&items, form)?);
    Ok(Chunk {
        body: json.finish(),
        rows: items.len(),
        deletions: 0,
    })
}

#[cfg(test)]
mod tests;
