//! Headers from the configuration, whose values may be secrets.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret as _, SecretString};

use crate::fields::ProviderConfigError;

/// The headers of one key of the providers file.
pub(super) fn header_map(
    key: &str,
    headers: &BTreeMap<String, SecretString>,
) -> Result<HeaderMap, ProviderConfigError> {
    headers
        .iter()
        .map(|(name, value)| {
            let error = |why| ProviderConfigError::new(&format!("{key}.{name}"), why);
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| error("is not a name of an HTTP header"))?;
            let value = http_kit::sensitive(value.expose_secret())
                .map_err(|_| error("has characters that no HTTP header can carry"))?;
            Ok((name, value))
        })
        .collect()
}

/// Sets `headers` in the headers of a request.
pub(super) fn replace(request: &mut HeaderMap, headers: &HeaderMap) {
    for (name, value) in headers {
        request.insert(name, value.clone());
    }
}
