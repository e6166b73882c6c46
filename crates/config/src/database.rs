//! What is needed to connect to the database: the address, the login and the authorities to trust.

use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use vault::{StoredAs, Vault};

use crate::authorities::AuthoritySource;
use crate::environment::Environment;
use crate::error::ConfigError;
use crate::load::Config;
use crate::secret::{client, read_text};
use crate::settings::{
    DATABASE_CA, DATABASE_SECRET, DATABASE_URL, MIGRATION_DATABASE_SECRET, MIGRATION_DATABASE_URL,
    Settings,
};

/// Who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseRole {
    /// The steps, with the rights to read and write rows.
    Runtime,
    /// The migrations, by the owner of the tables: the settings that begin with `MIGRATION_`, if
    /// there are any.
    Migrations,
}

/// What is needed to connect to the database.
#[derive(Debug, Clone)]
pub struct Database {
    /// The key of the URL or, without one, of the secret.
    pub setting: &'static str,
    /// The URL, if there is one.
    pub url: Option<SecretString>,
    /// The secret with its content, if the settings name one. It wins over the URL, member by
    /// member.
    pub secret: Option<(LoginSecret, SecretContent)>,
    /// Trusted instead of the built-in authorities.
    pub authorities: Option<Authorities>,
}

/// Certificate authorities in PEM, not checked yet.
#[derive(Debug, Clone)]
pub struct Authorities {
    /// The setting, with the object's key if it names one.
    pub source: String,
    /// The text.
    pub pem: String,
}

/// What RDS keeps in a secret. One that it manages itself has only the login.
#[derive(Debug, Clone)]
pub struct SecretContent {
    /// `username`.
    pub user: String,
    /// `password`.
    pub password: SecretString,
    /// `host`.
    pub host: Option<String>,
    /// `port`.
    pub port: Option<u16>,
    /// `dbname`.
    pub database: Option<String>,
}

/// A secret in Secrets Manager that holds a login.
#[derive(Debug, Clone)]
pub struct LoginSecret {
    client: Client,
    /// The setting that names it.
    setting: &'static str,
    id: String,
}

impl LoginSecret {
    /// Reads the secret.
    ///
    /// # Errors
    ///
    /// Secrets Manager does not return it ([`ConfigError::is_transient`]), or it holds no login.
    pub async fn read(&self) -> Result<SecretContent, ConfigError> {
        let text = read_text(&self.client, self.setting, &self.id).await?;
        SecretContent::parse(self.setting, &text)
    }
}

impl SecretContent {
    fn parse(setting: &'static str, text: &SecretString) -> Result<Self, ConfigError> {
        let Ok(object) = serde_json::from_str::<Map<String, Value>>(text.expose_secret()) else {
            return Err(ConfigError::invalid(
                setting,
                "names a secret that is not a JSON object with username and password, as RDS makes it",
            ));
        };
        let member = |name: &str| text_of(setting, &object, name);
        let required = |name: &str| {
            member(name)?.ok_or_else(|| {
                ConfigError::invalid(setting, format!("names a secret without the member {name}"))
            })
        };
        let port = member("port")?.map(|port| {
            port.parse().map_err(|_| {
                ConfigError::invalid(setting, "names a secret whose member port is not a port")
            })
        });
        Ok(Self {
            user: required("username")?,
            password: SecretString::from(required("password")?),
            host: member("host")?,
            port: port.transpose()?,
            database: member("dbname")?,
        })
    }
}

fn text_of(
    setting: &'static str,
    object: &Map<String, Value>,
    name: &str,
) -> Result<Option<String>, ConfigError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(ConfigError::invalid(
            setting,
            format!("names a secret whose member {name} is not a text"),
        )),
    }
}

/// Where `role` finds its URL and its secret, each with the setting that says so.
struct Sources<'a> {
    url: Option<(&'static str, &'a SecretString)>,
    secret: Option<(&'static str, &'a str)>,
    /// The secret of all others, if `role` has a login of its own and no URL.
    completed_by: Option<&'a str>,
}

impl<'a> Sources<'a> {
    fn of(settings: &'a Settings, role: DatabaseRole) -> Result<Self, ConfigError> {
        let runtime_url = settings.postgres_url(DATABASE_URL)?;
        let runtime_url = runtime_url.map(|url| (DATABASE_URL, url));
        let runtime_secret = settings.text(DATABASE_SECRET)?;
        let (own_url, own_secret) = match role {
            DatabaseRole::Runtime => (None, None),
            DatabaseRole::Migrations => (
                settings.postgres_url(MIGRATION_DATABASE_URL)?,
                settings.text(MIGRATION_DATABASE_SECRET)?,
            ),
        };
        let own_secret = own_secret.map(|id| (MIGRATION_DATABASE_SECRET, id));
        Ok(match (own_url, own_secret) {
            (Some(url), secret) => Self {
                url: Some((MIGRATION_DATABASE_URL, url)),
                secret,
                completed_by: None,
            },
            // The address is that of all others.
            (None, Some(secret)) => Self {
                url: runtime_url,
                secret: Some(secret),
                completed_by: runtime_secret.filter(|_| runtime_url.is_none()),
            },
            (None, None) => Self {
                url: runtime_url,
                secret: runtime_secret.map(|id| (DATABASE_SECRET, id)),
                completed_by: None,
            },
        })
    }

