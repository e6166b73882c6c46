//! Authentication of requests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use super::options::ProviderOptions;

/// The tokens that OAuth logins were granted, with the instant at which each expires.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Instant>>);

impl Tokens {
    /// Grants a token if the form has the right client id and secret. Returns the body of the
    /// response.
    pub(super) fn grant(
        &self,
        options: &ProviderOptions,
        form: &[(String, String)],
    ) -> Option<Value> {
        let login = options.oauth.as_ref()?;
        let given = |name: &str| {
            let found = form.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str())
        };
        let is_client = given("client_id") == Some(&login.client_id)
            && given("client_secret") == Some(&login.client_secret);
        if !is_client {
            return None;
        }
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let token = format!("sandbox-token-{}", tokens.len() + 1);
        tokens.insert(token.clone(), Instant::now() + login.token_lifetime);
        Some(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": login.token_lifetime.as_secs(),
        }))
    }

    /// How many tokens were granted.
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether the request has a valid token.
    pub(super) fn is_authorized(&self, options: &ProviderOptions, headers: &HeaderMap) -> bool {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        if options.oauth.is_some() {
            let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            return given
                .and_then(|token| tokens.get(token))
                .is_some_and(|expiry| Instant::now() < *expiry);
        }
        options.token.is_none() || given == options.token.as_deref()
    }
}
