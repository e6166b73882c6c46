//! What every step needs: configuration, database and clients, built once per process or Lambda
//! environment.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use boundaries::Boundaries;
use config::{BoundaryVersions, Config, ConfigVersion, Environment, Scope};
use mds_client::{MdsClient, MdsVersion, ProviderConfig};
use socrata::{SocrataClient, SocrataConfig};
use store::{RequestSlots, Store};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;
use trips::block::{Block, BlockObject, ProviderName, object_key};
use trips::ids::PublicIdKey;
use trips::public_row::{PublicForm, PublicTimes};
use trips::status::StepSelection;
use trips::time::CivilZone;
use uuid::Uuid;
use vault::Vault;

use crate::database::{open_store, open_to_read};
use crate::error::{ErrorName, PipelineError};
use crate::pace::SharedPace;
use crate::publish::dataset::check_dataset;
use crate::publish::refusals::Refusals;
use crate::publish::waiters::Waiters;

mod version;

/// Fernet keys are read again before a step if they are older. So a process that works for hours
/// takes up a new first key within minutes, although the old one still opens everything.
const MAX_KEY_AGE: Duration = Duration::from_secs(5 * 60);

/// Configuration, database and clients, shared by all the blocks that a process works on.
///
/// A client is built when a step first needs it, so that `plan` works without a portal and
/// `extract` without boundaries. Cheap to clone; all clones share what is built.
#[derive(Clone)]
pub struct Context {
    config: Arc<Config>,
    store: Store,
    slots: RequestSlots,
    http: reqwest::Client,
    clients: Arc<Mutex<BTreeMap<ProviderName, MdsClient>>>,
    boundary_versions: Arc<OnceCell<BoundaryVersions>>,
    boundaries: Arc<OnceCell<Arc<Boundaries>>>,
    portal: Arc<OnceLock<Portal>>,
    deadline: Option<Instant>,
}

/// A provider and its entry in the providers file.
#[derive(Clone, Copy)]
pub(crate) struct Provider<'a> {
    pub(crate) name: &'a ProviderName,
    pub(crate) config: &'a ProviderConfig,
}

impl Provider<'_> {
    /// Whether the provider's own list of vehicles is requested (2.0).
    pub(crate) fn has_vehicles(self) -> bool {
        self.config.version.rules().vehicles_apart && self.config.vehicles
    }

    /// The id under which `api.vehicles` has what the trips of an archive of this version lack.
    ///
    /// Trips of 2.0 get what is known already also if the entry requests no vehicles, or no longer
    /// those of 2.0: otherwise loading them again would erase it.
    pub(crate) fn vehicles_of(self, archive_version: Option<&str>) -> Option<Uuid> {
        let archived: Option<MdsVersion> = archive_version.and_then(|it| it.parse().ok());
        let is_apart = archived.is_some_and(|version| version.rules().vehicles_apart);
        (is_apart || self.has_vehicles()).then_some(self.config.provider_id)
    }

    /// Whether the points of trips are archived from the provider's telemetry (2.0).
    pub(crate) fn has_telemetry(self) -> bool {
        self.config.version.rules().vehicles_apart && self.config.telemetry
    }
}

/// The portal's client with the lock on its dataset: Socrata refuses a second writer.
#[derive(Clone)]
pub(crate) struct Portal {
    pub(crate) client: SocrataClient,
    pub(crate) dataset: String,
    pub(crate) chunk_rows: usize,
    /// Held by whoever uploads, or waits for another process's upload.
    pub(crate) lock: Arc<Mutex<()>>,
    /// What the portal has refused since it took something.
    pub(crate) refusals: Refusals,
    /// The blocks of this process that wait while another one uploads.
    pub(crate) waiters: Waiters,
    checked: Arc<OnceCell<()>>,
}

impl Portal {
    /// Checks the dataset before the first upload of this process.
    pub(crate) async fn check_dataset(&self) -> Result<(), PipelineError> {
        self.checked
            .get_or_try_init(|| check_dataset(&self.client))
            .await?;
        Ok(())
    }
}

impl Context {
    /// Reads the configuration that the environment names and prepares a pool of at most
    /// `max_connections` database connections. The first query connects.
    ///
    /// # Errors
    ///
    /// `ConfigInvalid` if something is missing or malformed, or if the machine has no TLS roots;
    /// `StorageUnavailable` if the bucket or Secrets Manager cannot be reached.
    pub async fn connect(env: Environment, max_connections: usize) -> Result<Self, PipelineError> {
        Box::pin(Self::connect_for(env, Scope::All, None, max_connections)).await
    }

    /// As [`Context::connect`], with what a scope needs of the configuration, and of a certain
    /// version of it if one is given.
    ///
    /// # Errors
    ///
    /// As [`Context::connect`]; `ConfigInvalid` if the bucket no longer has the version.
    pub async fn connect_for(
        env: Environment,
        scope: Scope,
        version: Option<&ConfigVersion>,
        max_connections: usize,
    ) -> Result<Self, PipelineError> {
        let config = Box::pin(config::load_for(env, scope, version)).await?;
        let store = Box::pin(open_store(&config, max_connections)).await?;
        Self::new(config, store, version)
    }

    /// As [`Context::connect`], for work that reads the database alone. A standby and a login that
    /// may only read will do.
    ///
    /// # Errors
    ///
    /// As [`Context::connect`].
    pub async fn connect_to_read(env: Environment) -> Result<Self, PipelineError> {
        let config = Box::pin(config::load_for(env, Scope::All, None)).await?;
        let store = Box::pin(open_to_read(&config)).await?;
        Self::new(config, store, None)
    }

