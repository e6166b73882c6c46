//! 2.0: vehicles and telemetry, which are requested once the trips of an hour are archived and
//! recorded. Nothing of it can cost the hour its trips.

use serde::Serialize;
use serde_json::{Map, Value};
use trips::block::BlockObject;
use vault::VaultError;

use super::archive::ArchivedHour;
use super::referenced_ids::ReferencedIds;
use super::side_time::SideTime;
use super::telemetry::{self, TelemetryReport};
use super::vehicles;
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

fn warn(error: &PipelineError) {
    tracing::warn!(
        error.name = %error.name,
        error.message = %error.message,
        "vehicles or telemetry are incomplete"
    );
}

/// Requests what the provider keeps apart from the hour's trips, and adds to `extract.json` what
/// came of it.
pub(super) async fn add(step: &mut ClaimedStep<'_>, hour: &ArchivedHour) {
    let Some(referenced) = &hour.referenced else {
        return;
    };
    let mut side_data = SideData::default();
    let collected = collect(step, hour, referenced, &mut side_data).await;
    side_data.note(collected);
    let has_problems = !side_data.problems.is_empty();
    if (side_data.telemetry.is_some() || has_problems && !hour.is_kept())
        && let Err(error) = describe(step, &side_data).await
    {
        warn(&error);
    }
}

async fn collect(
    step: &mut ClaimedStep<'_>,
    hour: &ArchivedHour,
    referenced: &ReferencedIds,
    side_data: &mut SideData,
) -> Result<(), PipelineError> {
    let time = SideTime::begin(step.time_left());
    let ctx = step.ctx;
    let provider = ctx.provider(&step.block.provider)?;
    let client = ctx.provider_client(provider).await?;
    if provider.has_vehicles() {
        vehicles::update(&mut step.claim, &client, referenced, time, side_data).await;
    }
    if provider.has_telemetry() && is_without_telemetry(step, hour).await? {
        let archived = telemetry::archive(step, &client, referenced, time.end()).await;
        side_data.telemetry = side_data.note(archived);
    }
    Ok(())
}

/// Whether the archive has no telemetry: it is new, or its telemetry has failed.
async fn is_without_telemetry(
    step: &ClaimedStep<'_>,
    hour: &ArchivedHour,
) -> Result<bool, PipelineError> {
    if !hour.is_kept() {
        return Ok(true);
    }
    let report: Map<String, Value> = match step
        .ctx
        .vault()
        .get_sealed_json(&step.key(BlockObject::Extract))
        .await
    {
        // There is nothing to add the result to.
        Err(VaultError::NotFound { .. }) => return Ok(false),
        report => report?,
    };
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
