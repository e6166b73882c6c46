//! What a file has to be before it is stored, and what is wrong with a stored one.

use std::collections::{BTreeMap, BTreeSet};

use boundaries::{BoundaryError, Layer};
use config::{ConfigError, Environment, Settings};
use pipeline::{FileVerdict, Judged, PipelineError, quietly};
use serde::de::IgnoredAny;
use store::Authorities;
use trips::text::strip_byte_order_mark;
use trips::time::CivilZone;
use trips::words::counted;
use vault::{Seal, StoredAs, Vault, VaultError};

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
    // The settings themselves may be what has to be corrected.
    let known = if names::is_known(key, env) {
        Some(Vec::new())
    } else {
        layers(env, vault).await?
    };
    if known.is_none() && !names::may_be_read(key, env, &[]) {
        return Err(failure::usage(format!(
            "the stored settings cannot be used, so nobody knows whether BOUNDARIES names {key}; `mds config check` says \
             what is wrong with them"
        )));
    }
    let layers = known.as_deref().unwrap_or_default();
    names::check_key(key, env, layers)?;
    if key == env.providers_key || is_kind(key, env, Kind::Providers) {
        return accept(pipeline::judge_providers(text));
    }
    if key == env.settings_key || is_kind(key, env, Kind::Settings) {
        return accept(pipeline::judge_settings(env, vault, text).await);
    }
    if key.ends_with(".pem") {
        Authorities::from_pem(key, &String::from_utf8_lossy(text)).map_err(PipelineError::from)?;
        return Ok(Vec::new());
    }
    serde_json::from_slice::<IgnoredAny>(strip_byte_order_mark(text))
        .map_err(|e| failure::usage(format!("it is not JSON: {e}")))?;
    let is_named = layers.iter().any(|layer| layer.key == key);
    if key.starts_with("boundaries/") || is_named {
        let mut warnings = config::check_boundary(layers, key, text)?;
        if known.is_none() {
            warnings.push(format!(
                "{key} is not checked against its layer, since the stored settings cannot be used; `mds config check` \
                 says what is wrong with them"
            ));
        } else if !is_named {
            warnings.push(unnamed(key, layers));
        }
        return Ok(warnings);
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
        "no layer of BOUNDARIES names {key}, so nothing reads it{}",
        config::suggestion(key, &keys)
    )
}

fn accept<T>(judged: Judged<T>) -> anyhow::Result<Vec<String>> {
    let mut warnings = judged.warnings;
    match judged.verdict {
        FileVerdict::Usable => {}
        FileVerdict::LoadsNothing(why) => warnings.push(why),
        FileVerdict::Unusable(problem) => return Err(problem.into()),
    }
    Ok(warnings)
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
                missing.extend(match checked {
                    Ok(warnings) => warnings,
                    Err(
                        error @ ConfigError::Boundary {
                            why: BoundaryError::NoArea { .. },
                        },
                    ) => vec![error.to_string()],
                    Err(error) => vec![format!(
                        "{error}; until `mds config put {key} FILE`, no hour is loaded"
                    )],
                });
            }
            Err(VaultError::NotFound { .. }) => missing.push(format!(
                "BOUNDARIES names {key}, which is missing; until `mds config put {key} FILE`, no hour is loaded"
            )),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(missing)
}

/// Refuses to replace a file that no key opens: nobody would see what goes, and whoever has its key
/// could not read the new one.
pub(super) fn check_readable(stored: Option<&Stored>) -> anyhow::Result<()> {
    if stored.is_some_and(|it| it.text.is_none()) {
        return Err(failure::usage(
            "the stored file cannot be read, so nobody knows what would go: none of the keys in ATD_MDS_FERNET_KEY \
             opens it, or it is damaged. Give the key of its stage; --accept-removal replaces it",
        ));
    }
    Ok(())
}

/// Refuses a Fernet key that opens neither the settings nor the providers of the stage: no run
/// could read what it seals.
pub(super) async fn check_fernet_key(target: &Target) -> anyhow::Result<()> {
    let env = &target.env;
    for key in [&env.settings_key, &env.providers_key] {
        match target.vault.get_bytes(key).await {
            Ok(_) => return Ok(()),
            Err(VaultError::NotFound { .. }) => {}
            Err(VaultError::Unreadable { .. }) => {
                return Err(failure::usage(format!(
                    "none of the keys in ATD_MDS_FERNET_KEY opens {key}, so no run of the stage could read what \
                     they seal. Give the key of the stage; --plain-text stores boundaries, which are public, without \
                     one; --accept-removal stores it all the same"
                )));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// That an object which everybody could read is sealed from now on.
pub(super) fn becomes_encrypted(
    target: &Target,
    stored: Option<&Stored>,
    seal: Seal,
) -> Option<String> {
    let was_plain = stored.is_some_and(|it| it.stored_as == Some(StoredAs::Plain));
    let is_public = vault::may_be_plain(&target.key);
    (was_plain && is_public && seal == Seal::Encrypt).then(|| {
        format!(
            "{} is stored as plain text, and becomes encrypted: whoever reads it needs the key then; --plain-text keeps \
             it plain",
            target.key
        )
    })
}

/// Refuses a providers file without entries, or one that lacks entries of the stored one.
pub(super) fn check_removal(stored: Option<&Stored>, text: &[u8]) -> anyhow::Result<()> {
    let new = entries(text);
    let stored = stored.and_then(|it| it.text.as_deref());
    let stored = stored.map_or_else(BTreeSet::new, entries);
    let gone: Vec<_> = stored.difference(&new).map(String::as_str).collect();
    if !gone.is_empty() {
        return Err(failure::usage(format!(
            "it would remove {} of {}: {}; no run would request them any more. Add --accept-removal if \
             that is meant; `\"enabled\": false` in an entry stops its requests and keeps it",
            gone.len(),
            counted(stored.len(), "provider"),
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

/// The city's time zone, or the default one as long as there are no settings.
///
/// # Errors
///
/// The settings cannot be read.
pub(super) async fn zone(env: &Environment, vault: &Vault) -> anyhow::Result<CivilZone> {
    let settings = stored_settings(env, vault).await?;
    Ok(settings.map_or_else(CivilZone::default, |it| it.time_zone))
}

/// The layers of the settings in the bucket, or the default ones as long as there are none. `None`
/// if the settings cannot be used, so that nobody knows.
///
/// # Errors
///
/// The bucket is out of reach.
pub(super) async fn layers(env: &Environment, vault: &Vault) -> anyhow::Result<Option<Vec<Layer>>> {
    match stored_settings(env, vault).await {
        Ok(None) => Ok(Some(boundaries::default_layers())),
        Ok(Some(settings)) => Ok(settings.boundaries().ok()),
        Err(error) if is_transient(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

fn is_transient(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<VaultError>()
        .is_some_and(VaultError::is_transient)
}

/// The settings in the bucket; `None` if it has none.
async fn stored_settings(env: &Environment, vault: &Vault) -> anyhow::Result<Option<Settings>> {
    match vault.get_bytes(&env.settings_key).await {
        Ok(text) => Ok(Some(quietly(|| Settings::from_json(&text))?)),
        Err(VaultError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
