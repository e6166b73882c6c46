use std::error::Error;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use vault::FernetKeys;

use crate::error::ConfigError;

const KEY: &str = "ATD_MDS_FERNET_KEY_SECRET";
/// The member of a secret that is a JSON object, as the console makes them.
const MEMBER: &str = "ATD_MDS_FERNET_KEY";

/// The Fernet keys that the secret `id` holds: the list of keys itself, or a JSON object with the
/// list under `ATD_MDS_FERNET_KEY`.
pub(crate) async fn read_keys(
    sdk: &SdkConfig,
    endpoint: Option<&str>,
    id: &str,
) -> Result<FernetKeys, ConfigError> {
    let mut builder = Builder::from(sdk);
    builder.set_endpoint_url(endpoint.or(sdk.endpoint_url()).map(str::to_owned));
    let answer = Client::from_conf(builder.build())
        .get_secret_value()
        .secret_id(id)
        .send()
        .await
        .map_err(|error| unavailable(&error))?;
    let text = answer
        .secret_string
        .map(SecretString::from)
        .ok_or_else(|| {
            ConfigError::invalid(KEY, "names a binary secret; store the keys as text")
        })?;
    FernetKeys::parse(&list_of_keys(text)?).map_err(|error| {
        ConfigError::invalid(
            KEY,
            format!("names a secret that is no list of keys: {error}"),
        )
    })
}

fn list_of_keys(text: SecretString) -> Result<SecretString, ConfigError> {
    if !text.expose_secret().trim_start().starts_with('{') {
        return Ok(text);
    }
    let object: Option<Value> = serde_json::from_str(text.expose_secret()).ok();
    object
        .as_ref()
        .and_then(|object| object.get(MEMBER)?.as_str())
        .map(SecretString::from)
        .ok_or_else(|| {
            let why = format!("names a JSON secret without a text under {MEMBER}");
            ConfigError::invalid(KEY, why)
        })
}

fn unavailable(error: &SdkError<GetSecretValueError>) -> ConfigError {
    let status = error
        .raw_response()
        .map_or(0, |answer| answer.status().as_u16());
    let throttled = error.code().is_some_and(|code| code.contains("Throttl"));
    let transient = throttled || !(400..500).contains(&status);
    let why = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => innermost(error),
    };
    ConfigError::Secret { why, transient }
}

/// What happened, without the answer: that may hold the secret.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests;
