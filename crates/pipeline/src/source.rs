//! The source of a step's input: the bucket or a local file.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};

/// Where a step reads its input.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// The block's object in the bucket.
    Bucket,
    /// A local file of the same form, unencrypted.
    File(&'a Path),
}

pub(crate) struct Opened {
    pub(crate) content: Box<dyn Read + Send>,
    /// Identifies the content of the object.
    pub(crate) tag: String,
}

impl Source<'_> {
    pub(crate) async fn open(self, ctx: &Context, key: &str) -> Result<Opened, PipelineError> {
        match self {
            Self::Bucket => {
                let object = ctx.vault().open(key).await?;
                Ok(Opened {
                    tag: object.info().etag.clone().unwrap_or_default(),
                    content: Box::new(object),
                })
            }
            Self::File(path) => {
                let file = File::open(path).map_err(|e| {
                    PipelineError::new(ErrorName::InvalidInput, format!("{}: {e}", path.display()))
                })?;
                Ok(Opened {
                    tag: path.display().to_string(),
                    content: Box::new(BufReader::new(file)),
                })
            }
        }
    }
}
