//! Reads files of public rows: only what the ledger knows, and what has the published form, is
//! followed by an upload.

use std::io::{self, Read};

use sha2::{Digest, Sha256};
use store::Publication;
use tokio::task::spawn_blocking;
use trips::json::{Elements, JsonError};
use trips::public_row::{PublicTimes, PublishedRow};
use uuid::Uuid;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::source::Source;

/// Checks a publication's file: that each row has the published form, and that the ledger has the
/// content's hash.
///
/// # Errors
///
/// `ArchiveUnreadable` for a file with anything else, `ArchiveMissing`.
pub(super) async fn check_file(
    ctx: &Context,
    publication: &Publication,
) -> Result<(), PipelineError> {
    let file = Source::Bucket.open(ctx, &publication.file.key).await?;
    let (key, times) = (publication.file.key.clone(), ctx.public_times()?);
    let expected = (publication.file.rows, publication.file.sha256.clone());
    let checking = spawn_blocking(move || {
        let found = read_rows(file, &times, |_| Ok(())).map_err(|error| refused(&key, &error))?;
        if found == expected {
            return Ok(());
        }
        Err(PipelineError::new(
            ErrorName::ArchiveUnreadable,
            format!(
                "{key} is not what the last load of its block has written; load the block again: sync-db --force"
            ),
        ))
    });
    checking
        .await
        .map_err(|_| PipelineError::panicked("reading the public rows"))?
}

/// Why a file is not published.
#[derive(Debug, thiserror::Error)]
enum RowsError {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("row {row} is not in the published form: {why}")]
    Form { row: u64, why: String },
}

/// Hands the id of each row's trip to `take`. Returns the number of rows and the hash of the
/// content.
fn read_rows(
    content: impl Read,
    times: &PublicTimes,
    mut take: impl FnMut(Uuid) -> io::Result<()>,
) -> Result<(u64, String), RowsError> {
    let mut hashed = Hashed {
        content,
        hash: Sha256::new(),
    };
    let mut rows = 0;
    let mut elements = Elements::new(&mut hashed);
    while let Some(parsed) = elements.next_with(|row| PublishedRow::parse(row.get(), times))? {
        rows += 1;
        let row = parsed.map_err(|error| RowsError::Form {
            row: rows,
            why: error.to_string(),
        })?;
        take(row.trip_id()).map_err(JsonError::Read)?;
    }
    drop(elements);
    io::copy(&mut hashed, &mut io::sink()).map_err(JsonError::Read)?;
    Ok((rows, hex(&hashed.hash.finalize())))
}

/// The ids of a file's rows, each of which has the published form.
pub(crate) fn read_ids(
    name: &str,
    content: impl Read,
    times: &PublicTimes,
) -> Result<Vec<Uuid>, PipelineError> {
    let mut ids = Vec::new();
    read_rows(content, times, |id| {
        ids.push(id);
        Ok(())
    })
    .map_err(|error| refused(name, &error))?;
    Ok(ids)
}

struct Hashed<R> {
    content: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refused(key: &str, error: &RowsError) -> PipelineError {
    match error {
        RowsError::Json(JsonError::Read(source)) => PipelineError::from_io(key, source),
        _ => PipelineError::new(ErrorName::ArchiveUnreadable, format!("{key}: {error}")),
    }
}

#[cfg(test)]
mod tests;
