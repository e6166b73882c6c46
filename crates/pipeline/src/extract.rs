//! `extract`: one hour of one provider, from its API to the archive, digit for digit.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mds_client::{HourAnswer, HourReport, TripSink};
use serde::Serialize;
use serde_json::value::RawValue;
use store::Archived;
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;
use trips::block::{Block, BlockObject};
use trips::envelope::ArchiveWriter;
use trips::status::{BlockStatus, Step};
use vault::{ObjectInfo, ObjectWriter, Seal};

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, ExtractOutput};
use crate::step::ClaimedStep;

/// `extract.json`: what was asked, when, and what came (SPEC.md, "Objects in the bucket").
#[derive(Debug, Serialize)]
struct ExtractReport<'a> {
    provider: &'a str,
    block_start: DateTime<Utc>,
    block_end: DateTime<Utc>,
    trips_key: &'a str,
    sha256: &'a str,
    payload_bytes: u64,
    #[serde(flatten)]
    answer: &'a HourReport,
}

/// Pulls the block's hour from its provider and archives it.
///
/// The archive appears whole or not at all, and the block's status says so only after it is there.
///
/// # Errors
/// `ProviderNotReady`, `ProviderThrottled`, `ProviderUnavailable`, `ProviderRejected`, `ProviderMalformed`,
/// `StorageUnavailable`, `DatabaseUnavailable`, `BlockBusy`, `ConfigInvalid`, `InvalidInput`.
pub async fn extract(ctx: &Context, mut item: BlockItem) -> Result<BlockItem, PipelineError> {
    let block = item.block()?;
    let mut step = ClaimedStep::begin(ctx, &item, Step::Extract).await?;
    let trips_key = ctx.key(&block, BlockObject::Trips);
    if step.is_done_already() {
        let output = ExtractOutput {
            trips_key,
            trip_count: step.claim.row().fetched(),
            pages: 0,
            payload_bytes: 0,
        };
        let is_end = step.status() == BlockStatus::NoTrips;
        step.succeed(is_end).await?;
        item.extract = Some(output);
        return Ok(item);
    }
    let (report, object) = match pull_into_bucket(ctx, &block, &trips_key).await {
        Ok(pulled) => pulled,
        Err(error) => {
            let status = match error.name {
                ErrorName::ProviderNotReady => BlockStatus::NotPublished,
                _ => BlockStatus::ExtractFailed,
            };
            return Err(step.fail(status, error).await);
        }
    };
    step.claim
        .archived(&Archived {
            run_id: item.run_id,
            payload_key: trips_key.clone(),
            fetched: report.trips,
            message: format!("HTTP {} with {} trips", report.http_status, report.trips),
        })
        .await?;
    step.succeed(report.trips == 0).await?;
    tracing::info!(
        run_id = %item.run_id,
        block.provider = %block.provider,
        block.label = %item.label,
        trips.fetched = report.trips,
        extract.pages = report.pages,
        extract.requests = report.requests,
        extract.body_bytes = report.bytes,
        archive.key = %trips_key,
        "archived"
    );
    item.extract = Some(ExtractOutput {
        trips_key,
        trip_count: report.trips,
        pages: report.pages,
        payload_bytes: object.bytes,
    });
    Ok(item)
}

/// Pulls the block's hour into a local file in the archive's form, and touches neither bucket nor database. The file
/// appears whole or not at all.
///
/// # Errors
/// As [`extract()`], but for the bucket's and the database's.
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
    let make_sink = move || {
        ArchiveSink::new({
            let folder = folder.clone();
            move || NamedTempFile::new_in(folder).map(BufWriter::new)
        })
    };
    let (sink, report) = pull(ctx, block, make_sink).await?;
    let file = sink.finish().map_err(failed)?;
    let file = file.into_inner().map_err(|e| failed(e.into_error()))?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(report)
}

