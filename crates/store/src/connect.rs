//! [`Store`], the pool of connections to the database.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_postgres::{Config, NoTls};

use crate::error::{StoreError, classify_connect};

mod tls;
mod url;

const CONNECT_LIMIT: Duration = Duration::from_secs(15);
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(60);
const RECYCLE_LIMIT: Duration = Duration::from_secs(5);

/// Settings of each session.
///
/// `statement_timeout` leaves time for the load of a big hour on a small server. The server checks
/// every 5 seconds whether the client of a running statement is still connected, so that a claim
/// does not outlive its process. A claim is idle while it waits for a provider or the portal: it
/// must not end for that, whatever the server's own limit is, and the server's keep-alives end it
/// within a minute if its machine has vanished without closing the connection. Postgres before
/// version 14 does not know all of these settings, so the statement skips unknown ones.
const SESSION_SETTINGS: &str = "
    SELECT set_config(name, value, false)
    FROM (VALUES
        ('application_name', 'mds-etl'),
        ('TimeZone', 'UTC'),
        ('default_transaction_isolation', 'read committed'),
        ('client_min_messages', 'warning'),
        ('statement_timeout', '10min'),
        ('lock_timeout', '60s'),
        ('idle_in_transaction_session_timeout', '10min'),
        ('idle_session_timeout', '0'),
        ('client_connection_check_interval', '5s'),
        ('tcp_keepalives_idle', '20'),
        ('tcp_keepalives_interval', '10'),
        ('tcp_keepalives_count', '3'),
        ('tcp_user_timeout', '60s'),
        ('jit', 'off')
    ) AS setting (name, value)
    WHERE current_setting(name, true) IS NOT NULL";

/// Options of [`Store::connect`].
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Maximum number of connections; at least 2. Each [`Claim`](crate::Claim) takes one, and one
    /// is reserved for everything else.
    pub max_connections: usize,
    /// PEM file of certificate authorities to trust in addition to the machine's, such as RDS's.
    pub ca_bundle: Option<PathBuf>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_connections: 2,
            ca_bundle: None,
        }
    }
}

/// A pool of connections to the database. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    claims: Arc<Semaphore>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Creates the pool. The first use of it connects.
    ///
    /// TLS with a verified certificate is required, whatever `sslmode` says, unless every host is
    /// loopback or a Unix socket (docs/CONTRACT.md, "Settings").
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidUrl`], [`StoreError::CaBundle`], [`StoreError::NoCertificates`],
    /// [`StoreError::Tls`].
    pub fn connect(url: &SecretString, options: &StoreOptions) -> Result<Self, StoreError> {
        let target = url::parse(url.expose_secret())?;
        let manager = manager(target, options)?;
        let size = options.max_connections.max(2);
        let pool = Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT_FOR_CONNECTION))
            .create_timeout(Some(CONNECT_LIMIT))
            .recycle_timeout(Some(RECYCLE_LIMIT))
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move {
                    client
                        .batch_execute(SESSION_SETTINGS)
                        .await
                        .map_err(HookError::Backend)
                })
            }))
            .build()
            .map_err(|e| StoreError::Tls { why: e.to_string() })?;
        Ok(Self {
            pool,
            claims: Arc::new(Semaphore::new(size - 1)),
        })
    }

    /// Checks a URL as [`Store::connect`] does, without connecting.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidUrl`], which names the part that is wrong, without its value.
    pub fn check_url(url: &SecretString) -> Result<(), StoreError> {
        url::parse(url.expose_secret()).map(|_| ())
    }

    pub(crate) async fn client(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(from_pool_error)
    }

    /// A connection that a claim holds for long.
    ///
    /// One connection of the pool is never given to a claim. Otherwise workers that hold claims and
    /// briefly need another connection could wait for each other forever.
    pub(crate) async fn client_for_claim(
        &self,
    ) -> Result<(Object, OwnedSemaphorePermit), StoreError> {
        let permit = timeout(
            WAIT_FOR_CONNECTION,
            Arc::clone(&self.claims).acquire_owned(),
        )
        .await;
        match permit {
            Ok(Ok(permit)) => Ok((self.client().await?, permit)),
            Ok(Err(_)) | Err(_) => Err(no_connection_free()),
        }
    }
}

fn manager(target: url::Target, options: &StoreOptions) -> Result<Manager, StoreError> {
    let mut config = target.config;
    keep_alive(&mut config);
    let recycling = ManagerConfig {
        // Sends a query before reuse: a frozen Lambda environment does not notice that the server
        // has closed its connections.
        recycling_method: RecyclingMethod::Verified,
    };
    if config.get_ssl_mode() == tokio_postgres::config::SslMode::Disable {
        return Ok(Manager::from_config(config, NoTls, recycling));
    }
    let bundle = options.ca_bundle.as_ref().or(target.ca_bundle.as_ref());
    let tls = tls::connector(bundle)?;
    Ok(Manager::from_config(config, tls, recycling))
}

fn keep_alive(config: &mut Config) {
    config
        .connect_timeout(CONNECT_LIMIT)
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_secs(10))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(60));
}

fn from_pool_error(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            classify_connect(&error)
        }
        PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => no_connection_free(),
        PoolError::Timeout(_) => StoreError::unavailable(
            "connecting",
            format!("no response within {} s", CONNECT_LIMIT.as_secs()),
        ),
        other => StoreError::unavailable("connecting", other.to_string()),
    }
}

fn no_connection_free() -> StoreError {
    StoreError::unavailable(
        "connecting",
        format!(
            "all connections were in use for {} s; raise the number of connections or lower the concurrency",
            WAIT_FOR_CONNECTION.as_secs()
        ),
    )
}

#[cfg(test)]
mod tests;
