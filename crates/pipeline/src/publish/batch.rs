//! The rows of one upload: parts of one or several publications.

use serde::Serialize;
use socrata::{Chunk, MAX_CHUNK_BYTES};
use store::Publication;
use trips::public_row::{PublicForm, PublicRow, PublicTrip, PublishedRow};
use uuid::Uuid;

use crate::error::{ErrorName, PipelineError};

/// Rows for the portal as JSON.
#[derive(Default)]
pub(super) struct Rows {
    /// JSON objects with commas between them.
    json: Vec<u8>,
    pub(super) count: usize,
}

/// A row that the portal must lose.
#[derive(Serialize)]
struct Deletion {
    trip_id: Uuid,
    #[serde(rename = ":deleted")]
    deleted: bool,
}

impl Rows {
    /// Adds a trip's row. Every row is checked against the published form here, immediately before
    /// it is sent.
    pub(super) fn push(
        &mut self,
        trip: &PublicTrip,
        form: &PublicForm,
    ) -> Result<(), PipelineError> {
        let json = serde_json::to_string(&PublicRow::new(trip, form)).map_err(|e| no_json(&e))?;
        let row = PublishedRow::parse(&json, &form.times).map_err(|error| {
            PipelineError::new(
                ErrorName::ArchiveUnreadable,
                format!(
                    "a loaded trip does not fit the published form: {error}; load its block again"
                ),
            )
        })?;
        self.add(&row)
    }

    /// Adds the deletion of a trip's row.
    pub(super) fn delete(&mut self, trip_id: Uuid) -> Result<(), PipelineError> {
        self.add(&Deletion {
            trip_id,
            deleted: true,
        })
    }

    fn add(&mut self, row: &impl Serialize) -> Result<(), PipelineError> {
        if self.count > 0 {
            self.json.push(b',');
        }
        serde_json::to_writer(&mut self.json, row).map_err(|error| no_json(&error))?;
        self.count += 1;
        Ok(())
    }
}

fn no_json(error: &serde_json::Error) -> PipelineError {
    PipelineError::new(ErrorName::Internal, format!("a row has no JSON: {error}"))
}

/// A part of a publication within an upload.
pub(super) struct Part {
    pub(super) publication: Publication,
    pub(super) rows: Rows,
    /// The last public id in it; the publication's own before any.
    pub(super) last: Option<Uuid>,
    /// Whether nothing of the publication is left after this part.
    pub(super) is_last: bool,
}

impl Part {
    pub(super) fn new(publication: Publication) -> Self {
        Self {
            last: publication.last_sent,
            publication,
            rows: Rows::default(),
            is_last: false,
        }
    }
}

/// The parts of one upload.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) parts: Vec<Part>,
}

impl Batch {
    /// How many more rows the upload may have. A published row has less than a kilobyte.
    pub(super) fn room(&self, chunk_rows: usize) -> usize {
        let rows: usize = self.parts.iter().map(|part| part.rows.count).sum();
        let bytes: usize = self.parts.iter().map(|part| part.rows.json.len() + 1).sum();
        let by_size = MAX_CHUNK_BYTES.saturating_sub(bytes + 2) >> 10;
        chunk_rows.saturating_sub(rows).min(by_size)
    }

    pub(super) fn chunk(&self) -> Chunk {
        chunk(self.parts.iter().map(|part| &part.rows))
    }
}

/// The upload of these rows.
pub(super) fn chunk<'a>(parts: impl Iterator<Item = &'a Rows>) -> Chunk {
    let mut body = vec![b'['];
    let mut rows = 0;
    for part in parts.filter(|part| part.count > 0) {
        if rows > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&part.json);
        rows += part.count;
    }
    body.push(b']');
    Chunk {
        body: body.into(),
        rows,
    }
}
