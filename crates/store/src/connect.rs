//! [`Store`], the pool of connections to the database.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Metrics, Object, Pool, PoolError, RecyclingMethod,
    Runtime,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};

use crate::error::{StoreError, classify_connect};
use crate::life::{Life, MAX_SILENCE};
use crate::lock_session::LockSession;

mod dial;
mod login;
mod session;
mod tls;
mod url;

use dial::{Dial, OpenConnections};
use login::CurrentLogin;
pub use login::{Address, Login, ReadLogin, ReadLoginError, SecretLogin};
use session::ReadOnly;
pub use tls::Authorities;
use tls::Trust;

const CONNECT_LIMIT: Duration = Duration::from_secs(15);
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(60);
const RECYCLE_LIMIT: Duration = Duration::from_secs(5);
/// A connection that was taken from the pool so short a time ago is not checked again: the check
/// would cost as much as most of the statements that it is taken for.
const FRESH: Duration = Duration::from_secs(1);
/// In a rotation the database and the secret change one after the other.
const BETWEEN_LOGINS: Duration = Duration::from_secs(2);
/// How long to wait until closed connections have left this process.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// Options of [`Store::connect`].
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Maximum number of connections; at least 2. Each [`Claim`](crate::Claim) takes one, and one
    /// is reserved for everything else.
    pub max_connections: usize,
    /// The setting that holds the URL, for messages.
    pub setting: &'static str,
    /// Trusted instead of the built-in authorities, which are the machine's and those of Amazon
    /// RDS.
    pub authorities: Option<Authorities>,
    /// The login of a secret, instead of the URL's.
    pub login: Option<SecretLogin>,
    /// How long a process may be silent before another one that needs its lock ends its session.
    pub max_silence: Duration,
    /// Whether a server or login will do that takes no writes, since none are meant.
    pub only_reads: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_connections: 2,
            setting: "DATABASE_URL",
            authorities: None,
            login: None,
            max_silence: MAX_SILENCE,
            only_reads: false,
        }
    }
}

