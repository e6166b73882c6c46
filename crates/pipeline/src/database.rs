//! Opens the database that the settings name.

use std::pin::Pin;
use std::sync::Arc;

use config::{Config, Database, DatabaseRole, LoginSecret, SecretContent};
use secrecy::SecretString;
use serde::Serialize;
use store::{
    Address, Authorities, HoursAre, Login, MigrationReport, ReadLogin, ReadLoginError, SecretLogin,
    Store, StoreOptions, TakeOver,
};
use trips::block::ProviderName;
use uuid::Uuid;

use crate::error::PipelineError;

/// A URL whose address a secret fills in.
const NO_ADDRESS: &str = "postgresql:///";

/// Two connections: one works, the other is reserved.
const FEW_CONNECTIONS: usize = 2;

/// Opens a pool of at most `max_connections` connections with the rights of a step. Reads the
/// secret that the settings name. The first query connects.
///
/// # Errors
///
/// `ConfigInvalid` if a setting of the database is missing or malformed; `StorageUnavailable` if
/// Secrets Manager or the bucket does not respond.
pub(crate) async fn open_store(
    config: &Config,
    max_connections: usize,
) -> Result<Store, PipelineError> {
    open(config, DatabaseRole::Runtime, max_connections, false).await
}

/// As [`open_store`], for reading alone.
///
/// # Errors
///
/// As [`open_store`].
pub(crate) async fn open_to_read(config: &Config) -> Result<Store, PipelineError> {
    open(config, DatabaseRole::Runtime, FEW_CONNECTIONS, true).await
}

/// As [`open_store`], with the rights of a migration.
///
/// # Errors
///
/// As [`open_store`].
pub(crate) async fn open_for_migrations(config: &Config) -> Result<Store, PipelineError> {
    open(config, DatabaseRole::Migrations, FEW_CONNECTIONS, false).await
}

/// What a migration has done, for the event `{"migrate": true}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// The versions that were applied now, in their order.
    pub applied: Vec<i32>,
    /// The version that the tables have.
    pub version: i32,
}

impl From<MigrationReport> for Migrated {
    fn from(report: MigrationReport) -> Self {
        Self {
            applied: report.applied,
            version: report.version,
        }
    }
}

/// What only a person can know of the tables of the Python tools.
#[derive(Debug, Clone, Default)]
pub struct MigrationRequest {
    /// The zone of times that were stored without one; `None` is UTC.
    pub timestamps_in: Option<String>,
    /// Which end of an hour the civil columns of the schedule tell; `None` to find out.
    pub hours_are: Option<HoursAre>,
    /// The MDS ids of the providers, as configured.
    pub provider_ids: Vec<(ProviderName, Uuid)>,
}

impl MigrationRequest {
    fn take_over(&self, config: &Config) -> TakeOver {
        let default = TakeOver::default();
        TakeOver {
            zone: config.settings.time_zone,
            timestamps_in: (self.timestamps_in.clone())
                .unwrap_or_else(|| default.timestamps_in.clone()),
            hours_are: self.hours_are,
            provider_ids: self.provider_ids.clone(),
            ..default
        }
    }
}

/// The MDS ids under which the trips of configured providers arrive.
#[must_use]
pub fn provider_ids(config: &Config) -> Vec<(ProviderName, Uuid)> {
    let providers = config.providers.iter();
    providers
        .flat_map(|(name, provider)| {
            let further = provider.provider_ids.iter().copied();
            let ids = std::iter::once(provider.provider_id).chain(further);
            ids.map(|id| (name.clone(), id))
        })
        .collect()
}

/// [`migrate_with`], without anything that only a person can know.
///
/// # Errors
///
/// As [`migrate_with`].
pub async fn migrate(config: &Config) -> Result<Migrated, PipelineError> {
    let report = migrate_with(config, &MigrationRequest::default()).await?;
    Ok(report.into())
}

/// Creates or updates the tables, or takes over those of the Python tools, by the login for
/// migrations if the settings have one.
///
/// # Errors
///
/// `ConfigInvalid` if a setting of the database is missing or malformed, the role lacks a right, a
/// newer program has migrated the database or tables cannot be taken over; `StorageUnavailable` if
/// Secrets Manager or the bucket does not respond; `DatabaseUnavailable`; `BlockBusy` if others use
/// the tables.
pub async fn migrate_with(
    config: &Config,
    request: &MigrationRequest,
) -> Result<MigrationReport, PipelineError> {
    let store = open_for_migrations(config).await?;
    let report = store.migrate_with(&request.take_over(config)).await?;
    store.write_time_zone(&config.settings.time_zone).await?;
    store.close_idle().await;
    Ok(report)
}

/// What [`migrate_with`] would do, and what is in its way. Changes nothing.
///
/// # Errors
///
/// As [`migrate_with`].
pub async fn plan_migration(
    config: &Config,
    request: &MigrationRequest,
) -> Result<MigrationReport, PipelineError> {
    let store = open_for_migrations(config).await?;
    let report = store.plan_migration(&request.take_over(config)).await?;
    store.close_idle().await;
    Ok(report)
}

/// The migrations that [`migrate`] would apply, in order. Changes nothing.
///
/// # Errors
///
/// As [`migrate`].
pub async fn missing_migrations(config: &Config) -> Result<Vec<String>, PipelineError> {
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

async fn open(
    config: &Config,
    role: DatabaseRole,
    max_connections: usize,
    only_reads: bool,
) -> Result<Store, PipelineError> {
    let Database {
        setting,
        url,
        secret,
        authorities,
    } = Box::pin(config::database(config, role)).await?;
    let options = StoreOptions {
        max_connections,
        setting,
        authorities: authorities
            .map(|it| Authorities::from_pem(it.source, &it.pem))
            .transpose()?,
        login: secret.map(secret_login),
        only_reads,
        ..StoreOptions::default()
    };
    let url = url.unwrap_or_else(|| SecretString::from(NO_ADDRESS));
    Ok(Store::connect(&url, &options)?)
}

fn secret_login((source, content): (LoginSecret, SecretContent)) -> SecretLogin {
    SecretLogin {
        address: Address {
            host: content.host,
            port: content.port,
            database: content.database,
        },
        login: Login {
            user: content.user,
            password: content.password,
        },
        source: Arc::new(Source(source)),
    }
}

struct Source(LoginSecret);

impl ReadLogin for Source {
    fn read_login(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Login, ReadLoginError>> + Send + '_>> {
        Box::pin(async {
            let content = self.0.read().await.map_err(|error| ReadLoginError {
                is_transient: error.is_transient(),
                message: error.to_string(),
            })?;
            Ok(Login {
                user: content.user,
                password: content.password,
            })
        })
    }
}
