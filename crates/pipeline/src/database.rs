//! Opens the database that the settings name.

use std::pin::Pin;
use std::sync::Arc;

use config::{Config, Database, DatabaseRole, LoginSecret, SecretContent};
use secrecy::SecretString;
use store::{
    Address, Authorities, Login, ReadLogin, ReadLoginError, SecretLogin, Store, StoreOptions,
};

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
