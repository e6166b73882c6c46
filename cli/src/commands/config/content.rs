//! What a file has to be before it is stored, and what is wrong with a stored one.

use std::collections::{BTreeMap, BTreeSet};

use boundaries::Layer;
use config::{AuthoritySource, ConfigWarning, Environment, Providers, Settings};
use pipeline::PipelineError;
use serde::de::IgnoredAny;
use serde_json::Value;
use store::{Authorities, Store};
use tracing::subscriber::{NoSubscriber, with_default};
use trips::text::strip_byte_order_mark;
use vault::{Vault, VaultError};

use super::json_text;
use super::names;
use super::redact::{self, Kind};
use super::target::{Stored, Target};
use crate::failure;

/// Refuses a text that would fail the next run: here the person who stores it sees the error.
/// Returns what is allowed but seldom meant.
pub(crate) async fn check(
    key: &str,
    env: &Environment,
    vault: &Vault,
    text: &[u8],
) -> anyhow::Result<Vec<String>> {
    let layers = layers(env, vault).await;
    names::check_key(key, env, &layers)?;
    let kind = if key == env.providers_key || is_kind(key, env, Kind::Providers) {
        Kind::Providers
    } else if key == env.settings_key || is_kind(key, env, Kind::Settings) {
        Kind::Settings
    } else {
        Kind::Other
    };
    if kind == Kind::Other && key.ends_with(".pem") {
        Authorities::from_pem(key, &String::from_utf8_lossy(text)).map_err(PipelineError::from)?;
        return Ok(Vec::new());
    }
    // The readers of the two files name a variable, which says nothing about a local file.
    let json = strip_byte_order_mark(text);
    let parsed = match kind {
        Kind::Other => serde_json::from_slice::<IgnoredAny>(json).map(|_| ()),
        // Any value at all has clearer messages, and holds these small files.
        _ => serde_json::from_slice::<Value>(json).map(|_| ()),
    };
    parsed.map_err(|e| failure::usage(format!("it is not JSON: {e}")))?;
    match kind {
        Kind::Providers => return check_providers(text),
        Kind::Settings => return check_settings(env, vault, text).await,
        _ => {}
    }
    if key.starts_with("boundaries/") || layers.iter().any(|layer| layer.key == key) {
        config::check_boundary(&layers, key, text)?;
        if !layers.iter().any(|layer| layer.key == key) {
            return Ok(vec![unnamed(key, &layers)]);
        }
    }
    Ok(Vec::new())
}

/// Whether the object is one of its kind by its name, such as the other stage's file.
fn is_kind(key: &str, env: &Environment, kind: Kind) -> bool {
    key.ends_with(".json") && redact::kind_of(key, env) == kind
}

fn unnamed(key: &str, layers: &[Layer]) -> String {
    let keys: Vec<_> = layers.iter().map(|layer| layer.key.as_str()).collect();
    format!(
        "no layer of BOUNDARIES names {key}, so nothing reads it; is {} meant?",
        config::nearest_name(key, &keys)
    )
}

fn check_providers(text: &[u8]) -> anyhow::Result<Vec<String>> {
    redact::check_whole("providers", text)?;
    let providers = quietly(|| Providers::from_json(text))?;
    let faults: Vec<_> = providers.faults().map(ToString::to_string).collect();
    if !faults.is_empty() {
        return Err(failure::usage(faults.join("; ")));
    }
    Ok(warnings(providers.warnings(), text))
}

async fn check_settings(
    env: &Environment,
    vault: &Vault,
    text: &[u8],
) -> anyhow::Result<Vec<String>> {
    redact::check_whole("settings", text)?;
    let settings = quietly(|| Settings::from_json(text))?;
    settings.check()?;
    for setting in ["DATABASE_URL", "MIGRATION_DATABASE_URL"] {
        if let Some(url) = settings.postgres_url(setting)? {
            // A secret may have the address.
            Store::check_url(setting, url).map_err(PipelineError::from)?;
        }
    }
    check_authorities(&settings, env, vault).await?;
    Ok(warnings(settings.warnings(), text))
}

