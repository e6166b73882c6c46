//! Hides the secrets of the configuration from whoever looks over the shoulder.
//!
//! A value is shown only under a key that is known to hold no secret, so that a misspelt key does
//! not show one.

use config::Environment;
use mds_client::ProviderConfig;
use pipeline::HIDDEN;
use serde_json::Value;

use super::history;

/// What an object holds, as far as its secrets are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Settings,
    Providers,
    /// Public data, which is printed as it is.
    Boundaries,
    /// An object of the configuration that nothing reads: everything in it may be a secret.
    Unknown,
    /// Anything else, such as an archive or certificates.
    Other,
}

/// What the object with this key, or a former version of it, holds.
pub(super) fn kind_of(key: &str, env: &Environment) -> Kind {
    let rest = key
        .strip_prefix(history::FOLDER)
        .or_else(|| key.strip_prefix("config/"));
    let is = |name: &str, own: &str| {
        let is_by_name = rest.is_some_and(|rest| rest.starts_with(name));
        key == own || history::is_former_of(key, own) || is_by_name
    };
    if is("settings_", &env.settings_key) {
        Kind::Settings
    } else if is("providers_", &env.providers_key) {
        Kind::Providers
    } else if key.starts_with("boundaries/") || rest.is_some_and(|it| it.starts_with("boundaries/"))
    {
        Kind::Boundaries
    } else if rest.is_some() && !key.ends_with(".pem") {
        Kind::Unknown
    } else {
        Kind::Other
    }
}

/// Hides what may be a secret.
pub(super) fn hide_secrets(kind: Kind, file: &mut Value) {
    match kind {
        Kind::Settings => settings(file),
        Kind::Providers => providers(file, &ProviderConfig::KEYS),
        Kind::Unknown => hide(file),
        Kind::Boundaries | Kind::Other => {}
    }
}

const SHOWN_SETTINGS: [&str; 11] = [
    config::SCHEMA,
    "DATABASE_SECRET",
    "DATABASE_CA",
    "MIGRATION_DATABASE_SECRET",
    "TIME_ZONE",
    "SOCRATA_DATASET",
    "SOCRATA_CHUNK_ROWS",
    "PUBLIC_TIME_ROUNDING_MINUTES",
    "PUBLIC_DEVICE_ID_PERIOD",
    "BOUNDARIES",
    "ARCHIVE_COMPRESSION",
];

const URLS_OF_SETTINGS: [&str; 1] = ["SOCRATA_DATA_ENDPOINT"];

/// The keys of a provider that hold its login, or what only requests need.
const HIDDEN_OF_PROVIDER: [&str; 5] = [
    "token",
    "auth_data",
    "token_request",
    "request.auth.headers",
    "headers",
];
const URLS_OF_PROVIDER: [&str; 2] = ["mds_api_url", "token_url"];

fn settings(file: &mut Value) {
    let Value::Object(settings) = file else {
        return hide(file);
    };
    for (key, value) in settings {
        let key = key.as_str();
        if URLS_OF_SETTINGS.contains(&key) {
            hide_in_url(value);
        } else if !SHOWN_SETTINGS.contains(&key) {
            hide(value);
        }
    }
}

/// `known` are the keys of an entry that are read.
fn providers(file: &mut Value, known: &[&str]) {
    let Value::Object(providers) = file else {
        return hide(file);
    };
    for (name, entry) in providers {
        if name == config::SCHEMA {
            continue;
        }
        let Value::Object(entry) = entry else {
            hide(entry);
            continue;
        };
        for (key, value) in entry {
            let key = key.as_str();
            if URLS_OF_PROVIDER.contains(&key) {
                hide_in_url(value);
            } else if HIDDEN_OF_PROVIDER.contains(&key) || !known.contains(&key) {
                hide(value);
            }
        }
    }
}

/// Hides every text and number; the names of members stay.
pub(super) fn hide(value: &mut Value) {
    match value {
        Value::String(_) | Value::Number(_) => *value = HIDDEN.into(),
        Value::Array(list) => list.iter_mut().for_each(hide),
        Value::Object(members) => members.values_mut().for_each(hide),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Hides the login and the query of an address.
fn hide_in_url(value: &mut Value) {
    let Value::String(url) = value else {
        return hide(value);
    };
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let mut shown = String::new();
    if !scheme.is_empty() {
        shown.extend([scheme, "://"]);
    }
    // A password may have a slash.
    match rest.rsplit_once('@') {
        Some((_, host)) => shown.extend([HIDDEN, "@", host]),
        None => shown.push_str(rest),
    }
    if !query.is_empty() {
        shown.extend(["?", HIDDEN]);
    }
    *value = shown.into();
}
