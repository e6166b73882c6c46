//! Tokens that are fetched, used as long as they are valid, and fetched again.

use std::time::Duration;

use http_kit::{Transient, host, looks_like, read_body};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{RequestBuilder, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::headers::header_map;
use super::without_scheme;
use crate::fetch_error::FetchError;
use crate::fields::ProviderConfigError;
use crate::pace::Turns;
use crate::token_request::{TOKEN_PLACEHOLDER, TokenBody, TokenRequest};
use crate::words::{self, Secrets};

/// A token is renewed this long before it expires.
const MARGIN: Duration = Duration::from_secs(60);
/// No token is kept longer. A sum of instants cannot overflow with it.
const MAX_LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);
/// A response with a token is small. A larger one is a page of HTML or an attack.
const MAX_BYTES: usize = 1 << 20;

/// Which credentials a request carried, so that refused ones are renewed only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant(u64);

impl Grant {
    /// Credentials that cannot be renewed.
    pub(super) const FIXED: Self = Self(0);

    /// Whether a login can renew them.
    pub(crate) fn is_renewable(self) -> bool {
        self != Self::FIXED
    }
}

pub(super) struct TokenSource {
    http: reqwest::Client,
    request: TokenRequest,
    headers: HeaderMap,
    timeout: Duration,
    /// Those of the entry.
    secrets: Secrets,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    grants: u64,
    /// The last tokens, valid or not: a refusal may repeat them.
    last: [SecretString; 2],
}

struct Token {
    text: SecretString,
    /// The headers that carry it.
    headers: HeaderMap,
    valid_until: Option<Instant>,
}

impl Token {
    fn is_valid(&self) -> bool {
        self.valid_until.is_none_or(|until| Instant::now() < until)
    }
}

impl TokenSource {
    pub(super) fn new(
        http: reqwest::Client,
        request: TokenRequest,
        timeout: Duration,
        secrets: Secrets,
    ) -> Result<Self, ProviderConfigError> {
        Ok(Self {
            http,
            headers: header_map("token_request.headers", &request.headers)?,
            request,
            timeout,
            secrets,
            state: Mutex::default(),
        })
    }