async fn check_authorities(
    settings: &Settings,
    env: &Environment,
    vault: &Vault,
) -> anyhow::Result<()> {
    let (source, pem) = match settings.authorities()? {
        None => return Ok(()),
        Some(AuthoritySource::Pem(pem)) => ("DATABASE_CA".to_owned(), pem.to_owned()),
        Some(AuthoritySource::Object(key)) => {
            let read = config::read_authorities(vault, env, key).await?;
            (read.source, read.pem)
        }
    };
    Authorities::from_pem(&source, &pem).map_err(PipelineError::from)?;
    Ok(())
}

/// Warnings in words; the log lines of a load would say the same again.
fn quietly<T>(read: impl FnOnce() -> T) -> T {
    with_default(NoSubscriber::default(), read)
}

fn warnings(found: &[ConfigWarning], text: &[u8]) -> Vec<String> {
    let found = found.iter().map(ToString::to_string);
    let repeated = json_text::repeated_members(text).into_iter();
    let repeated = repeated
        .map(|key| format!("the key `{key}` stands more than once; what stands last counts"));
    found.chain(repeated).collect()
}

/// What the next load will miss of the boundaries that the settings name. Only a warning: one of
/// settings and boundaries has to be stored first.
pub(super) async fn missing_boundaries(
    target: &Target,
    stored: Option<&Stored>,
    text: &[u8],
) -> anyhow::Result<Vec<String>> {
    if target.key != target.env.settings_key {
        return Ok(Vec::new());
    }
    let layers_of = |text: &[u8]| {
        quietly(|| Settings::from_json(text))
            .ok()?
            .boundaries()
            .ok()
    };
    let former = stored
        .and_then(|it| layers_of(it.text.as_deref()?))
        .unwrap_or_default();
    let layers = layers_of(text).unwrap_or_default();
    let mut missing = Vec::new();
    for layer in &layers {
        if former.contains(layer) {
            continue;
        }
        let key = &layer.key;
        match target.vault.get_bytes(key).await {
            Ok(text) => {
                let checked = config::check_boundary(&layers, key, &text);
                missing.extend(checked.err().map(|error| {
                    format!("{error}; until `mds config put {key} FILE`, no hour is loaded")
                }));
            }
            Err(VaultError::NotFound { .. }) => missing.push(format!(
                "BOUNDARIES names {key}, which is missing; until `mds config put {key} FILE`, no hour is loaded"
            )),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(missing)
}

/// Refuses a providers file without entries, or one that lacks entries of the stored one.
pub(super) fn check_removal(stored: Option<&Stored>, text: &[u8]) -> anyhow::Result<()> {
    let new = entries(text);
    let stored = match stored {
        None => BTreeSet::new(),
        Some(Stored { text: None, .. }) => {
            return Err(failure::usage(
                "the stored file cannot be read, so nobody knows what would go; --accept-removal replaces it",
            ));
        }
        Some(Stored {
            text: Some(text), ..
        }) => entries(text),
    };
    let gone: Vec<_> = stored.difference(&new).map(String::as_str).collect();
    if !gone.is_empty() {
        return Err(failure::usage(format!(
            "it would remove {} of {} providers: {}; no run would request them any more. Add --accept-removal if \
             that is meant; `\"enabled\": false` in an entry stops its requests and keeps it",
            gone.len(),
            stored.len(),
            gone.join(", ")
        )));
    }
    if new.is_empty() {
        return Err(failure::usage(
            "it has no provider, so no run would request anything; add --accept-removal if that is meant",
        ));
    }
    Ok(())
}

/// The names of a file's entries, whether they can be used or not.
fn entries(text: &[u8]) -> BTreeSet<String> {
    let file = serde_json::from_slice(strip_byte_order_mark(text));
    let file: BTreeMap<String, IgnoredAny> = file.unwrap_or_default();
    file.into_keys()
        .filter(|name| name != config::SCHEMA)
        .collect()
}

/// The layers of the settings in the bucket, or the default ones if there are none yet.
pub(super) async fn layers(env: &Environment, vault: &Vault) -> Vec<Layer> {
    let settings = vault.get_bytes(&env.settings_key).await;
    settings
        .ok()
        .and_then(|text| {
            quietly(|| Settings::from_json(&text))
                .ok()?
                .boundaries()
                .ok()
        })
        .unwrap_or_else(boundaries::default_layers)
}
