//! The source of a step's input: the bucket or a local file.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use chrono::{DateTime, Utc};
use trips::block::Hour;

use crate::archive_check::{OpenArchive, open_with_report};
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

/// What a step reads.
pub(crate) type Content = Box<dyn Read + Send>;

/// When a local file was last changed.
pub(crate) fn modified_at(path: &Path) -> Result<DateTime<Utc>, PipelineError> {
    let modified = path.metadata().and_then(|file| file.modified());
    modified.map(DateTime::from).map_err(|e| {
        PipelineError::new(ErrorName::InvalidInput, format!("{}: {e}", path.display()))
    })
}

impl Source<'_> {
    /// What the input is called in a message.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Bucket => "the archive",
            Self::File(_) => "the file",
        }
    }

    /// Opens an object of the block, which has to be sealed and to lie where it belongs.
    pub(crate) async fn open(self, ctx: &Context, key: &str) -> Result<Content, PipelineError> {
        match self {
            Self::Bucket => Ok(Box::new(ctx.vault().open_sealed(key).await?)),
            Self::File(path) => open_file(path),
        }
    }

    /// Opens the block's archive. If it does not name its place itself, `extract.json` has to
    /// describe it.
    pub(crate) async fn open_archive(
        self,
        ctx: &Context,
        trips_key: &str,
        hour: Hour,
    ) -> Result<OpenArchive, PipelineError> {
        match self {
            Self::Bucket => open_with_report(ctx.vault(), trips_key, hour).await,
            Self::File(path) => Ok(OpenArchive {
                content: open_file(path)?,
                report: None,
            }),
        }
    }
}

fn open_file(path: &Path) -> Result<Content, PipelineError> {
    let file = File::open(path).map_err(|e| {
        PipelineError::new(ErrorName::InvalidInput, format!("{}: {e}", path.display()))
    })?;
    Ok(Box::new(BufReader::new(file)))
}
