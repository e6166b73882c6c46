//! Checks files of public rows: nothing is sent for one that the ledger does not know, or for a
//! local one with anything but public rows.

use std::io::Read;

use store::Publication;
use tokio::task::spawn_blocking;
use trips::block::{BlockObject, key_beside};
use trips::json::{Elements, JsonError};
use trips::public_row::{PublicTimes, PublishedRow};
use uuid::Uuid;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::hashing::Hashing;
use crate::source::Source;

/// Checks that a publication's file is what the last load of its block has written. Its rows need
/// no look then: those that are sent come from the table, and are checked there.
///
/// The object that the load has written still has its entity tag. Any other one is read, since it
/// may have the same content: a change of the key writes every object anew. A file that has expired
/// together with its archive is not missed.
///
/// # Errors
///
/// `ArchiveUnreadable` for a file with anything else, `ArchiveMissing`.
pub(super) async fn check_file(
    ctx: &Context,
    publication: &Publication,
) -> Result<(), PipelineError> {
    let key = publication.key.clone();
    if publication.etag.is_some() {
        let found = ctx.vault().head(&key).await?;
        if found.is_some_and(|found| found.etag == publication.etag) {
            return Ok(());
        }
    }
    let file = match Source::Bucket.open(ctx, &key).await {
        Err(error) if error.name == ErrorName::ArchiveMissing && has_expired(ctx, &key).await? => {
            return Ok(());
        }
        opened => opened?,
    };
    let sha256 = spawn_blocking(move || Hashing::new(file).finish())
        .await
        .map_err(|_| PipelineError::panicked("reading the public rows"))?
        .map_err(|error| PipelineError::from_io(&key, &error))?;
    if sha256 == publication.sha256 {
        return Ok(());
    }
    Err(PipelineError::new(
        ErrorName::ArchiveUnreadable,
        format!(
            "{key} is not what the last load of its block has written; load the block again: sync-db --force"
        ),
    ))
}

/// Whether the archive beside a missing file is gone, too: nothing but the table is left to publish
/// from then, and to load the block again would only fail. Whoever publishes may not read archives.
async fn has_expired(ctx: &Context, publish_key: &str) -> Result<bool, PipelineError> {
    let archive = key_beside(publish_key, BlockObject::Trips);
    let page = ctx.vault().list(&archive).next_page().await?;
    Ok(!page.is_some_and(|page| page.iter().any(|object| object.key == archive)))
}

/// Why a file is not published.
#[derive(Debug, thiserror::Error)]
enum RowsError {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("row {row} is not in the published form: {why}")]
    Form { row: usize, why: String },
}

/// The ids of a file's rows, each of which has the published form.
pub(crate) fn read_ids(
    name: &str,
    content: impl Read,
    times: &PublicTimes,
) -> Result<Vec<Uuid>, PipelineError> {
    read_rows(content, times).map_err(|error| refused(name, &error))
}

fn read_rows(content: impl Read, times: &PublicTimes) -> Result<Vec<Uuid>, RowsError> {
    let mut ids = Vec::new();
    let mut rows = Elements::new(content);
    while let Some(parsed) = rows.next_with(|row| PublishedRow::parse(row.get(), times))? {
        let row = parsed.map_err(|error| RowsError::Form {
            row: ids.len() + 1,
            why: error.to_string(),
        })?;
        ids.push(row.trip_id());
    }
    Ok(ids)
}

fn refused(key: &str, error: &RowsError) -> PipelineError {
    match error {
        RowsError::Json(JsonError::Read(source)) => PipelineError::from_io(key, source),
        _ => PipelineError::new(
            ErrorName::ArchiveUnreadable,
            format!(
                "{key} is not the publish.json of a block, with its rows as the portal gets them: {error}; \
                 `mds archive get --object publish --format json` writes it to a file, and trips are loaded by \
                 `mds sync-db`"
            ),
        ),
    }
}

#[cfg(test)]
mod tests;
