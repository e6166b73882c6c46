//! The manifest of a run: a JSON array of block items in the bucket, written and read as a stream.

use std::io::Read;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use trips::json::{Elements, JsonError};

mod line;
mod writer;

pub(crate) use self::writer::ManifestWriter;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, ManifestLocation};

/// Number of items that are read ahead of the workers.
const ITEMS_IN_FLIGHT: usize = 256;

/// Reads a manifest item by item. An item that cannot be read ends the stream with its error.
///
/// # Errors
///
/// `ArchiveMissing` if there is no manifest at this key, `StorageUnavailable` if the bucket cannot
/// be reached.
pub async fn read_manifest(
    ctx: &Context,
    location: &ManifestLocation,
) -> Result<mpsc::Receiver<Result<BlockItem, PipelineError>>, PipelineError> {
    let reader = ctx.vault().open(&location.key).await?;
    Ok(read_items(reader, location.key.clone()))
}

fn read_items(
    reader: impl Read + Send + 'static,
    key: String,
) -> mpsc::Receiver<Result<BlockItem, PipelineError>> {
    let (items, receiver) = mpsc::channel(ITEMS_IN_FLIGHT);
    spawn_blocking(move || {
        let read = catch_unwind(AssertUnwindSafe(|| {
            let mut elements = Elements::new(reader);
            for item in iter::from_fn(|| elements.next_as().transpose()) {
                let item = item.map_err(|error| unreadable(&key, &error));
                if items.blocking_send(item).is_err() {
                    return;
                }
            }
        }));
        // Otherwise the closed channel would look like the end of the plan.
        if read.is_err() {
            let panicked = PipelineError::panicked("reading the manifest");
            // A receiver that is gone needs no error.
            let _ = items.blocking_send(Err(panicked));
        }
    });
    receiver
}

fn unreadable(key: &str, error: &JsonError) -> PipelineError {
    let PipelineError { name, message, .. } =
        PipelineError::caused(ErrorName::ArchiveUnreadable, error);
    PipelineError::new(name, format!("{key}: {message}"))
}

#[cfg(test)]
mod tests;