async fn pull_into_bucket(
    ctx: &Context,
    block: &Block,
    trips_key: &str,
) -> Result<(HourReport, ObjectInfo), PipelineError> {
    let vault = ctx.vault().clone();
    let key = trips_key.to_owned();
    let make_sink = move || {
        ArchiveSink::new({
            let (vault, key) = (vault.clone(), key.clone());
            move || Ok(vault.create(&key, Seal::Encrypt))
        })
    };
    let (sink, report) = pull(ctx, block, make_sink).await?;
    let object = seal(sink, trips_key).await?;
    let report_key = ctx.key(block, BlockObject::Extract);
    ctx.vault()
        .put_json(
            &report_key,
            &ExtractReport {
                provider: block.provider.as_str(),
                block_start: block.hour.start(),
                block_end: block.hour.end(),
                trips_key,
                sha256: &object.sha256,
                payload_bytes: object.bytes,
                answer: &report,
            },
            Seal::Encrypt,
        )
        .await?;
    Ok((report, object))
}

async fn seal(sink: ArchiveSink<ObjectWriter>, key: &str) -> Result<ObjectInfo, PipelineError> {
    let writer = spawn_blocking(move || sink.finish())
        .await
        .map_err(|_| PipelineError::interrupted("writing the archive"))?
        .map_err(|e| PipelineError::from_io(key, &e))?;
    Ok(writer.finish().await?)
}

async fn pull<W: Write + Send + 'static>(
    ctx: &Context,
    block: &Block,
    make_sink: impl FnMut() -> ArchiveSink<W> + Send,
) -> Result<(ArchiveSink<W>, HourReport), PipelineError> {
    let now = ctx.now();
    if block.hour.end() > now {
        return Err(PipelineError::new(
            ErrorName::InvalidInput,
            format!(
                "the hour that ends {} has not ended yet",
                block.hour.end().to_rfc3339()
            ),
        ));
    }
    let client = ctx.provider_client(&block.provider).await?;
    match client.fetch_hour(block.hour, now, make_sink).await? {
        HourAnswer::Ready { sink, report } => Ok((sink, report)),
        HourAnswer::NotYet { http_status } => Err(PipelineError::new(
            ErrorName::ProviderNotReady,
            format!(
                "{} has not published the hour yet (HTTP {http_status})",
                block.provider
            ),
        )),
        HourAnswer::NotOperating { sink, report } => Ok((sink, report)),
    }
}

/// Writes an answer's trips in the archive's form. The object is created with the first word of the answer, so that
/// a request that is refused creates none.
struct ArchiveSink<W: Write>(SinkState<W>);

enum SinkState<W: Write> {
    Waiting(Box<dyn FnOnce() -> io::Result<W> + Send>),
    Open(ArchiveWriter<W>),
    Failed,
}

impl<W: Write> ArchiveSink<W> {
    fn new(create: impl FnOnce() -> io::Result<W> + Send + 'static) -> Self {
        Self(SinkState::Waiting(Box::new(create)))
    }

    fn finish(self) -> io::Result<W> {
        match self.0 {
            SinkState::Open(archive) => archive.finish(),
            SinkState::Waiting(_) | SinkState::Failed => Err(not_begun()),
        }
    }
}

impl<W: Write + Send + 'static> TripSink for ArchiveSink<W> {
    fn begin(&mut self, version: &str) -> io::Result<()> {
        let state = std::mem::replace(&mut self.0, SinkState::Failed);
        let SinkState::Waiting(create) = state else {
            return Err(io::Error::other("an archive is begun once"));
        };
        self.0 = SinkState::Open(ArchiveWriter::new(create()?, version)?);
        Ok(())
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        match &mut self.0 {
            SinkState::Open(archive) => archive.push(raw),
            SinkState::Waiting(_) | SinkState::Failed => Err(not_begun()),
        }
    }
}

fn not_begun() -> io::Error {
    io::Error::other("the archive was not begun")
}
