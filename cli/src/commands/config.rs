//! `mds config`: reads and writes the encrypted configuration files.

mod check;
mod names;
mod redact;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use boundaries::Layer;
use chrono::{DateTime, SecondsFormat, Utc};
use config::{Environment, Providers, Settings};
use mds_client::ProviderConfig;
use pipeline::PipelineError;
use serde::de::IgnoredAny;
use serde_json::Value;
use store::{Authorities, Store};
use trips::block::Stage;
use trips::text::strip_byte_order_mark;
use vault::{Compression, ListedObject, Seal, Vault, VaultError};

use crate::args::{ConfigCommand, PutArgs, StageArgs};
use crate::commands::{connect, rotate_key};
use crate::failure;
use crate::output;
use crate::progress::Progress;

pub(crate) async fn config(
    command: ConfigCommand,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Get {
            name,
            reveal,
            stage,
        } => get(&name, reveal, &stage).await,
        ConfigCommand::Put {
            name,
            file,
            options,
            stage,
        } => put(&name, &file, &options, &stage).await,
        ConfigCommand::List { stage } => list(&stage, json).await,
        ConfigCommand::Check { stage } => check::check_stored(&stage, json).await,
        ConfigCommand::RotateKey(args) => rotate_key::rotate_key(&args, json, progress).await,
    }
}

async fn get(name: &str, reveal: bool, stage: &StageArgs) -> anyhow::Result<ExitCode> {
    let (env, vault) = bucket(stage).await?;
    let key = names::key_of(name, &env);
    // Whoever prints an object of a block should see what the steps accept, and nothing else.
    let text = if has_to_be_sealed(&key, &env) {
        vault.get_sealed_bytes(&key).await?
    } else {
        vault.get_bytes(&key).await?
    };
    let mut text = if reveal {
        text
    } else {
        without_secrets(&key, &env, text)?
    };
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    output::write(Path::new(output::STANDARD), &text)?;
    Ok(ExitCode::SUCCESS)
}

/// The settings and providers with their secrets hidden; any other object as it is.
fn without_secrets(key: &str, env: &Environment, text: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let is_settings = key == env.settings_key || key.starts_with("config/settings_");
    let is_providers = key == env.providers_key || key.starts_with("config/providers_");
    if !is_settings && !is_providers {
        return Ok(text);
    }
    let mut file: Value =
        serde_json::from_slice(strip_byte_order_mark(&text)).map_err(|error| {
            failure::usage(format!(
                "{key} is not JSON ({error}), so its secrets cannot be hidden; --reveal prints it as it is"
            ))
        })?;
    if is_settings {
        redact::settings(&mut file);
    } else {
        redact::providers(&mut file, &ProviderConfig::KEYS);
    }
    Ok(serde_json::to_vec_pretty(&file)?)
}

async fn put(
    name: &str,
    file: &Path,
    options: &PutArgs,
    stage: &StageArgs,
) -> anyhow::Result<ExitCode> {
    let (env, vault) = bucket(stage).await?;
    let text = read(file)?;
    let key = names::key_of(name, &env);
    check(&key, &env, &vault, &text)
        .await
        .with_context(|| format!("{name} is not stored"))?;
    if key == env.providers_key && !options.accept_removal {
        check_removal(&key, &vault, &text)
            .await
            .with_context(|| format!("{name} is not stored"))?;
    }
    let seal = if options.plain_text {
        check_plain(&key, &env).with_context(|| format!("{name} is not stored"))?;
        Seal::Plain
    } else {
        Seal::Encrypt
    };
    let vault = if has_to_be_sealed(&key, &env) {
        vault
    } else {
        // Uncompressed, so that the older Python tools can still read it.
        vault.with_compression(Compression::None)
    };
    vault.put_bytes(&key, &text, seal).await?;
    eprintln!("stored {key} in {}", vault.bucket());
    Ok(ExitCode::SUCCESS)
}

/// Whether an object with this key is read only if it is encrypted.
fn has_to_be_sealed(key: &str, env: &Environment) -> bool {
    let is_config = key == env.settings_key || key == env.providers_key;
    !(is_config || vault::is_configuration(key) || vault::may_be_plain(key))
}

/// Refuses a plain object that nothing would read.
fn check_plain(key: &str, env: &Environment) -> anyhow::Result<()> {
    if has_to_be_sealed(key, env) {
        return Err(failure::usage(
            "only configuration and boundaries may be plain; leave out --plain-text",
        ));
    }
    Ok(env.check_plain(key)?)
}

