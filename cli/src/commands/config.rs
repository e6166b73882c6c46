//! `mds config`: reads and writes the encrypted configuration files.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use boundaries::Layer;
use config::{Environment, Providers, Settings};
use pipeline::PipelineError;
use store::{Authorities, Store};
use trips::block::Stage;
use trips::text::strip_byte_order_mark;
use vault::{Compression, Seal, Vault};

use crate::args::{ConfigCommand, StageArgs};
use crate::commands::{connect, rotate_key};
use crate::failure;
use crate::progress::Progress;

pub(crate) async fn config(
    command: ConfigCommand,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Get { name, stage } => get(&name, &stage).await,
        ConfigCommand::Put {
            name,
            file,
            plain_text,
            stage,
        } => put(&name, &file, plain_text, &stage).await,
        ConfigCommand::List { stage } => list(&stage, json).await,
        ConfigCommand::RotateKey(args) => rotate_key::rotate_key(&args, json, progress).await,
    }
}

async fn get(name: &str, stage: &StageArgs) -> anyhow::Result<ExitCode> {
    let (env, vault) = bucket(stage).await?;
    let key = key_of(name, &env);
    // Whoever prints an object of a block should see what the steps accept, and nothing else.
    let text = if has_to_be_sealed(&key, &env) {
        vault.get_sealed_bytes(&key).await?
    } else {
        vault.get_bytes(&key).await?
    };
    let mut out = std::io::stdout().lock();
    out.write_all(&text)?;
    if !text.ends_with(b"\n") {
        out.write_all(b"\n")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn put(
    name: &str,
    file: &Path,
    plain_text: bool,
    stage: &StageArgs,
) -> anyhow::Result<ExitCode> {
    let (env, vault) = bucket(stage).await?;
    let text = read(file)?;
    let key = key_of(name, &env);
    check(&key, &env, &vault, &text)
        .await
        .with_context(|| format!("{name} is not stored"))?;
    let seal = if plain_text {
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

/// Refuses a file that would fail the next run: here the person who stores it sees the error.
async fn check(key: &str, env: &Environment, vault: &Vault, text: &[u8]) -> anyhow::Result<()> {
    if key == env.providers_key {
        let providers = Providers::from_json(text)?;
        return providers.check().map_err(|e| failure::usage(e.to_string()));
    }
    if key == env.settings_key {
        let settings = Settings::from_json(text)?;
        settings.check()?;
        return check_database(&settings);
    }
    if key.ends_with(".pem") {
        Authorities::from_pem(key, &String::from_utf8_lossy(text)).map_err(PipelineError::from)?;
        return Ok(());
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(strip_byte_order_mark(text))
        .map_err(|e| failure::usage(format!("it is not JSON: {e}")))?;
    let layers = layers(env, vault).await;
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
    let (_, vault) = bucket(stage).await?;
    let mut out = std::io::stdout().lock();
    for prefix in ["config/", "boundaries/"] {
        let mut pages = vault.list(prefix);
        while let Some(objects) = pages.next_page().await? {
            for object in objects {
                if json {
                    let line = serde_json::json!({ "key": object.key, "bytes": object.size });
                    writeln!(out, "{line}")?;
                } else {
                    writeln!(out, "{:>10}  {}", object.size, object.key)?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn bucket(stage: &StageArgs) -> anyhow::Result<(Environment, Vault)> {
    let (mut env, vault) = connect::bucket().await?;
    if stage.production {
        env = env.with_stage(Stage::Production);
    }
    Ok((env, vault))
}

fn key_of(name: &str, env: &Environment) -> String {
    match name {
        "providers" => env.providers_key.clone(),
        "settings" => env.settings_key.clone(),
        key => key.to_owned(),
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return Ok(text);
    }
    std::fs::read(file).map_err(|e| failure::usage(format!("{}: {e}", file.display())))
}