    fn new(
        config: Config,
        store: Store,
        version: Option<&ConfigVersion>,
    ) -> Result<Self, PipelineError> {
        Ok(Self {
            config: Arc::new(config),
            slots: store.request_slots(),
            store,
            http: http_kit::client()
                .map_err(|e| PipelineError::new(ErrorName::ConfigInvalid, e.to_string()))?,
            clients: Arc::default(),
            boundary_versions: Arc::new(OnceCell::new_with(
                version
                    .map(|it| it.boundaries.clone())
                    .filter(|versions| !versions.is_empty()),
            )),
            boundaries: Arc::default(),
            portal: Arc::default(),
            deadline: None,
        })
    }

    /// The same context for work that must have ended at `deadline`: no wait within it is longer.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            ..self.clone()
        }
    }

    /// When the work must have ended, if there is such a time.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The configuration as it was read.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Reads the Fernet keys again if they are old, so that what a step writes is sealed with the
    /// key of now.
    pub(crate) async fn refresh_keys(&self) -> Result<(), PipelineError> {
        Ok(Box::pin(self.vault().refresh_keys(MAX_KEY_AGE)).await?)
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Closes the database connections that nobody uses: those of a frozen environment would be
    /// missing elsewhere.
    pub async fn close_idle(&self) {
        self.slots.close_idle().await;
        self.store.close_idle().await;
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

    pub(crate) fn key(&self, block: &Block, object: BlockObject) -> String {
        object_key(self.config.env.stage, block, self.zone(), object)
    }

    /// Finds a provider in the providers file.
    pub(crate) fn provider(&self, name: &ProviderName) -> Result<Provider<'_>, PipelineError> {
        self.providers()
            .find(|provider| provider.name == name)
            .ok_or_else(|| {
                if let Some(why) = self.config.providers.invalid(name.as_str()) {
                    return PipelineError::caused(ErrorName::ConfigInvalid, why);
                }
                let known: Vec<_> = self.providers().map(|it| it.name.as_str()).collect();
                let file = &self.config.env.providers_key;
                let message = if known.is_empty() {
                    format!(
                        "provider {name} is not in the providers file {file}, which has none; \
                         `mds config provider add {name}` adds it"
                    )
                } else {
                    format!(
                        "provider {name} is not in the providers file {file}; it has: {}",
                        known.join(", ")
                    )
                };
                PipelineError::new(ErrorName::InvalidInput, message)
            })
    }

    /// Every usable provider of the providers file in the order of their names, whether enabled or
    /// not.
    pub(crate) fn providers(&self) -> impl Iterator<Item = Provider<'_>> {
        let entries = self.config.providers.iter();
        entries.map(|(name, config)| Provider { name, config })
    }

    /// The names of the providers whose entries cannot be used, and which nobody has disabled.
    pub(crate) fn unusable_providers(&self) -> impl Iterator<Item = ProviderName> {
        let invalid = self.config.providers.all_invalid();
        invalid.filter_map(|(name, _)| name.parse().ok())
    }

    /// The client of a provider. All of its blocks share one, with its token and its connections,
    /// and all processes the pace of its requests.
    pub(crate) async fn provider_client(
        &self,
        provider: Provider<'_>,
    ) -> Result<MdsClient, PipelineError> {
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.get(provider.name) {
            return Ok(client.clone());
        }
        let pace = SharedPace::new(&self.store, &self.slots, provider.name, provider.config);
        let client = self.lone_client(provider)?.with_pace(Arc::new(pace));
        clients.insert(provider.name.clone(), client.clone());
        Ok(client)
    }

    /// A client that needs no database: it knows only the requests of its own.
    pub(crate) fn lone_client(&self, provider: Provider<'_>) -> Result<MdsClient, PipelineError> {
        Ok(MdsClient::new(
            self.http.clone(),
            provider.name.clone(),
            provider.config.clone(),
        )?)
    }

    pub(crate) fn public_id_key(&self) -> Result<PublicIdKey, PipelineError> {
        Ok(self.config.settings.public_id_key()?)
    }

    /// How the times of published rows are written.
    ///
    /// # Errors
    ///
    /// `ConfigInvalid` for a malformed setting.
    pub fn public_times(&self) -> Result<PublicTimes, PipelineError> {
        Ok(self.config.settings.public_times()?)
    }

    /// How trips become published rows.
    pub(crate) fn public_form(&self) -> Result<PublicForm, PipelineError> {
        Ok(self.config.settings.public_form()?)
    }

    /// Checks the settings that these steps need, so that a mistake is reported once and before any
    /// work.
    pub(crate) fn check_settings(&self, steps: StepSelection) -> Result<(), PipelineError> {
        let invalid = |why| PipelineError::caused(ErrorName::ConfigInvalid, why);
        let settings = &self.config.settings;
        if steps.sync_db {
            settings.check_load().map_err(|why| invalid(why))?;
        }
        if steps.sync_socrata {
            settings.check_publish().map_err(|why| invalid(why))?;
            if self.config.scope.has_portal() {
                self.portal()?;
            }
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
            lock: Arc::default(),
            refusals: Refusals::default(),
            waiters: Waiters::default(),
            checked: Arc::default(),
        };
        Ok(self.portal.get_or_init(|| portal).clone())
    }
}
