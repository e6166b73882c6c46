#![doc = include_str!("../README.md")]

mod addresses;
mod configuration;
mod error;
mod folder;
mod functions;
mod network;
mod plan;
mod private_file;

pub use addresses::STARTS_FOLDER;
pub use error::StackError;
pub use network::{Counts, Network, Place};
pub use plan::planned_item;
pub use private_file::write_private;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::Environment;
use pipeline::Context;
use sandbox_portal::{Portal, PortalOptions};
use sandbox_postgres::Cluster;
use sandbox_provider::{Provider, ProviderOptions};
use sandbox_s3::S3;
use serde_json::{Map, Value, json};
use store::{Store, StoreOptions};
use trips::block::Stage;
use vault::{FernetKeys, Unreadable, VaultError};

use crate::folder::{Folder, TemporaryFolder};
use crate::private_file::read_private;

const BUCKET: &str = "mds";
const DATABASE: &str = "mds";
/// The file of the encryption keys, in the folder.
const KEY_FILE: &str = "fernet.key";
/// The number of database connections of a context.
const CONNECTIONS: usize = 40;

/// The options of a stack.
#[derive(Debug)]
pub struct StackOptions {
    /// The folder for all data, in which what others have put into the configuration stays. With
    /// `None` it is a temporary folder, which is removed with the stack.
    pub folder: Option<PathBuf>,
    /// The providers by their short names.
    pub providers: BTreeMap<String, ProviderOptions>,
    /// The portal.
    pub portal: PortalOptions,
    /// Additional entries of the settings file. They override those of the stack.
    pub settings: Map<String, Value>,
    /// Additional entries for each provider in the providers file. They override those of the
    /// stack.
    pub provider_settings: Map<String, Value>,
}

impl StackOptions {
    /// Options with these providers, and defaults for everything else.
    #[must_use]
    pub fn with_providers(providers: BTreeMap<String, ProviderOptions>) -> Self {
        Self {
            folder: None,
            providers,
            portal: PortalOptions::default(),
            settings: Map::new(),
            provider_settings: Map::new(),
        }
    }
}

/// Creates the tables in an empty database.
async fn migrate(database_url: String) -> Result<(), StackError> {
    let store = Store::connect(&database_url.into(), &StoreOptions::default())?;
    store.migrate().await?;
    store.close_idle().await;
    Ok(())
}

/// The running parts. Dropping it stops them all.
pub struct LocalStack {
    /// The environment variables that lead to these parts (docs/CONTRACT.md, "Configuration").
    pub env: BTreeMap<String, String>,
    /// The portal.
    pub portal: Portal,
    /// The providers by their short names.
    pub providers: BTreeMap<String, Provider>,
    /// The bucket's server.
    pub s3: S3,
    /// The database's URL.
    pub database_url: String,
    /// Postgres, if the stack has a cluster of its own.
    _cluster: Option<Cluster>,
    // Dropped last, after everything that has files in it.
    folder: Folder,
}

impl LocalStack {
    /// Starts every part, stores configuration and boundaries in the bucket, and creates the
    /// tables.
    ///
    /// # Errors
    ///
    /// [`StackError`] of the part that did not start.
    pub async fn start(options: StackOptions) -> Result<Self, StackError> {
        let (folder, cluster, database_url) = match &options.folder {
            Some(path) => {
                std::fs::create_dir_all(path)?;
                let cluster = Cluster::start_in(path.join("postgres")).await?;
                let url = cluster.ensure_database(DATABASE).await?;
                (Folder::Kept(path.clone()), Some(cluster), url)
            }
            None => {
                let cluster = Cluster::shared().await?;
                let url = cluster.create_copy("migrated", migrate).await?;
                let folder = Folder::Temporary(TemporaryFolder::new()?);
                (folder, None, url)
            }
        };
        let s3 = S3::start(folder.path().join("s3")).await?;
        s3.create_bucket(BUCKET)?;
        let portal = Portal::start(PortalOptions {
            file: options
                .folder
                .is_some()
                .then(|| folder.path().join("portal.jsonl")),
            ..options.portal.clone()
        })
        .await?;
        let mut providers = BTreeMap::new();
        for (name, provider) in options.providers.clone() {
            providers.insert(name, Provider::start(provider).await?);
        }
        let stack = Self {
            env: environment(&s3, &fernet_key(folder.path())?),
            portal,
            providers,
            s3,
            database_url,
            _cluster: cluster,
            folder,
        };
        match Box::pin(stack.configure(&options)).await {
            Ok(()) => Ok(stack),
            Err(error) if options.folder.is_some() => Err(stack.way_out(error)),
            Err(error) => Err(error),
        }
    }

