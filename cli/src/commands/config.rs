//! `mds config`: reads and writes the encrypted configuration files and rotates their key.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use config::Environment;
use trips::block::Stage;
use vault::{Compression, RotationProgress, Seal, Vault};

use crate::args::{ConfigCommand, StageArgs};
use crate::commands::connect;
use crate::failure::{self, FAILED};
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
        ConfigCommand::RotateKey { prefix } => rotate_key(&prefix, progress).await,
    }
}

async fn get(name: &str, stage: &StageArgs) -> anyhow::Result<ExitCode> {
    let (env, vault) = bucket(stage).await?;
    let text = vault.get_bytes(&key_of(name, &env)).await?;
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
    check(&key, &env, &text).with_context(|| format!("{name} is not stored"))?;
    let seal = if plain_text {
        Seal::Plain
    } else {
        Seal::Encrypt
    };
    // Uncompressed, so that the older Python tools can still read it.
    let vault = vault.with_compression(Compression::None);
    vault.put_bytes(&key, &text, seal).await?;
    eprintln!("stored {key} in {}", vault.bucket());
    Ok(ExitCode::SUCCESS)
}

/// Rejects a file that would fail the next run: here the person who stores it sees the error.
fn check(key: &str, env: &Environment, text: &[u8]) -> anyhow::Result<()> {
    if key == env.providers_key {
        config::Providers::from_json(text)?;
    } else if key == env.settings_key {
        config::Settings::from_json(text)?.check()?;
    } else {
        serde_json::from_slice::<serde::de::IgnoredAny>(text)
            .map_err(|e| failure::usage(format!("it is not JSON: {e}")))?;
    }
    Ok(())
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

#[expect(clippy::print_stdout, reason = "the counts are this command's data")]
async fn rotate_key(prefix: &str, progress: &Progress) -> anyhow::Result<ExitCode> {
    let (_, vault) = connect::bucket().await?;
    let report = vault
        .rotate(prefix, |seen: &RotationProgress| {
            progress.objects(seen.done());
        })
        .await?;
    progress.end();
    println!("{report}");
    for failure in &report.failed {
        eprintln!("{failure}");
    }
    Ok(if report.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
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
