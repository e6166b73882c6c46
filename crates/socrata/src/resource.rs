//! The URL of a dataset, and the headers of every request to it.

use http_kit::without_credentials;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, InvalidHeaderValue};
use secrecy::ExposeSecret as _;
use url::Url;

use crate::config::{DatasetId, SocrataConfig};
use crate::error::SocrataError;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const APP_TOKEN: &str = "x-app-token";

/// The URL of a dataset.
pub(crate) fn resource_url(endpoint: &Url, dataset: &DatasetId) -> Url {
    let mut url = without_credentials(endpoint.clone());
    url.set_query(None);
    url.set_path(&format!("/resource/{dataset}.json"));
    url
}

/// The URL of what the portal says about a dataset.
pub(crate) fn metadata_url(endpoint: &Url, dataset: &DatasetId) -> Url {
    let mut url = resource_url(endpoint, dataset);
    url.set_path(&format!("/api/views/{dataset}.json"));
    url
}

/// The headers of every request: the key and the application token.
pub(crate) fn headers(config: &SocrataConfig) -> Result<HeaderMap, SocrataError> {
    let basic = http_kit::basic(
        config.key_id.expose_secret(),
        config.key_secret.expose_secret(),
    );
    let mut headers = HeaderMap::from_iter([
        (ACCEPT, JSON),
        (AUTHORIZATION, valid("SOCRATA_KEY_ID", basic)?),
    ]);
    let token = config.app_token.expose_secret().trim();
    if !token.is_empty() {
        let token = http_kit::sensitive(token);
        headers.insert(APP_TOKEN, valid("SOCRATA_APP_TOKEN", token)?);
    }
    Ok(headers)
}

fn valid(
    key: &'static str,
    value: Result<HeaderValue, InvalidHeaderValue>,
) -> Result<HeaderValue, SocrataError> {
    value.map_err(|_| SocrataError::Config {
        key,
        why: "has characters that no HTTP header can carry".to_owned(),
    })
}
