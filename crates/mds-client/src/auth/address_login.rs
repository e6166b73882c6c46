//! A login within an address, as in `https://user:password@host/`.

use percent_encoding::percent_decode_str;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::fields::ProviderConfigError;

/// User name and password of an address.
pub(crate) struct AddressLogin {
    user: SecretString,
    password: SecretString,
}

impl AddressLogin {
    /// `None` if the address has neither of them.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let password = url.password().unwrap_or_default();
        let has_one = !url.username().is_empty() || !password.is_empty();
        has_one.then(|| Self {
            user: decoded(url.username()),
            password: decoded(password),
        })
    }

    /// The header that it is sent as. The address itself is requested without it.
    pub(crate) fn header(&self) -> Result<HeaderValue, ProviderConfigError> {
        http_kit::basic(self.user.expose_secret(), self.password.expose_secret())
            .map_err(|_| ProviderConfigError::new("mds_api_url", "has a login that cannot be sent"))
    }

    pub(crate) fn secrets(self) -> [SecretString; 2] {
        [self.user, self.password]
    }
}

fn decoded(text: &str) -> SecretString {
    let text = percent_decode_str(text).decode_utf8_lossy();
    SecretString::from(text.into_owned())
}
