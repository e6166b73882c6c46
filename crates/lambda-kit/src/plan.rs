//! The plan of a run and its summary, as the function `plan-blocks` returns them.

use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::Utc;
use config::{ConfigVersion, Environment, Scope};
use pipeline::{
    Context, ErrorName, Migrated, MigrationRequest, PipelineError, Plan, PlanRequest, to_json,
};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::error::FunctionError;
use crate::kit::Invocation;
use crate::{metrics, page};

/// The most blocks that a run of this deployment may work on at once, whatever is requested.
const MAX_CONCURRENCY: &str = "MDS_MAX_CONCURRENCY";

/// A provider that is further behind than this, in hours, counts as behind.
const HOURS_BEHIND_THRESHOLD: &str = "MDS_HOURS_BEHIND_THRESHOLD";

/// The number in a variable of the environment; `None` if it is not set.
fn whole_number(
    variable: &str,
    value: Option<String>,
    allowed: RangeInclusive<u32>,
) -> Result<Option<u32>, PipelineError> {
    let value = value.unwrap_or_default();
    match value.trim() {
        "" => Ok(None),
        number => number
            .parse()
            .ok()
            .filter(|number| allowed.contains(number))
            .map(Some)
            .ok_or_else(|| {
                PipelineError::new(
                    ErrorName::ConfigInvalid,
                    format!(
                        "{variable} must be a whole number from {} to {}",
                        allowed.start(),
                        allowed.end()
                    ),
                )
            }),
    }
}

/// Plans a run and returns the plan.
///
/// # Errors
///
/// Those of [`pipeline::plan()`]; `ConfigInvalid` for a malformed variable of the deployment;
/// `DatabaseUnavailable` if the invocation's time is too short.
pub async fn plan(request: &PlanRequest, invocation: &Invocation) -> Result<Value, FunctionError> {
    if request.ignores_interval() {
        tracing::warn!("interval is ignored, because time_min and time_max are both given");
    }
    let variable = |name, allowed| whole_number(name, std::env::var(name).ok(), allowed);
    let cap = variable(MAX_CONCURRENCY, 1..=pipeline::MAX_CONCURRENCY)?;
    let threshold = variable(HOURS_BEHIND_THRESHOLD, 0..=config::MAX_LAG_HOURS)?;
    let scope = if request.audit {
        Scope::Audit
    } else {
        Scope::Plan
    };
    let ctx = invocation.contexts.current(scope).await?;
    let planning = Box::pin(pipeline::plan(&ctx, request, |_| {}));
    let mut plan = timeout_at(invocation.deadline, planning)
        .await
        .map_err(|_| {
            PipelineError::new(
                ErrorName::DatabaseUnavailable,
                "the plan was not ready when the function's time ran out; nothing has begun, and a repetition finds \
                 the schedule rows that were made. If it happens again, plan a shorter range",
            )
        })??;
    plan.cap_concurrency(cap.unwrap_or(pipeline::MAX_CONCURRENCY));
    if !plan.dry_run {
        metrics::plan(&ctx, &plan);
        let behind = Behind {
            requested_lag: request.lag_hours,
            threshold,
        };
        measure_hours_behind(&ctx, behind, invocation.deadline, &plan).await;
        // A run without blocks is not summarized.
        if plan.block_count == 0 {
            page::write_after(&ctx, plan.run_id, invocation.deadline).await;
        }
    }
    Ok(to_json(&plan)?)
}

/// What makes a provider one that is behind.
#[derive(Clone, Copy)]
struct Behind {
    requested_lag: Option<u32>,
    threshold: Option<u32>,
}

/// A plan that is made does not fail because of a metric. An alarm notices if it stays away.
async fn measure_hours_behind(ctx: &Context, is: Behind, deadline: Instant, plan: &Plan) {
    let measuring = pipeline::hours_behind(ctx, is.requested_lag, Utc::now());
    let measured = timeout_at(deadline, measuring).await.unwrap_or_else(|_| {
        Err(PipelineError::new(
            ErrorName::DatabaseUnavailable,
            "the function's time ran out",
        ))
    });
    match measured {
        Ok(behind) => metrics::hours_behind(ctx, plan.run_id, &behind, is.threshold),
        Err(error) => tracing::warn!(
            error.name = %error.name,
            error.message = %error.message,
            "how far behind the providers are could not be measured"
        ),
    }
}

/// Migrates the database, and returns the versions that were applied, the version that the tables
/// have now, and what became of those of another tool. A dry run returns what would be done.
///
/// # Errors
///
/// Those of [`pipeline::migrate()`]; `DatabaseUnavailable` if the invocation's time is too short.
pub async fn migrate(
    request: &MigrationRequest,
    invocation: &Invocation,
) -> Result<Value, FunctionError> {
    let env = Environment::from_process().map_err(PipelineError::from)?;
    let config = Box::pin(config::load_for(env, Scope::Migrate, None))
        .await
        .map_err(PipelineError::from)?;
    let migrating = Box::pin(pipeline::migrate(&config, request));
    let report = timeout_at(invocation.deadline, migrating)
        .await
        .map_err(|_| {
            PipelineError::new(
                ErrorName::DatabaseUnavailable,
                "the database was not migrated when the function's time ran out; the migration that was cut off has \
                 changed nothing. Run `mds migrate` on a machine that reaches the database",
            )
        })??;
    if request.dry_run {
        return Ok(to_json(&report)?);
    }
    for note in &report.notes {
        tracing::info!(migration.note = %note, "note of the migration");
    }
    Ok(to_json(&Migrated::from(report))?)
}

/// Returns a run's counts, by the configuration that the run began with.
///
/// # Errors
///
/// Those of [`pipeline::summarize()`]; `DatabaseUnavailable` if the invocation's time is too short.
pub async fn summarize(
    run_id: Uuid,
    config: Option<&ConfigVersion>,
    invocation: &Invocation,
) -> Result<Value, FunctionError> {
    let ctx = context_of_ended_run(config, invocation).await?;
    let summarizing = Box::pin(pipeline::run_summary(&ctx, run_id));
    let summary = timeout_at(invocation.deadline, summarizing)
        .await
        .map_err(|_| {
            PipelineError::new(
                ErrorName::DatabaseUnavailable,
                "the run's blocks were not counted when the function's time ran out; a repetition counts them again",
            )
        })??;
    metrics::summary(&ctx, &summary);
    page::write_after(&ctx, run_id, invocation.deadline).await;
    let succeeded = pipeline::successful(summary).map_err(with_the_way_out)?;
    Ok(to_json(&succeeded)?)
}

/// The configuration of a run whose blocks have ended. Where the bucket no longer has it, the
/// current one has to do: it counts what has happened, and changes nothing of it.
async fn context_of_ended_run(
    config: Option<&ConfigVersion>,
    invocation: &Invocation,
) -> Result<Arc<Context>, PipelineError> {
    match invocation.contexts.of_run(Scope::Plan, config).await {
        Err(error) if config.is_some() && error.name == ErrorName::ConfigInvalid => {
            tracing::warn!(
                error.name = %error.name,
                error.message = %error.message,
                "the run's configuration cannot be used any more, so the current one counts its blocks"
            );
            invocation.contexts.of_run(Scope::Plan, None).await
        }
        found => found,
    }
}

/// The console offers a redrive first, which finds the same outcomes of the same blocks.
fn with_the_way_out(mut error: PipelineError) -> PipelineError {
    if error.name == ErrorName::RunHadFailures {
        error.message += ". Start a new execution with \"incomplete_only\": a redrive of this one only counts its blocks again";
    }
    error
}
