//! `extract`: one hour of one provider, from its API to the archive, digit for digit.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mds_client::{HourReport, HourResponse};
use serde::Serialize;
use store::{ArchiveRecord, Claim};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;
use trips::Changes;
use trips::block::{Block, BlockObject};
use trips::status::{BlockStatus, Step};
use vault::{ObjectWriter, Seal};

use self::previous_archive::{Fingerprints, PreviousArchive};
use self::referenced_ids::ReferencedIds;
use self::sink::{ArchiveSink, Observers};
use self::telemetry::TelemetryReport;
pub(crate) use self::vehicles::Fleet;
use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, ExtractOutput};
use crate::step::ClaimedStep;

mod previous_archive;
mod referenced_ids;
mod sink;
mod telemetry;
mod vehicles;

/// `extract.json`: what was asked, when, and what came (docs/CONTRACT.md, "Objects in the bucket").
#[derive(Debug, Serialize)]
struct ExtractReport<'a> {
    provider: &'a str,
    block_start: DateTime<Utc>,
    block_end: DateTime<Utc>,
    trips_key: &'a str,
    sha256: &'a str,
    payload_bytes: u64,
    /// Where the archive lies that this one replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    former_key: Option<&'a str>,
    /// What differs from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Changes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    telemetry: Option<TelemetryReport>,
    /// What went wrong with vehicles and telemetry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    #[serde(flatten)]
    answer: &'a HourReport,
}

/// Pulls the block's hour from its provider and archives it.
///
/// The archive appears whole or not at all, and the block's status says so only after it is there.
///
/// # Errors
///
/// `ProviderNotReady`, `ProviderThrottled`, `ProviderUnavailable`, `ProviderRejected`,
/// `ProviderMalformed`, `StorageUnavailable`, `DatabaseUnavailable`, `BlockBusy`, `ConfigInvalid`,
/// `InvalidInput`.
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
            changes: None,
        };
        let is_end = step.status() == BlockStatus::NoTrips;
        step.succeed(is_end).await?;
        item.extract = Some(output);
        return Ok(item);
    }
    let pulled = match Box::pin(pull_into_bucket(ctx, &block, &trips_key, &mut step.claim)).await {
        Ok(pulled) => pulled,
        Err(error) => {
            let status = status_after(&error, step.status(), item.force);
            return Err(step.fail(status, error).await);
        }
    };
    let report = &pulled.report;
    if pulled.is_unchanged() {
        step.claim
            .mark_unchanged(item.run_id, &pulled.message())
            .await?;
    } else {
        step.claim
            .mark_archived(&ArchiveRecord {
                run_id: item.run_id,
                payload_key: trips_key.clone(),
                fetched: report.trips,
                message: pulled.message(),
                changes: pulled.changes,
            })
            .await?;
    }
    step.succeed(report.trips == 0).await?;
    tracing::info!(
        run_id = %item.run_id,
        block.provider = %block.provider,
        block.label = %item.label,
        trips.fetched = report.trips,
        trips.new = pulled.changes.map(|it| it.new),
        trips.changed = pulled.changes.map(|it| it.changed),
        trips.gone = pulled.changes.map(|it| it.gone),
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
        payload_bytes: pulled.payload_bytes,
        changes: pulled.changes,
    });
    Ok(item)
}

/// A block whose trips are loaded loses nothing when the provider fails at a later age of it: it
/// stays what it is, and is due again at the next run.
fn status_after(error: &PipelineError, before: BlockStatus, force: bool) -> BlockStatus {
    match (error.name, before) {
        (
            _,
            BlockStatus::Loaded
            | BlockStatus::LoadedWithRejects
            | BlockStatus::Published
            | BlockStatus::PublishFailed,
        ) if !force => before,
        (ErrorName::ProviderNotReady, _) => BlockStatus::NotPublished,
        _ => BlockStatus::ExtractFailed,
    }
}

/// What came of asking a provider for a block.
struct Pulled {
    report: HourReport,
    /// What differs from the answer before, if there was one that can be read.
    changes: Option<Changes>,
    payload_bytes: u64,
}

impl Pulled {
    /// Whether the answer before was the same, of trips that may be loaded already.
    fn is_unchanged(&self) -> bool {
        self.changes.is_some_and(Changes::are_none) && self.report.trips > 0
    }

    /// A word for the schedule.
    fn message(&self) -> String {
        let report = &self.report;
        let mut text = format!("HTTP {} with {} trips", report.http_status, report.trips);
        if report.trips_outside_window > 0 {
            let _ = write!(text, ", {} of other hours", report.trips_outside_window);
        }
        if let Some(Changes { new, changed, gone }) = self.changes {
            let _ = write!(
                text,
                "; {new} new, {changed} changed, {gone} gone since the answer before"
            );
        }
        text
    }
}

