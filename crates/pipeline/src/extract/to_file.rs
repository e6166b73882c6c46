//! `mds extract --file`: an hour into a local file, and what came if it is no hour.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use chrono::Utc;
use mds_client::{ClientOptions, HourReport};
use tempfile::NamedTempFile;
use tracing::Instrument;
use trips::block::Block;

use super::belief;
use super::pull::{NO_CONTENT, PullError, PulledHour, pull};
use super::sink::{ArchiveSink, Observers};
use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::span::hour_span;

/// How much of a response that is not MDS is kept: more than a page for people has.
const MAX_MALFORMED_BYTES: usize = 1 << 20;
/// Is added to the name of the file.
const MALFORMED: &str = ".malformed";

/// Pulls the block's hour into a local file in the archive's form, and touches neither bucket nor
/// database. The file appears whole or not at all. A response that is not MDS is kept beside it.
///
/// # Errors
///
/// As [`extract()`](super::extract), except those of the bucket and the database.
/// `ProviderRejected` also for "no service" and 204: a file without trips that somebody loads would
/// withdraw those of the hour.
pub async fn extract_to(
    ctx: &Context,
    block: &Block,
    path: &Path,
) -> Result<HourReport, PipelineError> {
    let failed = |e: io::Error| {
        PipelineError::new(ErrorName::InvalidInput, format!("{}: {e}", path.display()))
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    folder.read_dir().map_err(failed)?;
    let make_sink = || {
        ArchiveSink::new(Observers::default(), {
            let folder = folder.clone();
            move || NamedTempFile::new_in(folder).map(BufWriter::new)
        })
    };
    let client = ctx
        .lone_client(ctx.provider(&block.provider)?)?
        .with_options(ClientOptions {
            kept_body_bytes: MAX_MALFORMED_BYTES,
            ..ClientOptions::default()
        });
    let pulled = pull(&client, block, Utc::now(), make_sink)
        .instrument(hour_span(&block.provider, &block.hour.label(ctx.zone())))
        .await;
    let PulledHour {
        sink,
        report,
        has_no_service,
    } = pulled.map_err(|error| with_malformed(error, &folder, path))?;
    if has_no_service || report.http_status == NO_CONTENT {
        return Err(belief::no_file(&block.provider, report.http_status));
    }
    let file = sink.finish().map_err(failed)?;
    let file = file.into_inner().map_err(|e| failed(e.into_error()))?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(report)
}

/// The error of a pull. What came in place of the hour is kept in a file of its own, readable for
/// its owner alone: it may hold trips.
fn with_malformed(error: PullError, folder: &Path, path: &Path) -> PipelineError {
    let kept = error.malformed_body().map(|body| {
        let mut name = path.as_os_str().to_owned();
        name.push(MALFORMED);
        let name = PathBuf::from(name);
        let what = if body.len() < MAX_MALFORMED_BYTES {
            "what it sent"
        } else {
            "the beginning of what it sent"
        };
        match write(body, folder, &name) {
            Ok(()) => format!("{what} is in {}", name.display()),
            Err(error) => format!("{what} cannot be kept in {}: {error}", name.display()),
        }
    });
    let mut error = PipelineError::from(error);
    if let Some(kept) = kept {
        error.message = format!("{}; {kept}", error.message);
    }
    error
}

fn write(body: &[u8], folder: &Path, name: &Path) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(body)?;
    file.persist(name)?;
    Ok(())
}
