//! Who may ask.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use super::options::ProviderOptions;

/// The tokens given out by OAuth, with when they end.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Instant>>);

impl Tokens {
    /// A token's answer for a client's id and secret.
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
        tokens.insert(token.clone(), Instant::now() + login.lives);
        Some(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": login.lives.as_secs(),
        }))
    }

    /// How many were given out.
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn admits(&self, options: &ProviderOptions, headers: &HeaderMap) -> bool {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        if options.oauth.is_some() {
            let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            return given
                .and_then(|token| tokens.get(token))
                .is_some_and(|end| Instant::now() < *end);
        }
        options.token.is_none() || given == options.token.as_deref()
    }
}
