//! The provider's own words about a refused request, for a person who sets its entry up.
//!
//! They are no part of an error's message, so no log line and no table holds them: a body can tell
//! of trips, and repeat credentials. Only members that usually explain an error are read, their
//! length is bounded, and whatever looks like a token, an id or a place is hidden.

use std::time::Duration;

use http_kit::Chunks;
use reqwest::Response;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::timeout;

use crate::auth::AddressLogin;
use crate::config::ProviderConfig;
use crate::token_request::TokenRequest;

/// The beginning of a body in which they are looked for.
pub(crate) const MAX_BODY_BYTES: usize = 4096;
/// A provider that explains itself this slowly is not waited for.
const MAX_WAIT: Duration = Duration::from_secs(2);
const MAX_CHARS: usize = 200;
const MEMBERS: [&str; 9] = [
    "error",
    "error_description",
    "error_details",
    "errors",
    "message",
    "title",
    "detail",
    "details",
    "reason",
];
/// Words of at least this length are hidden if they have a digit.
const TOKEN_CHARS: usize = 16;
/// Numbers with this many decimals may be coordinates.
const PLACE_DECIMALS: usize = 3;
/// Shorter parameters of the configured URL, such as `v=1`, are no secrets.
const MIN_PARAMETER_CHARS: usize = 4;
const HIDDEN: &str = "<hidden>";

/// Reads the body of a refusal, as far as it matters.
pub(crate) async fn of_response(response: Response, secrets: &Secrets) -> Option<String> {
    let mut chunks = Chunks::of(response);
    let mut body = Vec::new();
    // What has arrived until then is enough, or nothing is shown.
    let _ = timeout(MAX_WAIT, async {
        while let Ok(Some(chunk)) = chunks.next().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY_BYTES {
                break;
            }
        }
    })
    .await;
    of_body(&body, secrets)
}

/// The words in a body, with the secrets hidden.
pub(crate) fn of_body(body: &[u8], secrets: &Secrets) -> Option<String> {
    let Value::Object(members) = serde_json::from_slice(body).ok()? else {
        return None;
    };
    let mut texts = Vec::new();
    for name in MEMBERS {
        if let Some(value) = members.get(name) {
            collect(value, &mut texts);
        }
    }
    texts.dedup();
    let text = without(&plain(&texts.join(": ")), &secrets.0);
    let words: Vec<_> = text.split(' ').map(shown).collect();
    let mut text: String = words.join(" ");
    if text.chars().count() > MAX_CHARS {
        text = text.chars().take(MAX_CHARS).chain(['…']).collect();
    }
    (!text.is_empty()).then_some(text)
}

/// The texts of a value, also of the same members inside of it.
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => {
            for name in MEMBERS {
                if let Some(value) = members.get(name) {
                    collect(value, texts);
                }
            }
        }
        _ => {}
    }
}

/// The text on one line, without characters that a terminal would act on or not show.
fn plain(text: &str) -> String {
    let is_shown = |c: &char| c.is_whitespace() || !c.is_control();
    let text: String = text.chars().filter(is_shown).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Secrets, as they would stand in such a text.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Those of a provider's entry.
    pub(crate) fn of_entry(config: &ProviderConfig) -> Self {
        let maps = [&config.auth_data, &config.auth_headers, &config.headers];
        let values = maps.into_iter().flat_map(|map| map.values());
        let in_request = config.token_request.iter().flat_map(TokenRequest::secrets);
        let in_url = config.mds_api_url.query_pairs();
        let login = AddressLogin::of(&config.mds_api_url);
        Self::default()
            .and(config.token.iter().chain(values).cloned())
            .and(in_request)
            .and(login.into_iter().flat_map(AddressLogin::secrets))
            .and(in_url.filter_map(|(_, value)| {
                let is_secret = value.chars().count() >= MIN_PARAMETER_CHARS;
                is_secret.then(|| SecretString::from(value.into_owned()))
            }))
    }

    /// These, and others.
    pub(crate) fn and(mut self, others: impl IntoIterator<Item = SecretString>) -> Self {
        let others = others.into_iter();
        let others = others.map(|secret| plain(secret.expose_secret()));
        self.0.extend(others.filter(|secret| !secret.is_empty()));
        self
    }
}

/// The text with all that belongs to a secret hidden, also where two of them overlap.
fn without(text: &str, secrets: &[String]) -> String {
    let mut is_secret = vec![false; text.len()];
    for secret in secrets {
        for (at, _) in text.char_indices() {
            if text[at..].starts_with(secret.as_str()) {
                is_secret[at..at + secret.len()].fill(true);
            }
        }
    }
    let mut shown = String::new();
    let mut is_hidden = false;
    for (at, character) in text.char_indices() {
        if !is_secret[at] {
            shown.push(character);
        } else if !is_hidden {
            shown.push_str(HIDDEN);
        }
        is_hidden = is_secret[at];
    }
    shown
}

/// A word, unless it may be a token, an id or a place.
fn shown(word: &str) -> String {
    if let Some((before, _)) = word.split_once('?')
        && before.contains("://")
        && !before.split('/').any(may_tell)
    {
        return before.to_owned();
    }
    if may_tell(word) {
        return HIDDEN.to_owned();
    }
    word.to_owned()
}

fn may_tell(word: &str) -> bool {
    let has_digit = word.contains(|c: char| c.is_ascii_digit());
    let is_token = has_digit && word.chars().count() >= TOKEN_CHARS;
    let decimals = word
        .split('.')
        .skip(1)
        .any(|part| part.chars().take_while(char::is_ascii_digit).count() >= PLACE_DECIMALS);
    is_token || decimals
}

#[cfg(test)]
mod tests;
