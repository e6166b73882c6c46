//! How a provider is shown who asks. Every kind of authentication is a variant of [`Scheme`]: it
//! adds its headers to a request, and may be able to get new credentials when they were refused.

mod token_source;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::{AuthType, ProviderConfig};
use crate::fetch_error::FetchError;
use crate::fields::ProviderConfigError;
use crate::token_request::TokenRequest;
use token_source::TokenSource;

/// Which credentials a request carried, so that refused ones are renewed only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant(u64);

/// The credentials of one provider.
pub(crate) struct Auth {
    scheme: Scheme,
    /// Of `headers`; the scheme's own replace them.
    headers: HeaderMap,
    /// Of `request.auth.headers`; they replace everything.
    auth_headers: HeaderMap,
}

enum Scheme {
    /// Headers that never change.
    Headers(HeaderMap),
    /// A token that is fetched, and fetched again when it has run out or was refused.
    Token(Box<TokenSource>),
}

impl Auth {
    pub(crate) fn new(
        http: &reqwest::Client,
        config: &ProviderConfig,
    ) -> Result<Self, ProviderConfigError> {
        Ok(Self {
            scheme: Scheme::new(http, config)?,
            headers: headers("headers", &config.headers)?,
            auth_headers: headers("request.auth.headers", &config.auth_headers)?,
        })
    }

    /// Adds the credentials to the headers of a request, replacing headers of the same name.
    pub(crate) async fn authorize(&self, request: &mut HeaderMap) -> Result<Grant, FetchError> {
        replace(request, &self.headers);
        let grant = match &self.scheme {
            Scheme::Headers(headers) => {
                replace(request, headers);
                Grant(0)
            }
            Scheme::Token(source) => {
                let (headers, grant) = source.token().await?;
                replace(request, &headers);
                grant
            }
        };
        replace(request, &self.auth_headers);
        Ok(grant)
    }

    /// Takes note that the credentials of `grant` were refused. True if the next
    /// [`Auth::authorize`] gives others.
    pub(crate) async fn refresh(&self, grant: Grant) -> bool {
        match &self.scheme {
            Scheme::Headers(_) => false,
            Scheme::Token(source) => {
                source.forget(grant).await;
                true
            }
        }
    }
}

impl Scheme {
    fn new(http: &reqwest::Client, config: &ProviderConfig) -> Result<Self, ProviderConfigError> {
        match config.auth_type {
            AuthType::Bearer => bearer(config).map(authorization).map(Self::Headers),
            AuthType::Basic => basic(config).map(authorization).map(Self::Headers),
            AuthType::Custom => match config.token_request.clone() {
                Some(request) => Self::token(http, request, config),
                None => custom(config).map(Self::Headers),
            },
            AuthType::OAuth => Self::token(http, TokenRequest::client_credentials(config)?, config),
        }
    }

    fn token(
        http: &reqwest::Client,
        request: TokenRequest,
        config: &ProviderConfig,
    ) -> Result<Self, ProviderConfigError> {
        let source = TokenSource::new(http.clone(), request, config.timeout)?;
        Ok(Self::Token(Box::new(source)))
    }
}

fn bearer(config: &ProviderConfig) -> Result<HeaderValue, ProviderConfigError> {
    let token = config.token.as_ref();
    let token = token.ok_or_else(|| ProviderConfigError::new("token", "is missing"))?;
    sensitive(&format!("Bearer {}", token.expose_secret().trim())).ok_or_else(|| {
        ProviderConfigError::new("token", "has characters that no HTTP header can carry")
    })
}

fn basic(config: &ProviderConfig) -> Result<HeaderValue, ProviderConfigError> {
    let part = |name: &str| {
        config
            .auth_data
            .get(name)
            .ok_or_else(|| ProviderConfigError::new(&format!("auth_data.{name}"), "is missing"))
    };
    let (user, password) = (part("username")?, part("password")?);
    let pair = format!("{}:{}", user.expose_secret(), password.expose_secret());
    sensitive(&format!("Basic {}", STANDARD.encode(pair)))
        .ok_or_else(|| ProviderConfigError::new("auth_data", "cannot be sent"))
}

/// The headers themselves are added for every scheme; here it is only seen to that there are any.
fn custom(config: &ProviderConfig) -> Result<HeaderMap, ProviderConfigError> {
    if config.auth_headers.is_empty() && config.headers.is_empty() {
        return Err(ProviderConfigError::new(
            "request.auth.headers",
            "is missing, which auth_type Custom needs (or `headers`, or `token_request`)",
        ));
    }
    Ok(HeaderMap::new())
}

fn authorization(value: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

fn headers(
    key: &str,
    given: &BTreeMap<String, SecretString>,
) -> Result<HeaderMap, ProviderConfigError> {
    given
        .iter()
        .map(|(name, value)| {
            let error = |why| ProviderConfigError::new(&format!("{key}.{name}"), why);
            let header = HeaderName::try_from(name.as_str())
                .map_err(|_| error("is no name of an HTTP header"))?;
            let value = sensitive(value.expose_secret())
                .ok_or_else(|| error("has characters that no HTTP header can carry"))?;
            Ok((header, value))
        })
        .collect()
}

/// A value that `Debug` does not show.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn replace(request: &mut HeaderMap, by: &HeaderMap) {
    for (name, value) in by {
        request.insert(name, value.clone());
    }
}