    /// The key of the URL or, without one, of the secret.
    fn setting(&self) -> Result<&'static str, ConfigError> {
        self.url
            .map(|(setting, _)| setting)
            .or(self.secret.map(|(setting, _)| setting))
            .ok_or_else(|| ConfigError::Missing {
                key: DATABASE_URL.to_owned(),
                hint: "add it, or DATABASE_SECRET, to the settings file",
            })
    }

    /// Reads the secret, and takes the address from that of all others if it has none.
    async fn read_secret(
        &self,
        env: &Environment,
    ) -> Result<Option<(LoginSecret, SecretContent)>, ConfigError> {
        let Some((setting, id)) = self.secret else {
            return Ok(None);
        };
        let (secret, mut content) = read_secret(env, setting, id).await?;
        if let Some(id) = self.completed_by {
            let (_, runtime) = read_secret(env, DATABASE_SECRET, id).await?;
            content.host = content.host.take().or(runtime.host);
            content.port = content.port.or(runtime.port);
            content.database = content.database.take().or(runtime.database);
        }
        Ok(Some((secret, content)))
    }

    /// Refuses a secret that does not say where the database is, if the URL does not either.
    fn check_address(&self, content: Option<&SecretContent>) -> Result<(), ConfigError> {
        let setting = self.setting()?;
        let has_address = self.url.is_some() || content.is_some_and(|it| it.host.is_some());
        if !has_address {
            return Err(ConfigError::invalid(
                setting,
                "names a secret without the member host; give the address in DATABASE_URL, such as \
                 postgres://host:5432/database",
            ));
        }
        let url_names_it = (self.url).is_some_and(|(_, url)| names_database(url.expose_secret()));
        let lacks_name = content.is_some_and(|it| it.database.is_none());
        if lacks_name && !url_names_it {
            // Postgres would take the database that has the login's name.
            return Err(ConfigError::invalid(
                setting,
                "names a secret without the member dbname; add it, or name the database in DATABASE_URL, such as \
                 postgres://host:5432/database",
            ));
        }
        Ok(())
    }
}

/// Finds out how `role` connects. Reads the secret and the authorities that the settings name.
///
/// # Errors
///
/// [`ConfigError`]: neither a URL nor a secret is there, one of them is malformed, or the secret or
/// the authorities cannot be read.
pub async fn database(config: &Config, role: DatabaseRole) -> Result<Database, ConfigError> {
    let sources = Sources::of(&config.settings, role)?;
    let setting = sources.setting()?;
    warn_of_unused_password(sources.url.map(|(_, url)| url), setting, sources.secret);
    let secret = sources.read_secret(&config.env).await?;
    sources.check_address(secret.as_ref().map(|(_, content)| content))?;
    Ok(Database {
        setting,
        url: sources.url.map(|(_, url)| url.clone()),
        secret,
        authorities: authorities(config).await?,
    })
}

async fn read_secret(
    env: &Environment,
    setting: &'static str,
    id: &str,
) -> Result<(LoginSecret, SecretContent), ConfigError> {
    let sdk = env.aws.load().await;
    let secret = LoginSecret {
        client: client(&sdk, env.secrets_endpoint.as_deref()),
        setting,
        id: id.to_owned(),
    };
    let content = secret.read().await?;
    Ok((secret, content))
}

fn warn_of_unused_password(
    url: Option<&SecretString>,
    setting: &'static str,
    secret: Option<(&'static str, &str)>,
) {
    if let (Some(url), Some((secret, _))) = (url, secret)
        && has_password(url.expose_secret())
    {
        tracing::warn!(
            config.key = setting,
            config.secret = secret,
            "password in the database's URL is not used, because a secret holds the login"
        );
    }
}

/// Whether a URL of Postgres names the database, in its path or as `dbname`.
fn names_database(url: &str) -> bool {
    let server = url.split_once("://").map_or(url, |(_, server)| server);
    let (address, query) = server.split_once('?').unwrap_or((server, ""));
    let address = address.rsplit_once('@').map_or(address, |(_, rest)| rest);
    let path = address.split_once('/').map_or("", |(_, path)| path);
    !path.is_empty() || query.split('&').any(|member| member.starts_with("dbname="))
}

fn has_password(url: &str) -> bool {
    let server = url.split_once("://").map_or(url, |(_, server)| server);
    server
        .rsplit_once('@')
        .is_some_and(|(login, _)| login.contains(':'))
}

async fn authorities(config: &Config) -> Result<Option<Authorities>, ConfigError> {
    match config.settings.authorities()? {
        None => Ok(None),
        Some(AuthoritySource::Pem(pem)) => Ok(Some(Authorities {
            source: DATABASE_CA.to_owned(),
            pem: pem.to_owned(),
        })),
        Some(AuthoritySource::Object(key)) => {
            let text = read_authorities(&config.vault, &config.env, key).await?;
            Ok(Some(text))
        }
    }
}

/// Reads the object that `DATABASE_CA` names. The certificates are not checked yet.
///
/// # Errors
///
/// The object is missing or cannot be read, or it is plain where it must not be.
pub async fn read_authorities(
    vault: &Vault,
    env: &Environment,
    key: &str,
) -> Result<Authorities, ConfigError> {
    let object = vault.get_with_info(key).await;
    let (text, info) = object.map_err(|source| ConfigError::Object {
        key: DATABASE_CA,
        source,
    })?;
    if info.stored_as == StoredAs::Plain && !env.may_be_plain() {
        return Err(Environment::plain_file(DATABASE_CA, key));
    }
    Ok(Authorities {
        source: format!("{DATABASE_CA} ({key})"),
        pem: String::from_utf8_lossy(&text).into_owned(),
    })
}

#[cfg(test)]
mod tests;
