//! The Fernet keys, read from AWS Secrets Manager.

use std::pin::Pin;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use vault::{FernetKeys, ReadKeys, ReadKeysError, root_cause};

use crate::environment::{FERNET_KEY, FERNET_KEY_SECRET};
use crate::error::ConfigError;

/// The secret with the Fernet keys. It holds either the list of keys, or a JSON object, as the AWS
/// console creates it, with the list under `ATD_MDS_FERNET_KEY`.
pub(crate) struct KeySecret {
    client: Client,
    id: String,
}

impl KeySecret {
    pub(crate) fn new(sdk: &SdkConfig, endpoint: Option<&str>, id: &str) -> Self {
        Self {
            client: client(sdk, endpoint),
            id: id.to_owned(),
        }
    }

    pub(crate) async fn read(&self) -> Result<FernetKeys, ConfigError> {
        read_keys(&self.client, &self.id).await
    }
}

/// Reads the keys again when none fits an object: a rotation may have replaced them since this
/// process started.
impl ReadKeys for KeySecret {
    fn read_keys(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<FernetKeys, ReadKeysError>> + Send + '_>> {
        Box::pin(async {
            self.read().await.map_err(|error| ReadKeysError {
                is_transient: error.is_transient(),
                message: error.to_string(),
            })
        })
    }
}

pub(crate) fn client(sdk: &SdkConfig, endpoint: Option<&str>) -> Client {
    let endpoint = endpoint.or(sdk.endpoint_url());
    let mut builder = Builder::from(sdk);
    builder.set_endpoint_url(endpoint.map(str::to_owned));
    if let Some(client) = endpoint.and_then(vault::direct_client) {
        builder = builder.http_client(client);
    }
    Client::from_conf(builder.build())
}

/// The text of the secret that the value of `key` names.
pub(crate) async fn read_text(
    client: &Client,
    key: &'static str,
    id: &str,
) -> Result<SecretString, ConfigError> {
    let response = client
        .get_secret_value()
        .secret_id(id)
        .send()
        .await
        .map_err(|error| request_error(key, &error))?;
    response
        .secret_string
        .map(SecretString::from)
        .ok_or_else(|| ConfigError::invalid(key, "names a binary secret; store it as text"))
}

async fn read_keys(client: &Client, id: &str) -> Result<FernetKeys, ConfigError> {
    let text = read_text(client, FERNET_KEY_SECRET, id).await?;
    FernetKeys::parse(&list_of_keys(text)?).map_err(|error| {
        let why = format!("names a secret that is not a list of keys: {error}");
        ConfigError::invalid(FERNET_KEY_SECRET, why)
    })
}

fn list_of_keys(text: SecretString) -> Result<SecretString, ConfigError> {
    if !text.expose_secret().trim_start().starts_with('{') {
        return Ok(text);
    }
    let object: Option<Value> = serde_json::from_str(text.expose_secret()).ok();
    object
        .as_ref()
        .and_then(|object| object.get(FERNET_KEY)?.as_str())
        .map(SecretString::from)
        .ok_or_else(|| {
            let why = format!("names a JSON secret without a text under {FERNET_KEY}");
            ConfigError::invalid(FERNET_KEY_SECRET, why)
        })
}

fn request_error(key: &'static str, error: &SdkError<GetSecretValueError>) -> ConfigError {
    let status = error
        .raw_response()
        .map_or(0, |response| response.status().as_u16());
    let is_throttled = error.code().is_some_and(|code| code.contains("Throttl"));
    let transient = is_throttled || !(400..500).contains(&status);
    let why = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        // Only the cause: the outer errors may quote the response, which may hold the secret.
        _ => root_cause(error),
    };
    ConfigError::Secret {
        key,
        why,
        transient,
    }
}

#[cfg(test)]
mod tests;
