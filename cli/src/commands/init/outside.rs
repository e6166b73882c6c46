//! What a set-up is tried on: database, portal and provider.

use std::time::Duration;

use anyhow::Context as _;
use config::{Environment, Scope, Settings};
use pipeline::{
    Conclusion, Context, HOW_TO_MOVE_IN, MigrationRequest, OTHER_TABLES, Outcome, PipelineError,
    ProbedHour, Verdict,
};
use store::{Store, StoreOptions};
use trips::block::ProviderName;

use super::answers::Answers;
use super::bucket::Bucket;
use super::local;
use crate::failure::usage;

const CONNECTIONS: usize = 7;
const LIMIT: Duration = Duration::from_secs(30);

/// The result of a probe.
pub(super) struct Probed {
    pub(super) provider: ProviderName,
    /// An hour that the provider should have.
    pub(super) label: String,
    /// Whether the city publishes.
    pub(super) has_portal: bool,
    pub(super) conclusion: Conclusion,
}

/// Checks whether the database and the portal that the settings name can be used: before anything
/// is stored, so that a correction is one of the local file.
pub(super) async fn check(answers: &Answers, bucket: &Bucket) -> anyhow::Result<()> {
    let Some(text) = answers
        .settings
        .as_ref()
        .filter(|_| bucket.settings.is_none())
    else {
        return Ok(());
    };
    let settings = Settings::from_json(text.as_bytes())?;
    if let (Some(url), None) = (
        settings.postgres_url("DATABASE_URL")?,
        settings.authorities()?,
    ) {
        let store = Store::connect(url, &StoreOptions::default()).map_err(PipelineError::from)?;
        let server = store
            .server_info()
            .await
            .map_err(PipelineError::from)
            .with_context(|| {
                format!(
                    "correct DATABASE_URL in {} and run `mds init` again",
                    local::SETTINGS
                )
            })?;
        store.close_idle().await;
        note!(
            "database: Postgres {} at {}",
            server.version,
            store.address()
        );
    }
    for check in pipeline::examine_portal(&settings, LIMIT).await {
        if check.outcome == Outcome::Broken {
            return Err(usage(format!(
                "{}: {}; correct it, in {} if it is a setting, and run `mds init` again",
                check.check,
                check.finding,
                local::SETTINGS
            )));
        }
    }
    Ok(())
}

/// Creates or updates the tables. Returns the migrations that were applied. Stops before the tables
/// of another tool: to take them over is a decision, with choices, that cannot be undone.
pub(super) async fn migrate(env: &Environment) -> anyhow::Result<Vec<i32>> {
    let config = Box::pin(config::load_for(env.clone(), Scope::Migrate, None)).await?;
    let mut request = MigrationRequest {
        dry_run: true,
        ..MigrationRequest::default()
    };
    let planned = Box::pin(pipeline::migrate(&config, &request)).await?;
    if !planned.tables.is_empty() || !planned.obstacles.is_empty() {
        return Err(usage(format!(
            "{OTHER_TABLES}, which `mds init` leaves as they are; {HOW_TO_MOVE_IN}. Then run `mds init` again"
        )));
    }
    request.dry_run = false;
    let report = Box::pin(pipeline::migrate(&config, &request)).await?;
    Ok(report.applied)
}

/// Probes the provider that was named, or else the first one that is enabled.
pub(super) async fn probe(env: &Environment, name: Option<&str>) -> anyhow::Result<Option<Probed>> {
    let ctx = Box::pin(Context::connect(env.clone(), CONNECTIONS)).await?;
    let first = || {
        let mut enabled = ctx.config().providers.iter().filter(|(_, it)| it.enabled);
        enabled.next().map(|(name, _)| name.clone())
    };
    let name = match name {
        Some(name) => Some(
            name.parse()
                .map_err(|error| usage(format!("--provider {name}: {error}")))?,
        ),
        None => first(),
    };
    let Some(name) = name else {
        return Ok(None);
    };
    note!("asking {name} for a few hours ...");
    let report = Box::pin(pipeline::probe(&ctx, &name, None, |_: &ProbedHour| ())).await?;
    ctx.close_idle().await;
    for finding in report
        .findings
        .iter()
        .filter(|it| matches!(it.verdict, Verdict::Harm | Verdict::Unreachable))
    {
        let verdict = match finding.verdict {
            Verdict::Unreachable => "unreachable",
            _ => "HARM",
        };
        note!("{verdict}, {}: {}", finding.about, finding.text);
        if let Some(remedy) = &finding.remedy {
            note!("  -> {remedy}");
        }
    }
    match report.conclusion {
        Conclusion::CanBeIngested => note!("{name} can be ingested"),
        Conclusion::Harmful => {
            note!("{name} would lose or spoil trips; `mds probe --provider {name}` says more");
        }
        Conclusion::Unreachable => {
            note!("{name} gave no hour; `mds probe --provider {name}` says more");
        }
    }
    let label = report
        .hours
        .first()
        .map(|hour| hour.label.clone())
        .unwrap_or_default();
    Ok(Some(Probed {
        provider: name,
        label,
        has_portal: ctx.config().settings.has_portal,
        conclusion: report.conclusion,
    }))
}
