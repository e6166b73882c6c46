//! The JSON of rows for the portal.

use std::ops::Range;

use bytes::Bytes;
use serde::Serialize;
use socrata::Chunk;
use trips::public_row::{PublicForm, PublicTrip, PublishedRow, PublishedRowError};
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

/// A row that the portal must lose, by its public id.
#[derive(Serialize)]
pub(crate) struct Deletion<Id> {
    pub(crate) trip_id: Id,
    #[serde(rename = ":deleted")]
    deleted: bool,
}

impl<Id> Deletion<Id> {
    pub(crate) fn of(trip_id: Id) -> Self {
        Self {
            trip_id,
            deleted: true,
        }
    }
}

impl Item {
    /// How many bytes of JSON it may need at most.
    pub(super) fn max_bytes(&self) -> usize {
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
                let row = PublishedRow::of_trip(trip, form).map_err(|error| unfit(&error))?;
                serde_json::to_writer(json, &row)
            }
            Self::Gone(trip_id) => serde_json::to_writer(json, &Deletion::of(trip_id)),
        };
        written.map_err(|error| without_json(&error))
    }
}

/// The upload that deletes these rows.
pub(crate) fn chunk_of_deletions<Id: Serialize>(
    rows: &[Deletion<Id>],
) -> Result<Chunk, PipelineError> {
    let body = serde_json::to_vec(rows).map_err(|error| without_json(&error))?;
    Ok(Chunk {
        body: body.into(),
        rows: rows.len(),
        deletions: rows.len(),
    })
}

fn without_json(error: &serde_json::Error) -> PipelineError {
    PipelineError::new(ErrorName::Internal, format!("a row has no JSON: {error}"))
}

/// Why a trip is not sent, and what helps. A load leaves an id as it is, also a wrong one.
fn unfit(error: &PublishedRowError) -> PipelineError {
    let remedy = match error {
        PublishedRowError::ProviderId => store::NEW_PUBLIC_IDS,
        _ => "load its block again",
    };
    PipelineError::new(
        ErrorName::ArchiveUnreadable,
        format!("a loaded trip does not fit the published form: {error}; {remedy}"),
    )
}

/// Writes and checks rows: the elements of an array, without its brackets.
pub(super) fn write_items(items: &[Item], form: &PublicForm) -> Result<Vec<u8>, PipelineError> {
    let mut json = Vec::with_capacity(items.len() * ROW_BYTES);
    for item in items {
        if !json.is_empty() {
            json.push(b',');
        }
        item.write(&mut json, form)?;
    }
    Ok(json)
}

/// A JSON array that is being written.
#[derive(Default)]
pub(super) struct Json {
    text: Vec<u8>,
}

impl Json {
    /// An array with room for elements of so many bytes.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self {
            text: Vec::with_capacity(bytes + 2),
        }
    }

    /// Adds rows that are written. Returns where they stand.
    pub(super) fn append(&mut self, rows: &[u8]) -> Range<usize> {
        if rows.is_empty() {
            return self.text.len()..self.text.len();
        }
        self.text
            .push(if self.text.is_empty() { b'[' } else { b',' });
        let start = self.text.len();
        self.text.extend_from_slice(rows);
        start..self.text.len()
    }

    /// Adds rows that are written in pieces. Returns where they stand.
    pub(super) fn append_all(&mut self, pieces: &[Vec<u8>]) -> Range<usize> {
        let places: Vec<_> = pieces.iter().map(|piece| self.append(piece)).collect();
        let end = self.text.len();
        places.first().map_or(end, |first| first.start)..end
    }

    pub(super) fn finish(mut self) -> Bytes {
        if self.text.is_empty() {
            self.text.push(b'[');
        }
        self.text.push(b']');
        self.text.into()
    }
}
