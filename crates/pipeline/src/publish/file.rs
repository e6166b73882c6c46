//! `publish.json`: the rows of a block for the portal, written when the block is loaded.

use futures::TryStreamExt;
use futures::stream::BoxStream;
use store::{Fence, PublicationFile, StoreError};
use trips::block::{Block, BlockObject};
use trips::public_row::{PublicRow, PublicTrip};
use vault::Seal;

use crate::context::Context;
use crate::error::PipelineError;
use crate::fenced::FencedWriter;
use crate::object_stream::JsonArrayStream;

/// Writes the rows to the block's `publish.json`, and describes the object for the ledger. `claim`
/// is the work that reads the rows.
pub(crate) async fn write_file(
    ctx: &Context,
    block: &Block,
    claim: &impl Fence,
    mut trips: BoxStream<'_, Result<PublicTrip, StoreError>>,
) -> Result<PublicationFile, PipelineError> {
    let key = ctx.key(block, BlockObject::Publish);
    let mut object = JsonArrayStream::create(ctx.vault(), &key, Seal::Encrypt)?;
    let form = ctx.public_form()?;
    let mut rows = 0;
    while let Some(trip) = trips.try_next().await? {
        object.push(&PublicRow::new(&trip, &form)).await?;
        rows += 1;
    }
    let info = FencedWriter::new(ctx.vault(), claim)
        .finish(object.close().await?)
        .await?;
    Ok(PublicationFile {
        key,
        sha256: info.sha256,
        rows,
    })
}