/// A pool of connections to the database. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    claims: Arc<Semaphore>,
    login: Option<CurrentLogin>,
    open: OpenConnections,
    /// Where the servers are, for messages.
    address: Arc<str>,
    /// The setting that holds the URL, for messages.
    setting: &'static str,
    has_own_sessions: Arc<OnceCell<()>>,
    pub(crate) life: Life,
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
    /// [`StoreError::InvalidUrl`], [`StoreError::Authorities`], [`StoreError::NoCertificates`],
    /// [`StoreError::Tls`].
    pub fn connect(url: &SecretString, options: &StoreOptions) -> Result<Self, StoreError> {
        let target = target(url, options)?;
        let address = target.address().into();
        let login = options.login.as_ref().map(CurrentLogin::new);
        let open = OpenConnections::default();
        let manager = manager(target, options, login.clone(), open.clone())?;
        let size = options.max_connections.max(2);
        let pool = Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT_FOR_CONNECTION))
            .create_timeout(Some(CONNECT_LIMIT))
            .post_create(prepare_session(options.only_reads))
            .post_recycle(check_session(options.only_reads))
            .build()
            .map_err(|e| StoreError::Tls { why: e.to_string() })?;
        Ok(Self {
            life: Life::new(pool.clone(), options.max_silence),
            pool,
            claims: Arc::new(Semaphore::new(size - 1)),
            login,
            open,
            address,
            setting: options.setting,
            has_own_sessions: Arc::default(),
        })
    }

    /// Checks a URL as [`Store::connect`] does, without connecting. `setting` is the key that holds
    /// it.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidUrl`], which names the part that is wrong, without its value.
    pub fn check_url(setting: &'static str, url: &SecretString) -> Result<(), StoreError> {
        url::parse(url.expose_secret())
            .map(|_| ())
            .map_err(|error| error.of_setting(setting))
    }

    /// Closes the connections that nobody uses, and waits until they have left this process.
    ///
    /// A Lambda environment is frozen between its invocations and keeps its connections for all
    /// that time, so a server would soon have none left.
    pub async fn close_idle(&self) {
        let kept = self.open.count();
        let closed = self.pool.retain(|_, _| false).removed.len();
        let left = kept.saturating_sub(closed);
        let deadline = Instant::now() + CLOSE_LIMIT;
        while self.open.count() > left && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
    }

    pub(crate) fn max_connections(&self) -> usize {
        self.pool.status().max_size
    }

    pub(crate) async fn client(&self) -> Result<Object, StoreError> {
        self.has_own_sessions
            .get_or_try_init(|| Box::pin(self.check_own_sessions()))
            .await?;
        self.pooled().await
    }

    /// Where the servers are: `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    fn connection_error(&self, error: PoolError) -> StoreError {
        from_pool_error(error)
            .at(&self.address)
            .of_setting(self.setting)
    }

    /// The check takes both connections from the pool, where they are needed right after it. One is
    /// looked at while the other one is opened.
    async fn check_own_sessions(&self) -> Result<(), StoreError> {
        let looked_at = async {
            let one = self.pooled().await?;
            let looks = session::look(&one).await?;
            Ok((one, looks))
        };
        let ((one, looks), other) = tokio::try_join!(looked_at, self.pooled())?;
        let other = LockSession::new(other);
        session::check_own_session(&one, looks, other.client()?).await?;
        other.return_to_pool();
        Ok(())
    }

    /// If the login is refused and comes from a secret, the secret is read again, once.
    async fn pooled(&self) -> Result<Object, StoreError> {
        let used = self.login.as_ref().map(CurrentLogin::number);
        let error = match self.pool.get().await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        let (Some(login), Some(used)) = (&self.login, used) else {
            return Err(self.connection_error(error));
        };
        if !refuses_login(&error) || !login.renew(used).await? {
            return Err(self.connection_error(error));
        }
        match self.pool.get().await {
            // The database does not have the new password yet.
            Err(error) if refuses_login(&error) => {
                sleep(BETWEEN_LOGINS).await;
                self.pool
                    .get()
                    .await
                    .map_err(|error| self.connection_error(error))
            }
            other => other.map_err(|error| self.connection_error(error)),
        }
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

fn target(url: &SecretString, options: &StoreOptions) -> Result<url::Target, StoreError> {
    let url = url.expose_secret();
    let target = match &options.login {
        Some(secret) => url::parse_with_address(url, &secret.address),
        None => url::parse(url),
    };
    target.map_err(|error| error.of_setting(options.setting))
}

fn manager(
    target: url::Target,
    options: &StoreOptions,
    login: Option<CurrentLogin>,
    open: OpenConnections,
) -> Result<Manager, StoreError> {
    let mut config = target.config;
    keep_alive(&mut config);
    let recycling = ManagerConfig {
        // `check_session` sends the query before reuse, if it is time for one.
        recycling_method: RecyclingMethod::Fast,
    };
    if config.get_ssl_mode() == SslMode::Disable {
        let tls = NoTls;
        return Ok(Manager::from_connect(
            config,
            Dial { tls, login, open },
            recycling,
        ));
    }
    let trust = match (&options.authorities, target.root_certificates) {
        (Some(authorities), _) => Trust::Only(authorities),
        (None, url::RootCertificates::File(path)) => Trust::File(path),
        (None, url::RootCertificates::System) => Trust::Machine,
        (None, url::RootCertificates::NotGiven) => Trust::BuiltIn,
    };
    let tls = tls::connector(&trust)?;
    Ok(Manager::from_connect(
        config,
        Dial { tls, login, open },
        recycling,
    ))
}

fn prepare_session(only_reads: bool) -> Hook {
    Hook::async_fn(move |client, _| {
        Box::pin(async move {
            match session::prepare(client).await.map_err(HookError::Backend)? {
                Some(read_only) if !only_reads => Err(HookError::message(read_only.as_str())),
                _ => Ok(()),
            }
        })
    })
}

/// Sends a query before a connection is used again after a while: a frozen Lambda environment does
/// not notice that the server has closed its connections, and a failover may have left the server
/// read-only.
fn check_session(only_reads: bool) -> Hook {
    let look = if only_reads {
        session::STILL_THERE
    } else {
        session::STILL_WRITABLE
    };
    Hook::async_fn(move |client, metrics: &Metrics| {
        let is_fresh = metrics.last_used() < FRESH;
        Box::pin(async move {
            if is_fresh {
                return Ok(());
            }
            let checked = timeout(RECYCLE_LIMIT, client.batch_execute(look)).await;
            checked
                .map_err(|_| HookError::message("the server did not reply in time"))?
                .map_err(HookError::Backend)
        })
    })
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

/// SQLSTATE class 28: user or password are not accepted.
fn refuses_login(error: &PoolError) -> bool {
    let (PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error))) = error
    else {
        return false;
    };
    error
        .code()
        .is_some_and(|state| state.code().starts_with("28"))
}

fn from_pool_error(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            classify_connect(&error)
        }
        PoolError::PostCreateHook(HookError::Message(message)) => {
            match ReadOnly::ALL.iter().find(|it| it.as_str() == message) {
                Some(ReadOnly::BySetting) => StoreError::ReadOnly,
                Some(ReadOnly::Standby) => StoreError::unavailable(
                    "connecting",
                    "the server is a standby and takes no writes; if there is no failover now, \
                     DATABASE_URL leads to a reader, and has to lead to the writer",
                ),
                None => StoreError::unavailable("connecting", message.into_owned()),
            }
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
