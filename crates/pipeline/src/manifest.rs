//! The manifest of a run: a JSON array of block items in the bucket, read as a stream.

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, ManifestLocation};

/// Items on their way from the bucket; enough to keep the workers busy.
const ITEMS_IN_FLIGHT: usize = 256;

/// Reads a manifest item by item; an item that cannot be read ends the stream with its error.
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
    let (items, receiver) = mpsc::channel(ITEMS_IN_FLIGHT);
    let key = location.key.clone();
    spawn_blocking(move || {
        let mut send = |item| {
            items
                .blocking_send(Ok(item))
                .map_err(|_| std::io::Error::other("nobody reads the manifest any more"))
        };
        if let Err(error) = json_array::for_each(reader, &mut send) {
            // The receiver may be gone, which is then why reading ended.
            let _ = items.blocking_send(Err(PipelineError::new(
                ErrorName::ArchiveUnreadable,
                format!("{key}: {error}"),
            )));
        }
    });
    Ok(receiver)
}

mod json_array {
    use std::fmt;
    use std::io::{self, Read};
    use std::marker::PhantomData;

    use serde::de::{Deserialize, DeserializeOwned, Deserializer, SeqAccess, Visitor};

    /// Gives each element of a JSON array to `each`, one in memory at a time.
    pub(super) fn for_each<T: DeserializeOwned>(
        reader: impl Read,
        each: &mut dyn FnMut(T) -> io::Result<()>,
    ) -> Result<(), serde_json::Error> {
        let mut json = serde_json::Deserializer::from_reader(io::BufReader::new(reader));
        json.deserialize_seq(Elements {
            each,
            element: PhantomData,
        })?;
        json.end()
    }

    struct Elements<'a, T> {
        each: &'a mut dyn FnMut(T) -> io::Result<()>,
        element: PhantomData<T>,
    }

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<'_, T> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON array of block items")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
            while let Some(element) = seq.next_element()? {
                (self.each)(element).map_err(serde::de::Error::custom)?;
            }
            Ok(())
        }
    }
}