/// Refuses a providers file that lacks entries of the stored one.
async fn check_removal(key: &str, vault: &Vault, text: &[u8]) -> anyhow::Result<()> {
    let stored = match vault.get_bytes(key).await {
        Err(VaultError::NotFound { .. }) => return Ok(()),
        stored => stored.context(
            "the stored file cannot be read, so nobody knows what would go; --accept-removal replaces it",
        )?,
    };
    let (stored, new) = (entries(&stored), entries(text));
    let gone: Vec<_> = stored.difference(&new).map(String::as_str).collect();
    if gone.is_empty() {
        return Ok(());
    }
    Err(failure::usage(format!(
        "it would remove {} of {} providers: {}; no run would request them any more. Add --accept-removal if that is \
         meant; `\"enabled\": false` in an entry stops its requests and keeps it",
        gone.len(),
        stored.len(),
        gone.join(", ")
    )))
}

/// The names of a file's entries, whether they can be used or not.
fn entries(text: &[u8]) -> BTreeSet<String> {
    let file = serde_json::from_slice(strip_byte_order_mark(text));
    let file: BTreeMap<String, IgnoredAny> = file.unwrap_or_default();
    file.into_keys().collect()
}

/// Refuses a file that would fail the next run: here the person who stores it sees the error.
async fn check(key: &str, env: &Environment, vault: &Vault, text: &[u8]) -> anyhow::Result<()> {
    let layers = layers(env, vault).await;
    names::check_key(key, env, &layers)?;
    if key == env.providers_key {
        redact::check_whole("providers", text)?;
        let providers = Providers::from_json(text)?;
        return providers.check().map_err(|e| failure::usage(e.to_string()));
    }
    if key == env.settings_key {
        redact::check_whole("settings", text)?;
        let settings = Settings::from_json(text)?;
        settings.check()?;
        return check_database(&settings);
    }
    if key.ends_with(".pem") {
        Authorities::from_pem(key, &String::from_utf8_lossy(text)).map_err(PipelineError::from)?;
        return Ok(());
    }
    serde_json::from_slice::<IgnoredAny>(strip_byte_order_mark(text))
        .map_err(|e| failure::usage(format!("it is not JSON: {e}")))?;
    if key.starts_with("boundaries/") || layers.iter().any(|layer| layer.key == key) {
        config::check_boundary(&layers, key, text)?;
    }
    Ok(())
}

fn check_database(settings: &Settings) -> anyhow::Result<()> {
    for setting in ["DATABASE_URL", "MIGRATION_DATABASE_URL"] {
        if let Some(url) = settings.postgres_url(setting)? {
            // A secret may have the address.
            Store::check_url(setting, url).map_err(PipelineError::from)?;
        }
    }
    if let Some(pem) = settings.authorities_pem()? {
        Authorities::from_pem("DATABASE_CA", pem).map_err(PipelineError::from)?;
    }
    Ok(())
}

/// The layers of the settings in the bucket, or the default ones if there are none yet.
async fn layers(env: &Environment, vault: &Vault) -> Vec<Layer> {
    let settings = vault.get_bytes(&env.settings_key).await;
    settings
        .ok()
        .and_then(|text| Settings::from_json(&text).ok()?.boundaries().ok())
        .unwrap_or_else(boundaries::default_layers)
}

async fn list(stage: &StageArgs, json: bool) -> anyhow::Result<ExitCode> {
    let (env, vault) = bucket(stage).await?;
    let mut text = String::new();
    if !json {
        writeln!(text, "{:>10}  {:<20}  key", "bytes", "modified")?;
    }
    let mut missing = vec![env.settings_key.clone(), env.providers_key.clone()];
    for prefix in ["config/", "boundaries/"] {
        let mut pages = vault.list(prefix);
        while let Some(objects) = pages.next_page().await? {
            for object in objects {
                missing.retain(|key| *key != object.key);
                if !names::is_of_another_stage(&object.key, &env) {
                    text.push_str(&listed(&object, json));
                }
            }
        }
    }
    output::write(Path::new(output::STANDARD), text.as_bytes())?;
    for key in missing {
        if !vault.exists(&key).await? {
            eprintln!("there is no {key} yet; `mds config put {key} FILE` stores one");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(object: &ListedObject, json: bool) -> String {
    let modified = object
        .modified
        .map(|at| DateTime::<Utc>::from(at).to_rfc3339_opts(SecondsFormat::Secs, true));
    if json {
        let line = serde_json::json!({
            "key": object.key,
            "bytes": object.size,
            "modified": modified,
        });
        return format!("{line}\n");
    }
    format!(
        "{:>10}  {:<20}  {}\n",
        object.size,
        modified.unwrap_or_default(),
        object.key
    )
}

async fn bucket(stage: &StageArgs) -> anyhow::Result<(Environment, Vault)> {
    let (mut env, vault) = connect::bucket().await?;
    if stage.production {
        env = env.with_stage(Stage::Production);
    }
    Ok((env, vault))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return Ok(text);
    }
    std::fs::read(file).map_err(|e| failure::usage(format!("{}: {e}", file.display())))
}
