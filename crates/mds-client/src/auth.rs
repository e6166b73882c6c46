//! How requests authenticate. Every kind of authentication is a variant of [`Scheme`]: it adds its
//! headers to a request, and may be able to get new credentials when they were refused.

mod address_login;
mod headers;
mod token_source;

use std::collections::BTreeMap;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::config::{AuthType, ProviderConfig};
use crate::fetch_error::FetchError;
use crate::fields::{BodyFormat, ProviderConfigError};
use crate::pace::Turns;
use crate::token_request::{EXPIRES_IN, ResponsePath, TOKEN_PLACEHOLDER, TokenBody, TokenRequest};
use crate::words::Secrets;
use headers::{header_map, replace};
use token_source::TokenSource;

pub(crate) use address_login::AddressLogin;
pub(crate) use token_source::Grant;

/// The credentials of one provider.
pub(crate) struct Auth {
    scheme: Scheme,
    /// From the login of the address, and from `headers`. The scheme's own headers replace them.
    headers: HeaderMap,
    /// From `request.auth.headers`. They replace all others.
    auth_headers: HeaderMap,
}

enum Scheme {
    /// Headers that never change.
    Headers(HeaderMap),
    /// A token that is fetched, and fetched again after it has expired or was refused.
    Token(Box<TokenSource>),
}

impl Auth {
    pub(crate) fn new(
        http: &reqwest::Client,
        config: &ProviderConfig,
    ) -> Result<Self, ProviderConfigError> {
        Ok(Self {
            scheme: Scheme::new(http, config)?,
            headers: own_headers(config)?,
            auth_headers: header_map("request.auth.headers", &config.auth_headers)?,
        })
    }

    /// Checks that an entry has what its login needs, without a client.
    pub(crate) fn check(config: &ProviderConfig) -> Result<(), ProviderConfigError> {
        match config.auth_type {
            AuthType::Bearer => drop(bearer(config)?),
            AuthType::Basic => drop(basic(config)?),
            AuthType::Custom => match &config.token_request {
                Some(request) => {
                    header_map("token_request.headers", &request.headers)?;
                    header_map("token_request.send", &request.send)?;
                }
                None => drop(custom(config)?),
            },
            AuthType::OAuth => drop(client_credentials(config)?),
        }
        own_headers(config)?;
        header_map("request.auth.headers", &config.auth_headers)?;
        Ok(())
    }

    /// Adds the credentials to the headers of a request, replacing headers of the same name. A
    /// login takes one of the turns.
    pub(crate) async fn authorize(
        &self,
        request: &mut HeaderMap,
        turns: Turns<'_>,
    ) -> Result<Grant, FetchError> {
        replace(request, &self.headers);
        let grant = match &self.scheme {
            Scheme::Headers(headers) => {
                replace(request, headers);
                Grant::FIXED
            }
            Scheme::Token(source) => {
                let (headers, grant) = source.token(turns).await?;
                replace(request, &headers);
                grant
            }
        };
        replace(request, &self.auth_headers);
        Ok(grant)
    }

    /// The tokens that were fetched last.
    pub(crate) async fn tokens(&self) -> Vec<SecretString> {
        match &self.scheme {
            Scheme::Headers(_) => Vec::new(),
            Scheme::Token(source) => source.tokens().await.into(),
        }
    }

    /// Records that the credentials of `grant` were refused. Returns whether the next
    /// [`Auth::authorize`] uses other credentials.
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
            AuthType::OAuth => Self::token(http, client_credentials(config)?, config),
        }
    }

    fn token(
        http: &reqwest::Client,
        request: TokenRequest,
        config: &ProviderConfig,
    ) -> Result<Self, ProviderConfigError> {
        let secrets = Secrets::of_entry(config);
        let source = TokenSource::new(http.clone(), request, config.timeout, secrets)?;
        Ok(Self::Token(Box::new(source)))
    }
}

