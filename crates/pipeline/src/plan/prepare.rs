//! What a plan adds to the database before it is made.

use std::collections::BTreeMap;

use config::ConfigVersion;
use store::{ProviderFacts, RunConfig, RunEntry, RunRecord};
use uuid::Uuid;

use super::start::active_from;
use crate::context::{Context, Provider};
use crate::error::{ErrorName, PipelineError, to_json};
use crate::event::PlanRequest;

/// Writes what the views of the database need to know of the configuration: the planned providers,
/// and those that are expected.
pub(crate) async fn write_facts<'a>(
    ctx: &'a Context,
    planned: impl Iterator<Item = Provider<'a>>,
) -> Result<(), PipelineError> {
    // A provider with `active_from` is expected before its first plan, so the views must know it.
    let is_expected = |it: &Provider<'_>| it.config.enabled && it.config.active_from.is_some();
    let providers: BTreeMap<_, _> = planned
        .chain(ctx.providers().filter(is_expected))
        .map(|provider| (provider.name.clone(), provider.config.provider_id))
        .collect();
    let providers: Vec<_> = providers.into_iter().collect();
    ctx.store().upsert_providers(&providers).await?;
    let facts: Vec<_> = (ctx.providers())
        .map(|provider| provider_facts(ctx, provider))
        .collect::<Result<_, _>>()?;
    let invalid = ctx.config().providers.all_invalid();
    let unreadable: Vec<_> = invalid.map(|(name, _)| name).collect();
    let store = ctx.store();
    store
        .write_configuration(ctx.zone(), &facts, &unreadable)
        .await?;
    Ok(())
}

/// What the views of the database know of an entry.
fn provider_facts(ctx: &Context, provider: Provider<'_>) -> Result<ProviderFacts, PipelineError> {
    Ok(ProviderFacts {
        name: provider.name.clone(),
        active_from: active_from(ctx, provider)?,
        lag_hours: ctx.config().env.lag_of(provider.config.lag_hours),
        enabled: provider.config.enabled,
    })
}

/// Adds the run to the database. A plan that is repeated before it was complete may have another
/// configuration than before, since no step has begun. A repetition has the same request.
pub(super) async fn create_run(
    ctx: &Context,
    request: &PlanRequest,
    run_id: Uuid,
    config: &ConfigVersion,
) -> Result<(), PipelineError> {
    let run = RunRecord {
        run_id,
        stage: ctx.config().env.stage,
        request: to_json(request)?,
        config: etags(config),
    };
    match ctx.store().create_run(&run).await? {
        RunEntry::Entered => Ok(()),
        RunEntry::OtherConfig => check_config(false),
        RunEntry::OtherRequest => Err(PipelineError::new(
            ErrorName::InvalidInput,
            format!(
                "plan request: run {run_id} was begun with another request under the same execution; \
                 start a new execution"
            ),
        )),
    }
}

/// Records that the run's plan is complete.
pub(super) async fn finish_run(
    ctx: &Context,
    run_id: Uuid,
    block_count: u64,
    config: &ConfigVersion,
) -> Result<(), PipelineError> {
    let finished = ctx
        .store()
        .finish_plan(run_id, block_count, &etags(config))
        .await?;
    check_config(finished)
}

fn etags(config: &ConfigVersion) -> RunConfig {
    RunConfig {
        settings_etag: config.settings.etag.clone(),
        providers_etag: config.providers.as_ref().map(|it| it.etag.clone()),
    }
}

/// A run has one configuration. Its steps may have begun with the one that the run has.
fn check_config(is_of_run: bool) -> Result<(), PipelineError> {
    if is_of_run {
        return Ok(());
    }
    Err(PipelineError::new(
        ErrorName::ConfigInvalid,
        "the configuration changed after the run was planned; start the run again",
    ))
}
