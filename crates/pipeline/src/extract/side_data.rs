//! 2.0: vehicles and telemetry, which are requested once the trips of an hour are archived and
//! recorded. Nothing of it can cost the hour its trips.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};
use trips::block::BlockObject;

use super::referenced_ids::ReferencedIds;
use super::side_time::SideTime;
use super::telemetry::{self, TelemetryReport};
use super::vehicles;
use crate::block_report::BlockReport;
use crate::error::{ErrorName, PipelineError, to_json};
use crate::fenced::FencedWriter;
use crate::step::ClaimedStep;

/// The result for vehicles and telemetry. A problem with them is recorded here and does not fail
/// the step.
#[derive(Debug, Default, Serialize)]
pub(super) struct SideData {
    #[serde(skip_serializing_if = "Option::is_none")]
    telemetry: Option<TelemetryReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

impl SideData {
    /// Returns the value, or records the error as a problem.
    pub(super) fn note<T>(&mut self, result: Result<T, PipelineError>) -> Option<T> {
        result
            .inspect_err(|error| {
                warn(error);
                self.problems
                    .push(format!("{}: {}", error.name, error.message));
            })
            .ok()
    }
}

pub(super) fn warn(error: &PipelineError) {
    tracing::warn!(
        error.name = %error.name,
        error.message = %error.message,
        "vehicles or telemetry are incomplete"
    );
}

/// The trips of an archive for which the provider keeps more data.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) referenced: &'a ReferencedIds,
    /// Whether the archive is new, and has no telemetry yet.
    pub(super) is_new: bool,
    /// Whether the trips may be loaded already.
    is_late: bool,
}

impl<'a> Wanted<'a> {
    /// What an hour needs whose trips have just been requested.
    pub(super) fn now(referenced: &'a ReferencedIds, is_new: bool) -> Self {
        Self {
            referenced,
            is_new,
            is_late: false,
        }
    }

    /// What an hour needs whose trips were archived by a process that was killed.
    pub(super) fn late(referenced: &'a ReferencedIds) -> Self {
        Self {
            referenced,
            is_new: false,
            is_late: true,
        }
    }
}

/// Requests what the provider keeps apart from the hour's trips, and adds to `extract.json` what
/// came of it.
///
/// Then it is settled: what is missing belongs to later blocks. Only what could not begin is left
/// to the next run.
pub(super) fn add<'a>(step: &'a mut ClaimedStep<'_>, wanted: Wanted<'a>) -> BoxFuture<'a, ()> {
    // As a type of its own it would be too deep for the compiler where steps are put together.
    request_and_describe(step, wanted).boxed()
}

async fn request_and_describe(step: &mut ClaimedStep<'_>, wanted: Wanted<'_>) {
    let mut side_data = SideData::default();
    let collected = collect(step, wanted, &mut side_data).await;
    if collected.is_ok() {
        step.claim.settle_side_data();
    }
    side_data.note(collected);
    let has_problems = !side_data.problems.is_empty();
    if (side_data.telemetry.is_some() || has_problems && wanted.is_new)
        && let Err(error) = describe(step, &side_data).await
    {
        warn(&error);
    }
}

async fn collect(
    step: &mut ClaimedStep<'_>,
    wanted: Wanted<'_>,
    side_data: &mut SideData,
) -> Result<(), PipelineError> {
    let time = SideTime::begin(step.time_left());
    let Wanted {
        referenced,
        is_late,
        ..
    } = wanted;
    let ctx = step.ctx;
    let provider = ctx.provider(&step.block.provider)?;
    let client = ctx.provider_client(provider).await?;
    if provider.has_vehicles() {
        vehicles::update(
            &mut step.claim,
            &client,
            referenced,
            time,
            is_late,
            side_data,
        )
        .await;
    }
    if provider.has_telemetry() && is_without_telemetry(step, wanted).await? {
        let archived = telemetry::archive(step, &client, referenced, time.end()).await;
        side_data.telemetry = side_data.note(archived);
    }
    Ok(())
}

/// Whether the archive has no telemetry: it is new, or its telemetry has failed.
async fn is_without_telemetry(
    step: &ClaimedStep<'_>,
    wanted: Wanted<'_>,
) -> Result<bool, PipelineError> {
    if wanted.is_new {
        return Ok(true);
    }
    let (vault, trips_key) = (step.ctx.vault(), step.key(BlockObject::Trips));
    let Some(report) = BlockReport::read(vault, &trips_key).await? else {
        // There is nothing to add the result to.
        return Ok(false);
    };
    let report: Map<String, Value> = report.parse()?;
    Ok(!report.contains_key("telemetry"))
}

async fn describe(step: &ClaimedStep<'_>, side_data: &SideData) -> Result<(), PipelineError> {
    let key = step.key(BlockObject::Extract);
    let vault = step.ctx.vault();
    let mut report: Map<String, Value> = vault.get_sealed_json(&key).await?;
    let Value::Object(members) = to_json(side_data)? else {
        return Err(PipelineError::new(
            ErrorName::Internal,
            "the result for vehicles and telemetry is not a JSON object",
        ));
    };
    report.remove("problems");
    report.extend(members);
    let fenced = FencedWriter::new(vault, &step.claim);
    fenced.put_json(&key, &report).await?;
    Ok(())
}
