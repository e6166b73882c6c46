//! `publish.json`: the rows of a block for the portal, written when the block is loaded.

use futures::TryStreamExt;
use store::{BlockRows, PublicationFile, StoreError};
use trips::block::{Block, BlockObject};
use trips::public_row::PublicRow;
use vault::{ObjectWriter, Seal, WriteCondition};

use crate::context::Context;
use crate::error::PipelineError;
use crate::fenced::FencedWriter;
use crate::object_stream::JsonArrayStream;

/// Writes the rows to the block's `publish.json`, and describes the object for the ledger. `work`
/// is the transaction that reads the rows. The object replaces only what fits the condition, which
/// was true while the claim was held.
pub(crate) async fn write_file(
    ctx: &Context,
    block: &Block,
    work: &mut impl BlockRows,
    condition: WriteCondition,
) -> Result<PublicationFile, PipelineError> {
    let key = ctx.key(block, BlockObject::Publish);
    let (writer, rows) = match write_rows(ctx, &key, work).await? {
        Some(written) => written,
        // Another program has written some of the block's trips and not their devices, or a trip is
        // of an earlier load, and this one does not know its device.
        None => {
            work.name_devices().await?;
            write_rows(ctx, &key, work)
                .await?
                .ok_or(StoreError::UnknownDevice)?
        }
    };
    let info = FencedWriter::new(ctx.vault(), &*work)
        .finish_if(writer, condition)
        .await?;
    Ok(PublicationFile {
        key,
        sha256: info.sha256,
        etag: info.etag,
        rows,
    })
}

/// Writes the rows, and counts them; `None` if the device of one is unknown. Then nothing is left
/// of the object, of which there is one writer at a time.
async fn write_rows(
    ctx: &Context,
    key: &str,
    work: &mut impl BlockRows,
) -> Result<Option<(ObjectWriter, u64)>, PipelineError> {
    let mut object = JsonArrayStream::create(ctx.vault(), key, Seal::Encrypt)?;
    let form = ctx.public_form()?;
    let mut trips = work.public_rows().await?;
    let mut rows = 0;
    loop {
        let trip = match trips.try_next().await {
            Ok(Some(trip)) => trip,
            Ok(None) => return Ok(Some((object.close().await?, rows))),
            Err(StoreError::UnknownDevice) => {
                object.close().await?.abort().await;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        object.push(&PublicRow::new(&trip, &form)).await?;
        rows += 1;
    }
}