fn bearer(config: &ProviderConfig) -> Result<HeaderValue, ProviderConfigError> {
    let token = config.token.as_ref();
    let token = token.ok_or_else(|| ProviderConfigError::new("token", "is missing"))?;
    http_kit::bearer(without_scheme(token.expose_secret())).map_err(|_| {
        ProviderConfigError::new("token", "has characters that no HTTP header can carry")
    })
}

/// A token without the word that the header has before it: some copy the whole header, and some
/// logins return it.
fn without_scheme(token: &str) -> &str {
    let token = token.trim();
    match token.split_once(char::is_whitespace) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_start(),
        _ => token,
    }
}

fn basic(config: &ProviderConfig) -> Result<HeaderValue, ProviderConfigError> {
    let part = |name: &str| {
        config
            .auth_data
            .get(name)
            .ok_or_else(|| ProviderConfigError::new(&format!("auth_data.{name}"), "is missing"))
    };
    let (user, password) = (part("username")?, part("password")?);
    http_kit::basic(user.expose_secret(), password.expose_secret())
        .map_err(|_| ProviderConfigError::new("auth_data", "cannot be sent"))
}

/// The headers of every request, whatever the scheme.
fn own_headers(config: &ProviderConfig) -> Result<HeaderMap, ProviderConfigError> {
    let mut headers = HeaderMap::new();
    if let Some(login) = AddressLogin::of(&config.mds_api_url) {
        headers.insert(AUTHORIZATION, login.header()?);
    }
    replace(&mut headers, &header_map("headers", &config.headers)?);
    Ok(headers)
}

/// Checks that there is something to authenticate with. It is sent for every scheme.
fn custom(config: &ProviderConfig) -> Result<HeaderMap, ProviderConfigError> {
    if AddressLogin::of(&config.mds_api_url).is_none()
        && config.auth_headers.is_empty()
        && config.headers.is_empty()
    {
        return Err(ProviderConfigError::new(
            "request.auth.headers",
            "is missing, which auth_type Custom needs (or `headers`, or `token_request`)",
        ));
    }
    Ok(HeaderMap::new())
}

const GRANT_TYPE: &str = "grant_type";

/// `token_url`, `auth_data` and `auth_token_res_key` of `auth_type` OAuth: a login with OAuth 2
/// client credentials.
fn client_credentials(config: &ProviderConfig) -> Result<TokenRequest, ProviderConfigError> {
    let missing = |key| ProviderConfigError::new(key, "is missing, which auth_type OAuth needs");
    let token_url = config.token_url.as_ref();
    let in_query = |name: Option<&str>| {
        let mut pairs = token_url.into_iter().flat_map(Url::query_pairs);
        pairs.any(|(key, _)| name.is_none_or(|name| name == key))
    };
    if config.auth_data.is_empty() && !in_query(None) {
        return Err(missing("auth_data"));
    }
    let mut data: Vec<_> = config.auth_data.clone().into_iter().collect();
    if !config.auth_data.contains_key(GRANT_TYPE) && !in_query(Some(GRANT_TYPE)) {
        data.push((GRANT_TYPE.to_owned(), "client_credentials".into()));
    }
    let send = format!("Bearer {TOKEN_PLACEHOLDER}");
    Ok(TokenRequest {
        url: token_url.cloned().ok_or_else(|| missing("token_url"))?,
        method: Method::POST,
        headers: BTreeMap::new(),
        body: match config.auth_data_format {
            BodyFormat::Json => TokenBody::json(data.into_iter().map(json_member).collect()),
            BodyFormat::Form => TokenBody::Form(data),
        },
        token_path: ResponsePath::new(config.auth_token_res_key.clone()),
        expires_in_path: ResponsePath::new(EXPIRES_IN),
        send: BTreeMap::from([(AUTHORIZATION.as_str().to_owned(), send.into())]),
    })
}

fn json_member((name, value): (String, SecretString)) -> (String, serde_json::Value) {
    (name, value.expose_secret().into())
}

fn authorization(value: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}
