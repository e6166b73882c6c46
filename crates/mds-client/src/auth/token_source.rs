//! Tokens that are asked for, used again while they are good, and asked for anew.

use std::time::Duration;

use chrono::Utc;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Grant, headers};
use crate::fetch_error::FetchError;
use crate::fields::ProviderConfigError;
use crate::http::{host, retry_after};
use crate::token_request::{PLACE, TokenBody, TokenRequest};

/// A token is renewed this long before it runs out.
const MARGIN: Duration = Duration::from_secs(60);
/// A token answer is small; more is a page of HTML or an attack.
const MAX_BYTES: usize = 1 << 20;

pub(super) struct TokenSource {
    http: reqwest::Client,
    request: TokenRequest,
    headers: HeaderMap,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    grants: u64,
}

struct Token {
    /// The headers that show it.
    headers: HeaderMap,
    good_until: Option<Instant>,
}

impl Token {
    fn is_good(&self) -> bool {
        self.good_until.is_none_or(|until| Instant::now() < until)
    }
}

impl TokenSource {
    pub(super) fn new(
        http: reqwest::Client,
        request: TokenRequest,
        timeout: Duration,
    ) -> Result<Self, ProviderConfigError> {
        Ok(Self {
            http,
            headers: headers("token_request.headers", &request.headers)?,
            request,
            timeout,
            state: Mutex::default(),
        })
    }

    /// The current token, or a new one. Callers that come at the same time wait for one request.
    pub(super) async fn token(&self) -> Result<(HeaderMap, Grant), FetchError> {
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.is_good()) {
            return Ok((token.headers.clone(), Grant(state.grants)));
        }
        let token = self.fetch().await?;
        let headers = token.headers.clone();
        state.grants += 1;
        state.token = Some(token);
        Ok((headers, Grant(state.grants)))
    }

    /// Drops the token, unless it has been replaced since.
    pub(super) async fn forget(&self, grant: Grant) {
        let mut state = self.state.lock().await;
        if grant == Grant(state.grants) {
            state.token = None;
        }
    }

    async fn fetch(&self) -> Result<Token, FetchError> {
        let request = self
            .http
            .request(self.request.method.clone(), self.request.url.clone())
            .header(ACCEPT, "application/json")
            .headers(self.headers.clone())
            .timeout(self.timeout);
        let request = match &self.request.body {
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
        };
        let mut response = request
            .send()
            .await
            .map_err(|error| FetchError::transport("no answer from token_url", error))?;
        self.check(&response)?;
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| FetchError::transport("the answer of token_url broke off", error))?
        {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::malformed(
                    "token_url answers with more than a token",
                ));
            }
            body.extend_from_slice(&chunk);
        }
        self.read(&body)
    }

    fn check(&self, response: &reqwest::Response) -> Result<(), FetchError> {
        let status = response.status().as_u16();
        match status {
            200 | 201 => Ok(()),
            429 => Err(FetchError::throttled(retry_after(
                response.headers(),
                Utc::now(),
            ))),
            408 | 500..=599 => Err(FetchError::unavailable_status(
                status,
                format!("token_url answers {status}"),
                retry_after(response.headers(), Utc::now()),
            )),
            _ => Err(FetchError::rejected(
                status,
                format!(
                    "token_url on host {} answers {status}: look at auth_data",
                    host(&self.request.url)
                ),
            )),
        }
    }

    fn read(&self, body: &[u8]) -> Result<Token, FetchError> {
        let answer: Value = serde_json::from_slice(body)
            .map_err(|_| FetchError::malformed("token_url answers with no JSON"))?;
        let token = self.request.token_at.find(&answer);
        let headers = token
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|token| !token.is_empty())
            .and_then(|token| self.shown(token))
            .ok_or_else(|| {
                FetchError::malformed(format!(
                    "the answer of token_url has no token under `{}`: look at auth_token_res_key, or token_request.token",
                    self.request.token_at.as_str()
                ))
            })?;
        let lifetime = self
            .request
            .expires_in_path
            .find(&answer)
            .and_then(lifetime);
        Ok(Token {
            headers,
            good_until: lifetime.map(|lifetime| Instant::now() + lifetime),
        })
    }

    /// The headers that show a token; none if no header can carry it.
    fn shown(&self, token: &str) -> Option<HeaderMap> {
        let filled = self.request.send.iter().map(|(name, value)| {
            let value = value.expose_secret().replace(PLACE, token);
            (name.clone(), SecretString::from(value))
        });
        headers("token_request.send", &filled.collect()).ok()
    }
}

/// How long to use a token that says how long it lives.
fn lifetime(said: &Value) -> Option<Duration> {
    let seconds = match said {
        Value::String(text) => text.trim().parse().ok()?,
        other => other.as_f64()?,
    };
    // A year is as good as for ever, and no sum of instants can overflow with it.
    let seconds = Duration::try_from_secs_f64(seconds).ok()?;
    let most = Duration::from_secs(365 * 24 * 3600);
    Some(
        seconds
            .min(most)
            .saturating_sub(MARGIN)
            .max(Duration::from_secs(1)),
    )
}
