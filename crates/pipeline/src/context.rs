//! What every step needs, built once per process or Lambda environment.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use boundaries::Boundaries;
use chrono::{DateTime, Utc};
use config::{Config, Environment};
use mds_client::MdsClient;
use socrata::{SocrataClient, SocrataConfig};
use store::{Store, StoreOptions};
use tokio::sync::{Mutex, OnceCell};
use trips::block::{Block, BlockObject, ProviderName, object_key};
use trips::ids::PublicIdKey;
use trips::status::StepSelection;
use trips::time::CivilZone;
use vault::Vault;

use crate::error::{ErrorName, PipelineError};

/// Configuration and clients, shared by all the blocks that a process works on.
///
/// Clients are made when a step first needs them, so that `plan` needs no portal and `extract` no
/// boundaries.
pub struct Context {
    config: Config,
    store: Store,
    http: reqwest::Client,
    providers: Mutex<BTreeMap<ProviderName, Arc<MdsClient>>>,
    boundaries: OnceCell<Arc<Boundaries>>,
    portal: OnceLock<Portal>,
}

/// The portal's client, and the turn to use it: Socrata locks a dataset while it is written.
#[derive(Clone)]
pub(crate) struct Portal {
    pub(crate) client: SocrataClient,
    pub(crate) dataset: String,
    pub(crate) chunk_rows: usize,
    pub(crate) turn: Arc<Mutex<()>>,
}

impl Context {
    /// Puts together what was loaded and connected.
    ///
    /// # Errors
    ///
    /// `ConfigInvalid` if the HTTP client cannot be built (no TLS roots on this machine).
    pub fn new(config: Config, store: Store) -> Result<Self, PipelineError> {
        Ok(Self {
            config,
            store,
            http: http_kit::client().map_err(|e| {
                PipelineError::new(
                    ErrorName::ConfigInvalid,
                    format!("this machine's HTTP client cannot be built: {e}"),
                )
            })?,
            providers: Mutex::default(),
            boundaries: OnceCell::new(),
            portal: OnceLock::new(),
        })
    }

    /// Reads the configuration that the environment leads to, and makes ready to connect to the
    /// database with at most so many connections.
    ///
    /// # Errors
    ///
    /// `ConfigInvalid` if something is missing or malformed; `StorageUnavailable` if the bucket or
    /// Secrets Manager cannot be reached.
    pub async fn connect(env: Environment, max_connections: usize) -> Result<Self, PipelineError> {
        let config = config::load(env).await?;
        let options = StoreOptions {
            max_connections,
            ..StoreOptions::default()
        };
        let store = Store::connect(config.settings.database_url()?, &options)?;
        Self::new(config, store)
    }

    /// The configuration as it was read.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The bucket.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.config.vault
    }

    /// The city's time zone.
    #[must_use]
    pub fn zone(&self) -> &CivilZone {
        &self.config.settings.time_zone
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    pub(crate) fn key(&self, block: &Block, object: BlockObject) -> String {
        object_key(self.config.env.stage, block, self.zone(), object)
    }

    pub(crate) fn provider_config(
        &self,
        name: &ProviderName,
    ) -> Result<&mds_client::ProviderConfig, PipelineError> {
        self.config.providers.get(name).ok_or_else(|| {
            let known: Vec<_> = self
                .config
                .providers
                .keys()
                .map(ToString::to_string)
                .collect();
            PipelineError::new(
                ErrorName::InvalidInput,
                format!(
                    "provider {name} is not in the providers file {}; it has: {}",
                    self.config.env.providers_key,
                    known.join(", ")
                ),
            )
        })
    }

    /// One client for a provider, so that its token and its connections serve all of its blocks.
    pub(crate) async fn provider_client(
        &self,
        name: &ProviderName,
    ) -> Result<Arc<MdsClient>, PipelineError> {
        let mut clients = self.providers.lock().await;
        if let Some(client) = clients.get(name) {
            return Ok(Arc::clone(client));
        }
        let config = self.provider_config(name)?.clone();
        let client = Arc::new(MdsClient::new(self.http.clone(), name.clone(), config)?);
        clients.insert(name.clone(), Arc::clone(&client));
        Ok(client)
    }

    pub(crate) async fn boundaries(&self) -> Result<Arc<Boundaries>, PipelineError> {
        let boundaries = self
            .boundaries
            .get_or_try_init(|| async {
                config::load_boundaries(self.vault(), &self.config.settings)
                    .await
                    .map(Arc::new)
            })
            .await?;
        Ok(Arc::clone(boundaries))
    }

    pub(crate) fn public_id_key(&self) -> Result<PublicIdKey, PipelineError> {
        Ok(self.config.settings.public_id_key()?)
    }

    /// Looks at the settings that these steps need, so that what is wrong with them is said once
    /// and before any work.
    pub(crate) fn check_settings(&self, steps: StepSelection) -> Result<(), PipelineError> {
        if steps.sync_db {
            self.public_id_key()?;
        }
        if steps.sync_socrata {
            self.portal()?;
        }
        Ok(())
    }

    pub(crate) fn portal(&self) -> Result<Portal, PipelineError> {
        if let Some(portal) = self.portal.get() {
            return Ok(portal.clone());
        }
        let config: SocrataConfig = self.config.settings.socrata()?;
        let portal = Portal {
            dataset: config.dataset.to_string(),
            chunk_rows: config.chunk_rows,
            client: SocrataClient::new(self.http.clone(), config)?,
            turn: Arc::default(),
        };
        Ok(self.portal.get_or_init(|| portal).clone())
    }
}