    /// The current token, or a new one. Concurrent callers wait for the same request.
    pub(super) async fn token(&self, turns: Turns<'_>) -> Result<(HeaderMap, Grant), FetchError> {
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.is_valid()) {
            return Ok((token.headers.clone(), Grant(state.grants)));
        }
        let token = self.fetch(turns).await?;
        let headers = token.headers.clone();
        state.grants += 1;
        state.last.rotate_right(1);
        state.last[0] = token.text.clone();
        state.token = Some(token);
        Ok((headers, Grant(state.grants)))
    }

    /// The last tokens.
    pub(super) async fn tokens(&self) -> [SecretString; 2] {
        self.state.lock().await.last.clone()
    }

    /// Drops the token, unless it has been replaced since.
    pub(super) async fn forget(&self, grant: Grant) {
        let mut state = self.state.lock().await;
        if grant == Grant(state.grants) {
            state.token = None;
        }
    }

    async fn fetch(&self, turns: Turns<'_>) -> Result<Token, FetchError> {
        turns.next().await?;
        let response = self
            .login()
            .send()
            .await
            .map_err(|error| FetchError::transport("no response from token_url", error))?;
        let status = response.status().as_u16();
        if !matches!(status, 200 | 201) {
            return Err(self.refusal(status, response, turns).await);
        }
        let headers = response.headers().clone();
        let body = read_body(response, MAX_BYTES)
            .await
            .map_err(FetchError::token_body)?;
        self.read(&headers, &body)
    }

    fn login(&self) -> RequestBuilder {
        let request = self
            .http
            .request(self.request.method.clone(), self.request.url.clone())
            .header(ACCEPT, "application/json")
            .headers(self.headers.clone())
            .timeout(self.timeout);
        match &self.request.body {
            TokenBody::Empty => request,
            TokenBody::Json(text) => request
                .header(CONTENT_TYPE, "application/json")
                .body(text.expose_secret().to_owned()),
            TokenBody::Form(fields) => {
                let plain = fields
                    .iter()
                    .map(|(name, value)| (name, value.expose_secret()));
                request.form(&plain.collect::<Vec<_>>())
            }
        }
    }

    /// The error for another status than that of a token.
    async fn refusal(&self, status: u16, response: Response, turns: Turns<'_>) -> FetchError {
        match Transient::from_status(status) {
            Some(Transient::Throttled) => FetchError::throttled(turns.heed(&response).await),
            Some(Transient::Unavailable) => {
                let wait = turns.heed(&response).await;
                FetchError::unavailable_status("token_url", status, wait)
            }
            None => {
                let key = match status {
                    300..=399 | 404 | 405 | 410 => "token_url",
                    _ => "auth_data",
                };
                let host = host(&self.request.url);
                let why =
                    format!("token_url on host {host} returned status {status}: look at {key}");
                let said = words::of_response(response, &self.secrets).await;
                FetchError::rejected(status, why).with_words(said)
            }
        }
    }

    fn read(&self, headers: &HeaderMap, body: &[u8]) -> Result<Token, FetchError> {
        let response: Value =
            serde_json::from_slice(body).map_err(|_| self.no_json(headers, body))?;
        let token = self.request.token_path.find(&response);
        let (text, headers) = token
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|token| !token.is_empty())
            .and_then(|token| Some((token, self.headers_with(token)?)))
            .ok_or_else(|| self.no_token(body))?;
        let expires_in = self.request.expires_in_path.find(&response);
        let lifetime = expires_in.and_then(lifetime);
        Ok(Token {
            text: without_scheme(text).into(),
            headers,
            valid_until: lifetime.map(|lifetime| Instant::now() + lifetime),
        })
    }

    fn no_json(&self, headers: &HeaderMap, body: &[u8]) -> FetchError {
        let looks = looks_like(headers, body).map(|looks| format!("; it looks like {looks}"));
        FetchError::malformed(format!(
            "the response of token_url on host {} is not JSON{}: look at token_url",
            host(&self.request.url),
            looks.unwrap_or_default()
        ))
    }

    /// The error for a response without a token. If it explains itself, it most likely refuses.
    fn no_token(&self, body: &[u8]) -> FetchError {
        let path = self.request.token_path.as_str();
        let said = words::of_body(body, &self.secrets);
        let why = match said {
            Some(_) => format!(
                "token_url refuses the login, or has the token elsewhere than under `{path}`: look at auth_data, then \
                 at auth_token_res_key, or token_request"
            ),
            None => format!(
                "the response of token_url has no token under `{path}`: look at auth_token_res_key, or token_request.token"
            ),
        };
        FetchError::malformed(why).with_words(said)
    }

    /// The headers that carry a token; `None` if no header can.
    fn headers_with(&self, token: &str) -> Option<HeaderMap> {
        let headers = self.request.send.iter().map(|(name, value)| {
            let value = value.expose_secret();
            let names_scheme = value
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("bearer ");
            let token = if names_scheme {
                without_scheme(token)
            } else {
                token
            };
            let value = value.replace(TOKEN_PLACEHOLDER, token);
            (name.clone(), SecretString::from(value))
        });
        header_map("token_request.send", &headers.collect()).ok()
    }
}

/// How long to use a token; `expires_in` is a number of seconds.
fn lifetime(expires_in: &Value) -> Option<Duration> {
    let seconds = match expires_in {
        Value::String(text) => text.trim().parse().ok()?,
        other => other.as_f64()?,
    };
    let lifetime = Duration::try_from_secs_f64(seconds).ok()?;
    let usable = lifetime.min(MAX_LIFETIME).saturating_sub(MARGIN);
    Some(usable.max(Duration::from_secs(1)))
}
