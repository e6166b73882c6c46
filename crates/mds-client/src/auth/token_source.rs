//! OAuth 2 client credentials: a token from `token_url` for what `auth_data` holds.

use std::time::Duration;

use chrono::Utc;
use reqwest::header::{ACCEPT, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::{Grant, bearer_value};
use crate::config::ProviderConfig;
use crate::fault::Fault;
use crate::fields::ProviderConfigError;
use crate::http::{host, retry_after};

/// A token is renewed this long before it runs out.
const MARGIN: Duration = Duration::from_secs(60);
/// A token answer is small; more is a page of HTML or an attack.
const MOST_BYTES: usize = 1 << 20;

pub(super) struct ClientCredentials {
    http: reqwest::Client,
    token_url: Url,
    form: Vec<(String, secrecy::SecretString)>,
    answer_key: String,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    grants: u64,
}

struct Token {
    header: HeaderValue,
    good_until: Option<Instant>,
}

impl Token {
    fn is_good(&self) -> bool {
        self.good_until.is_none_or(|until| Instant::now() < until)
    }
}

impl ClientCredentials {
    pub(super) fn new(
        http: reqwest::Client,
        config: &ProviderConfig,
    ) -> Result<Self, ProviderConfigError> {
        let missing =
            |key| ProviderConfigError::new(key, "is missing, which auth_type OAuth needs");
        if config.auth_data.is_empty() {
            return Err(missing("auth_data"));
        }
        let mut form: Vec<_> = config.auth_data.clone().into_iter().collect();
        if !config.auth_data.contains_key("grant_type") {
            form.push(("grant_type".to_owned(), "client_credentials".into()));
        }
        Ok(Self {
            http,
            token_url: config
                .token_url
                .clone()
                .ok_or_else(|| missing("token_url"))?,
            form,
            answer_key: config.auth_token_res_key.clone(),
            timeout: config.timeout,
            state: Mutex::default(),
        })
    }

    /// The current token, or a new one. Callers that come at the same time wait for one request.
    pub(super) async fn token(&self) -> Result<(HeaderValue, Grant), Fault> {
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.is_good()) {
            return Ok((token.header.clone(), Grant(state.grants)));
        }
        let token = self.fetch().await?;
        let header = token.header.clone();
        state.grants += 1;
        state.token = Some(token);
        Ok((header, Grant(state.grants)))
    }

    /// Drops the token, unless it has been replaced since.
    pub(super) async fn forget(&self, grant: Grant) {
        let mut state = self.state.lock().await;
        if grant == Grant(state.grants) {
            state.token = None;
        }
    }

    async fn fetch(&self) -> Result<Token, Fault> {
        let form: Vec<(&str, &str)> = self
            .form
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
            .collect();
        let request = self
            .http
            .post(self.token_url.clone())
            .header(ACCEPT, "application/json")
            .timeout(self.timeout)
            .form(&form);
        let mut response = request
            .send()
            .await
            .map_err(|error| Fault::transport("no answer from token_url", error))?;
        self.check(&response)?;
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| Fault::transport("the answer of token_url broke off", error))?
        {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(Fault::malformed("token_url answers with more than a token"));
            }
            body.extend_from_slice(&chunk);
        }
        self.read(&body)
    }

    fn check(&self, response: &reqwest::Response) -> Result<(), Fault> {
        let status = response.status().as_u16();
        match status {
            200 | 201 => Ok(()),
            429 => Err(Fault::throttled(retry_after(
                response.headers(),
                Utc::now(),
            ))),
            408 | 500..=599 => Err(Fault::unavailable_status(
                status,
                format!("token_url answers {status}"),
                retry_after(response.headers(), Utc::now()),
            )),
            _ => Err(Fault::rejected(
                status,
                format!(
                    "token_url on host {} answers {status}: look at auth_data",
                    host(&self.token_url)
                ),
            )),
        }
    }

    fn read(&self, body: &[u8]) -> Result<Token, Fault> {
        let answer: Value = serde_json::from_slice(body)
            .map_err(|_| Fault::malformed("token_url answers with no JSON"))?;
        let header = answer
            .get(&self.answer_key)
            .and_then(Value::as_str)
            .filter(|token| !token.trim().is_empty())
            .and_then(bearer_value)
            .ok_or_else(|| {
                Fault::malformed(format!(
                    "the answer of token_url has no token under `{}`: look at auth_token_res_key",
                    self.answer_key
                ))
            })?;
        Ok(Token {
            header,
            good_until: lifetime(&answer).map(|lifetime| Instant::now() + lifetime),
        })
    }
}

/// How long to use a token that says how long it lives.
fn lifetime(answer: &Value) -> Option<Duration> {
    let seconds = match answer.get("expires_in")? {
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
