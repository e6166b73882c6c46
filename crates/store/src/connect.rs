//! The pool of connections.

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

use crate::error::{StoreError, connecting, failed};

mod tls;
mod url;

const CONNECT_LIMIT: Duration = Duration::from_secs(15);
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(60);
const RECYCLE_LIMIT: Duration = Duration::from_secs(5);

/// A session's settings.
///
/// A statement may take as long as the load of a big hour takes on a small server, but not for
/// ever. A client that vanished in the middle of a statement is noticed within seconds, so that its
/// claim does not outlive it. `client_connection_check_interval` is not known to servers before 14,
/// hence the look whether a name is known.
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
        ('client_connection_check_interval', '5s'),
        ('jit', 'off')
    ) AS setting (name, value)
    WHERE current_setting(name, true) IS NOT NULL";

/// How to connect.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Connections at most, 2 or more. Each [`Claim`](crate::Claim) takes one; the last is kept for
    /// everything else.
    pub max_connections: usize,
    /// PEM file of certificate authorities to trust beside the machine's, such as RDS's.
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

/// The database. Cheap to clone; all clones share the connections.
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
    /// Sets up the pool; the first use connects.
    ///
    /// TLS is required and the server's certificate checked, whatever `sslmode` says, unless every
    /// host is loopback or a Unix socket (docs/CONTRACT.md, Configuration).
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

    /// Makes sure that the database answers.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::Refused`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.client()
            .await?
            .batch_execute("SELECT 1")
            .await
            .map_err(failed("asking the database whether it is there"))
    }

    pub(crate) async fn client(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(of_pool)
    }

    /// A connection to hold for long. They are fewer than all, so that those who hold one and need
    /// another for a moment don't wait for each other for ever.
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
            Ok(Err(_)) | Err(_) => Err(none_free()),
        }
    }
}

fn manager(target: url::Target, options: &StoreOptions) -> Result<Manager, StoreError> {
    let mut config = target.config;
    keep_alive(&mut config);
    let recycling = ManagerConfig {
        // Asks the server: a Lambda environment that was frozen does not know that its connections
        // are gone.
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

fn of_pool(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            connecting(&error)
        }
        PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => none_free(),
        PoolError::Timeout(_) => StoreError::unavailable(
            "connecting",
            format!("no answer within {} s", CONNECT_LIMIT.as_secs()),
        ),
        other => StoreError::unavailable("connecting", other.to_string()),
    }
}

fn none_free() -> StoreError {
    StoreError::unavailable(
        "connecting",
        format!(
            "all connections were in use for {} s; raise the number of connections or lower the concurrency",
            WAIT_FOR_CONNECTION.as_secs()
        ),
    )
}