/// Pulls the block's hour into a local file in the archive's form, and touches neither bucket nor
/// database. The file appears whole or not at all.
///
/// # Errors
///
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
        ArchiveSink::new(Observers::default(), {
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
    claim: &mut Claim,
) -> Result<Pulled, PipelineError> {
    let client = ctx.provider_client(&block.provider).await?;
    let has_vehicles = client.config().version.rules().vehicles_apart;
    let vehicles_wanted = has_vehicles && client.config().vehicles;
    let telemetry_wanted = has_vehicles && client.config().telemetry;
    let mut beside = SideData::default();
    if vehicles_wanted {
        beside.note(vehicles::refresh(ctx, claim, &client).await);
    }
    let mut former = PreviousArchive::find(ctx, claim, trips_key).await?;
    let prints_before = former.as_mut().and_then(|former| former.prints.take());

    let vault = ctx.vault().clone();
    let key = trips_key.to_owned();
    let notes = Observers {
        prints: prints_before.is_some().then(Fingerprints::default),
        mentions: (vehicles_wanted || telemetry_wanted).then(ReferencedIds::default),
    };
    let make_sink = move || {
        ArchiveSink::new(notes.clone(), {
            let (vault, key) = (vault.clone(), key.clone());
            move || Ok(vault.create(&key, Seal::Encrypt))
        })
    };
    let (mut sink, report) = pull(ctx, block, make_sink).await?;
    let notes = sink.take_notes();
    let changes = prints_before
        .zip(notes.prints)
        .map(|(before, after)| before.compare(after));
    let mentions = notes.mentions.unwrap_or_default();
    if vehicles_wanted {
        beside.note(vehicles::look_up(ctx, claim, &client, &mentions).await);
    }

    let writer = finish(sink, trips_key).await?;
    if changes.is_some_and(Changes::are_none) {
        writer.abort().await;
        return Ok(Pulled {
            report,
            changes,
            payload_bytes: 0,
        });
    }
    if telemetry_wanted {
        let archived = telemetry::archive(ctx, block, &client, &mentions).await;
        beside.telemetry = beside.note(archived);
    }
    if let Some(former) = &former {
        former.back_up(ctx, claim, trips_key).await?;
    }
    let object = writer.finish().await?;
    write_report(
        ctx,
        &ctx.key(block, BlockObject::Extract),
        &ExtractReport {
            provider: block.provider.as_str(),
            block_start: block.hour.start(),
            block_end: block.hour.end(),
            trips_key,
            sha256: &object.sha256,
            payload_bytes: object.bytes,
            former_key: former.as_ref().map(PreviousArchive::backup_key),
            changes,
            telemetry: beside.telemetry,
            problems: beside.problems,
            answer: &report,
        },
    )
    .await?;
    Ok(Pulled {
        report,
        changes,
        payload_bytes: object.bytes,
    })
}

/// What 2.0 has beside the trips. A problem with it is written down, and does not keep the trips
/// from being archived.
#[derive(Default)]
struct SideData {
    telemetry: Option<TelemetryReport>,
    problems: Vec<String>,
}

impl SideData {
    fn note<T>(&mut self, result: Result<T, PipelineError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::warn!(error.name = %error.name, error = %error.message, "vehicles or telemetry are not whole");
                self.problems
                    .push(format!("{}: {}", error.name, error.message));
                None
            }
        }
    }
}

async fn write_report(
    ctx: &Context,
    key: &str,
    report: &ExtractReport<'_>,
) -> Result<(), PipelineError> {
    ctx.vault().put_json(key, report, Seal::Encrypt).await?;
    Ok(())
}

async fn finish(sink: ArchiveSink<ObjectWriter>, key: &str) -> Result<ObjectWriter, PipelineError> {
    spawn_blocking(move || sink.finish())
        .await
        .map_err(|_| PipelineError::interrupted("writing the archive"))?
        .map_err(|e| PipelineError::from_io(key, &e))
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
        HourResponse::Ready { sink, report } => Ok((sink, report)),
        HourResponse::NotYet { http_status } => Err(PipelineError::new(
            ErrorName::ProviderNotReady,
            format!(
                "{} has not published the hour yet (HTTP {http_status})",
                block.provider
            ),
        )),
        HourResponse::NotOperating { sink, report } => Ok((sink, report)),
    }
}
