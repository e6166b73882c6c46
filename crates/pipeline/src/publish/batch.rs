//! The rows of one upload: parts of one or several publications.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use serde::Serialize;
use socrata::{Chunk, MAX_CHUNK_BYTES};
use store::Publication;
use trips::public_row::{PublicForm, PublicTrip, PublishedRow};
use uuid::Uuid;

use crate::error::{ErrorName, PipelineError};

/// The most bytes of a row's JSON apart from its four labels: names, ids, times and numbers.
const ROW_BYTES: usize = 600;
/// The most bytes that JSON needs for a byte of a label: `\u0001`.
const ESCAPED_BYTES: usize = 6;

/// What the portal must receive of a trip.
pub(super) enum Item {
    /// Its row.
    Live(PublicTrip),
    /// The deletion of its row, by public id.
    Gone(Uuid),
}

/// A row that the portal must lose.
#[derive(Serialize)]
struct Deletion {
    trip_id: Uuid,
    #[serde(rename = ":deleted")]
    deleted: bool,
}

impl Item {
    /// How many bytes of JSON it may need at most.
    fn max_bytes(&self) -> usize {
        let Self::Live(trip) = self else {
            return ROW_BYTES;
        };
        let labels = [
            &trip.council_district_start,
            &trip.council_district_end,
            &trip.census_geoid_start,
            &trip.census_geoid_end,
        ];
        let bytes: usize = labels.into_iter().flatten().map(String::len).sum();
        ROW_BYTES + ESCAPED_BYTES * bytes
    }

    /// Writes it. Every row is checked against the published form here, member by member,
    /// immediately before it is sent.
    fn write(&self, json: &mut Vec<u8>, form: &PublicForm) -> Result<(), PipelineError> {
        let written = match self {
            Self::Live(trip) => {
                let row = PublishedRow::of_trip(trip, form).map_err(|error| {
                    PipelineError::new(
                        ErrorName::ArchiveUnreadable,
                        format!("a loaded trip does not fit the published form: {error}; load its block again"),
                    )
                })?;
                serde_json::to_writer(json, &row)
            }
            Self::Gone(trip_id) => serde_json::to_writer(
                json,
                &Deletion {
                    trip_id: *trip_id,
                    deleted: true,
                },
            ),
        };
        written.map_err(|error| {
            PipelineError::new(ErrorName::Internal, format!("a row has no JSON: {error}"))
        })
    }
}

/// A part of a publication that is gathered and not yet written.
struct GatheredPart {
    publication: Publication,
    items: Vec<Item>,
    /// The last public id in it that the portal must have, or before it.
    last: Option<Uuid>,
    /// Whether nothing of the publication is left after this part.
    is_last: bool,
}

/// The parts of an upload that is being gathered.
pub(super) struct Gathered {
    parts: Vec<GatheredPart>,
    /// How many more rows, and how many more bytes at most, it may have.
    rows_left: usize,
    bytes_left: usize,
}

impl Gathered {
    pub(super) fn new(chunk_rows: usize) -> Self {
        Self {
            parts: Vec::new(),
            rows_left: chunk_rows,
            bytes_left: MAX_CHUNK_BYTES,
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
            let is_alone = self.bytes_left == MAX_CHUNK_BYTES;
            let bytes = item.max_bytes();
            if bytes > self.bytes_left && !is_alone {
                self.rows_left = 0;
                break;
            }
            if let Item::Live(trip) = item {
                *last = Some(trip.trip_id);
            }
            part.items.extend(ahead.pop_front());
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

    /// Writes and checks the rows. A publication with a row that does not fit is left out whole.
    pub(super) fn write(self, form: &PublicForm) -> (Batch, Vec<Refused>) {
        let mut json = Json::default();
        let (mut parts, mut refused) = (Vec::new(), Vec::new());
        for part in self.parts {
            match json.add_all(&part.items, form) {
                Ok(place) => parts.push(Part {
                    publication: part.publication,
                    rows: part.items.len(),
                    place,
                    last: part.last,
                    is_last: part.is_last,
                }),
                Err(error) => refused.push(Refused {
                    publication: part.publication,
                    error,
                }),
            }
        }
        let batch = Batch {
            json: json.finish(),
            parts,
        };
        (batch, refused)
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
    /// Where its rows stand in the upload, without the brackets.
    place: Range<usize>,
    /// The last public id in it that the portal must have, or before it.
    pub(super) last: Option<Uuid>,
    /// Whether nothing of the publication is left after this part.
    pub(super) is_last: bool,
}

/// An upload, ready to send.
#[derive(Default)]
pub(super) struct Batch {
    /// A JSON array of all parts' rows.
    json: Bytes,
    pub(super) parts: Vec<Part>,
}

impl Batch {
    /// The upload of all parts.
    pub(super) fn chunk(&self) -> Chunk {
        Chunk {
            body: self.json.clone(),
            rows: self.parts.iter().map(|part| part.rows).sum(),
        }
    }

    /// The upload of one part.
    pub(super) fn chunk_of(&self, part: &Part) -> Chunk {
        let mut json = Json::default();
        json.append(&self.json[part.place.clone()]);
        Chunk {
            body: json.finish(),
            rows: part.rows,
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

/// A JSON array that is being written.
#[derive(Default)]
struct Json {
    text: Vec<u8>,
}

impl Json {
    /// Begins an element. Returns where it begins.
    fn separate(&mut self) -> usize {
        self.text
            .push(if self.text.is_empty() { b'[' } else { b',' });
        self.text.len()
    }

    /// Adds the rows, or none of them.
    fn add_all(
        &mut self,
        items: &[Item],
        form: &PublicForm,
    ) -> Result<Range<usize>, PipelineError> {
        let before = self.text.len();
        let mut start = None;
        for item in items {
            let at = self.separate();
            start.get_or_insert(at);
            if let Err(error) = item.write(&mut self.text, form) {
                self.text.truncate(before);
                return Err(error);
            }
        }
        Ok(start.unwrap_or(before)..self.text.len())
    }

    /// Adds rows that are written. Returns where they stand.
    fn append(&mut self, rows: &[u8]) -> Range<usize> {
        if rows.is_empty() {
            return self.text.len()..self.text.len();
        }
        let start = self.separate();
        self.text.extend_from_slice(rows);
        start..self.text.len()
    }

    fn finish(mut self) -> Bytes {
        if self.text.is_empty() {
            self.text.push(b'[');
        }
        self.text.push(b']');
        self.text.into()
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
    json.add_all(&items, form)?;
    Ok(Chunk {
        body: json.finish(),
        rows: items.len(),
    })
}

#[cfg(test)]
mod tests;