    /// Connects to the parts, as a function or a command does.
    ///
    /// # Errors
    ///
    /// [`StackError::Pipeline`] if the configuration cannot be read.
    pub async fn context(&self) -> Result<Arc<Context>, StackError> {
        Ok(Arc::new(
            Context::connect(self.environment()?, CONNECTIONS).await?,
        ))
    }

    /// The environment as the configuration sees it.
    ///
    /// # Errors
    ///
    /// [`StackError::Config`], but never in practice, since the stack itself sets the variables.
    pub fn environment(&self) -> Result<Environment, StackError> {
        Ok(Environment::from_lookup(|name| {
            self.env.get(name).cloned()
        })?)
    }

    /// The content of a file for `mds --env-file`.
    #[must_use]
    pub fn env_file(&self) -> String {
        self.env
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect()
    }

    /// The folder with the objects of the bucket.
    #[must_use]
    pub fn bucket_folder(&self) -> PathBuf {
        self.s3.folder().join(BUCKET)
    }

    /// Lets the bucket keep what is replaced or deleted in it from now on.
    ///
    /// # Errors
    ///
    /// [`StackError::S3`] if the versions cannot be stored.
    pub fn keep_versions(&self) -> Result<(), StackError> {
        Ok(self.s3.keep_versions(BUCKET)?)
    }

    /// Names the file of a kept folder that does not let the stack start. Nothing else can change
    /// it, since the bucket ends with the stack.
    fn way_out(&self, error: StackError) -> StackError {
        let key = self.folder.path().join(KEY_FILE);
        let Ok(env) = self.environment() else {
            return StackError::Key {
                key,
                source: Box::new(error),
            };
        };
        let source = Box::new(error);
        match *source {
            StackError::Vault(VaultError::Unreadable {
                why: Unreadable::NoKeyFits { .. },
                ..
            }) => StackError::Key { key, source },
            StackError::Vault(VaultError::Unreadable { .. })
            | StackError::Config(_)
            | StackError::Pipeline(_) => StackError::Kept {
                settings: self.bucket_folder().join(env.settings_key),
                providers: self.bucket_folder().join(env.providers_key),
                source,
            },
            _ => *source,
        }
    }

    fn settings(&self, options: &StackOptions) -> Value {
        let portal = self.portal.options();
        let mut settings = json!({
            "DATABASE_URL": self.database_url,
            "TIME_ZONE": "US/Central",
            "PUBLIC_ID_KEY": "public ids of a sandbox, which anyone may know",
            "SOCRATA_DATA_ENDPOINT": self.portal.url(),
            "SOCRATA_DATASET": portal.dataset,
            "SOCRATA_APP_TOKEN": portal.app_token,
            "SOCRATA_KEY_ID": portal.key_id,
            "SOCRATA_KEY_SECRET": portal.key_secret,
        });
        merge(&mut settings, &options.settings);
        settings
    }

    fn providers_file(&self, options: &StackOptions) -> Value {
        let entries = self.providers.iter().map(|(name, provider)| {
            let mut entry = provider.entry();
            merge(&mut entry, &options.provider_settings);
            (name.clone(), entry)
        });
        Value::Object(entries.collect())
    }
}

fn merge(into: &mut Value, more: &Map<String, Value>) {
    if let Value::Object(members) = into {
        members.extend(more.clone());
    }
}

fn environment(s3: &S3, fernet_key: &str) -> BTreeMap<String, String> {
    [
        ("ATD_MDS_BUCKET", BUCKET.to_owned()),
        (
            "ATD_MDS_RUN_MODE",
            Stage::Staging.to_string().to_uppercase(),
        ),
        ("ATD_MDS_FERNET_KEY", fernet_key.to_owned()),
        ("AWS_ENDPOINT_URL_S3", s3.endpoint_url()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", s3.access_key().to_owned()),
        ("AWS_SECRET_ACCESS_KEY", s3.secret_key().to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// The encryption key of the folder. It is stored in the folder, so that objects from an earlier
/// start can be decrypted.
fn fernet_key(folder: &Path) -> Result<String, StackError> {
    use secrecy::ExposeSecret;
    let path = folder.join(KEY_FILE);
    match read_private(&path) {
        Ok(key) => Ok(key),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let key = FernetKeys::generate();
            write_private(&path, key.expose_secret())?;
            Ok(key.expose_secret().to_owned())
        }
        Err(e) => Err(e.into()),
    }
}
