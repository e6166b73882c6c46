//! The login of a secret, which somebody may replace while the program runs.

use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use tokio::time::sleep;
use tokio_postgres::Config;

use crate::error::StoreError;

/// A rotation changes the database's password and the secret one after the other.
const BETWEEN_READS: Duration = Duration::from_secs(2);

/// Who logs in.
#[derive(Debug, Clone)]
pub struct Login {
    /// The role.
    pub user: String,
    /// Its password.
    pub password: SecretString,
}

/// Where the database is, as far as a secret says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// Name or address of the server.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// The database's name.
    pub database: Option<String>,
}

/// A login that comes from a secret.
#[derive(Clone)]
pub struct SecretLogin {
    /// The login as it was read first.
    pub login: Login,
    /// What the secret says of the address. It wins over the URL.
    pub address: Address,
    /// Reads the secret again.
    pub source: Arc<dyn ReadLogin>,
}

impl std::fmt::Debug for SecretLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretLogin")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Reads a login again after the database has refused it.
pub trait ReadLogin: Send + Sync {
    /// Reads the login.
    fn read_login(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Login, ReadLoginError>> + Send + '_>>;
}

/// Why a login cannot be read.
#[derive(Debug, Clone)]
pub struct ReadLoginError {
    /// What is wrong, with the setting that names the secret.
    pub message: String,
    /// Whether a later try may succeed.
    pub is_transient: bool,
}

/// The login that new connections use. All clones share it.
#[derive(Clone)]
pub(super) struct CurrentLogin {
    current: Arc<RwLock<Numbered>>,
    source: Arc<dyn ReadLogin>,
    reading: Arc<Mutex<()>>,
}

#[derive(Clone)]
struct Numbered {
    login: Login,
    number: u64,
}

impl CurrentLogin {
    pub(super) fn new(secret: &SecretLogin) -> Self {
        Self {
            current: Arc::new(RwLock::new(Numbered {
                login: secret.login.clone(),
                number: 0,
            })),
            source: Arc::clone(&secret.source),
            reading: Arc::default(),
        }
    }

    pub(super) fn apply(&self, config: &mut Config) {
        let Numbered { login, .. } = self.get();
        config
            .user(login.user.as_str())
            .password(login.password.expose_secret());
    }

    /// Changes whenever another login was read.
    pub(super) fn number(&self) -> u64 {
        self.get().number
    }

    /// Reads the secret again, because the database has refused the login with this number. Returns
    /// whether there is another login now.
    ///
    /// In the middle of a rotation the secret may still have the former password while the database
    /// has the new one already. So an unchanged secret is read twice.
    pub(super) async fn renew(&self, refused: u64) -> Result<bool, StoreError> {
        let _one_reads = self.reading.lock().await;
        for pause in [Duration::ZERO, BETWEEN_READS] {
            sleep(pause).await;
            if self.number() != refused {
                return Ok(true);
            }
            let login = self.source.read_login().await.map_err(unreadable)?;
            if self.replace(login) {
                tracing::info!("database login read again from its secret");
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn replace(&self, login: Login) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let is_same = current.login.user == login.user
            && current.login.password.expose_secret() == login.password.expose_secret();
        if !is_same {
            *current = Numbered {
                login,
                number: current.number + 1,
            };
        }
        !is_same
    }

    fn get(&self) -> Numbered {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn unreadable(error: ReadLoginError) -> StoreError {
    if error.is_transient {
        return StoreError::unavailable("reading the login again", error.message);
    }
    StoreError::LoginSecret { why: error.message }
}
