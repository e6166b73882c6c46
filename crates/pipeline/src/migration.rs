//! Migrates the database that the settings name: for `mds migrate`, `mds init` and the event of the
//! function `plan-blocks`.

use config::{Config, Providers};
use serde::{Deserialize, Serialize};
use store::{HoursAre, MigrationReport, Store, TableChange, TakeOver};
use trips::block::ProviderName;
use uuid::Uuid;

use crate::context::Context;
use crate::database::open_for_migrations;
use crate::error::PipelineError;

/// What only a person can know of the tables of the Python tools, and whether anything is changed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MigrationRequest {
    /// The zone of times that were stored without one; `None` is UTC.
    pub timestamps_in: Option<String>,
    /// Which end of an hour the civil columns of the schedule tell; `None` to find out.
    pub hours_are: Option<HoursAre>,
    /// Whether only what would be done is told.
    pub dry_run: bool,
}

/// What is said of a database that another tool has used.
pub const OTHER_TABLES: &str = "the database has tables of another tool";
/// What to do with them: to take them over is a decision, with choices, that cannot be undone.
pub const HOW_TO_MOVE_IN: &str = "`mds migrate --dry-run` tells what would become of them, and docs/MIGRATING.md \
                                  how to move in";

/// The same error; if it is one of tables that lack migrations, and they are those of another tool,
/// it says so: its advice would be to take them over at once.
pub async fn name_other_tables(ctx: &Context, error: PipelineError) -> PipelineError {
    let is_other = error.is_not_migrated() && ctx.store().has_other_tables().await.unwrap_or(false);
    if is_other {
        let message = format!("{OTHER_TABLES}: {HOW_TO_MOVE_IN}");
        PipelineError::new(error.name, message).not_migrated()
    } else {
        error
    }
}

/// What a migration has done, for the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// The versions that were applied now, in their order.
    pub applied: Vec<i32>,
    /// The version that the tables have.
    pub version: i32,
    /// The tables of another tool that were taken over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableChange>,
    /// Choices, and what else became of the tables, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl From<MigrationReport> for Migrated {
    fn from(report: MigrationReport) -> Self {
        Self {
            applied: report.applied,
            version: report.version,
            tables: report.tables,
            notes: report.notes,
        }
    }
}

/// Says what a takeover does without: an old trip is found by its provider's name alone.
const NO_PROVIDERS_FILE: &str = "the bucket has no providers file, so trips are told apart by the names of their providers \
                                 alone, and those of a provider that its trips name otherwise get no block";

/// Creates or updates the tables, or takes over those of the Python tools, by the login for
/// migrations if the settings have one. A dry run tells what it would do and what is in its way,
/// and changes nothing.
///
/// The providers file tells under which MDS ids the trips of a provider arrive.
///
/// # Errors
///
/// `ConfigInvalid` if a setting of the database or the providers file is malformed, the role lacks
/// a right, a newer program has migrated the database or tables cannot be taken over;
/// `StorageUnavailable` if Secrets Manager or the bucket does not respond; `DatabaseUnavailable`;
/// `BlockBusy` if others use the tables.
pub async fn migrate(
    config: &Config,
    request: &MigrationRequest,
) -> Result<MigrationReport, PipelineError> {
    let providers = Box::pin(config::providers_beside(config)).await?;
    let default = TakeOver::default();
    let options = TakeOver {
        zone: config.settings.time_zone,
        timestamps_in: (request.timestamps_in.clone())
            .unwrap_or_else(|| default.timestamps_in.clone()),
        hours_are: request.hours_are,
        provider_ids: providers.as_ref().map(provider_ids).unwrap_or_default(),
        ..default
    };
    let store = open_for_migrations(config).await?;
    let mut report = if request.dry_run {
        store.plan_migration(&options).await?
    } else {
        let report = store.migrate_with(&options).await?;
        store.write_time_zone(&config.settings.time_zone).await?;
        report
    };
    store.close_idle().await;
    if providers.is_none() && !report.tables.is_empty() {
        report.notes.push(NO_PROVIDERS_FILE.to_owned());
    }
    Ok(report)
}

/// The MDS ids under which the trips of configured providers arrive.
fn provider_ids(providers: &Providers) -> Vec<(ProviderName, Uuid)> {
    let ids = providers.iter().flat_map(|(name, provider)| {
        let ids = provider.provider_ids.iter();
        ids.map(|id| (name.clone(), *id))
    });
    ids.collect()
}

/// The migrations that [`migrate`] would apply, in order. Changes nothing.
///
/// # Errors
///
/// As [`migrate`].
pub(crate) async fn missing_migrations(config: &Config) -> Result<Vec<String>, PipelineError> {
    let store = open_for_migrations(config).await?;
    let missing = store.missing_migrations().await?;
    store.close_idle().await;
    Ok(missing)
}

/// The version of the tables that this program works with.
#[must_use]
pub fn newest_migration() -> i32 {
    Store::newest_version()
}
