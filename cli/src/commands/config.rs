//! `mds config`: reads and writes the encrypted configuration files.

mod check;
mod content;
mod diff;
mod edit;
mod effects;
mod history;
mod list;
mod names;
mod private;
mod provider;
mod put;
mod redact;
mod target;

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use trips::text::strip_byte_order_mark;

use crate::args::{ConfigCommand, StageArgs};
use crate::commands::rotate_key;
use crate::failure;
use crate::output;
use crate::progress::Progress;
use redact::Kind;
use target::Target;

pub(crate) use content::check as check_text;
pub(crate) use edit::edit;

pub(crate) async fn config(
    command: ConfigCommand,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Get {
            name,
            reveal,
            version,
            stage,
        } => get(&name, reveal, version.as_deref(), &stage).await,
        ConfigCommand::Put {
            name,
            file,
            options,
            stage,
        } => put::put(&name, &file, &options, &stage, json).await,
        ConfigCommand::Edit(args) => edit(&args, json).await,
        ConfigCommand::Diff(args) => diff::diff(&args, json).await,
        ConfigCommand::History { name, stage } => history::history(&name, &stage, json).await,
        ConfigCommand::Schema { name } => schema(&name),
        ConfigCommand::Provider(command) => provider::provider(command, json).await,
        ConfigCommand::List { stage } => list::list(&stage, json).await,
        ConfigCommand::Check { stage } => check::check_stored(&stage, json).await,
        ConfigCommand::RotateKey(args) => rotate_key::rotate_key(&args, json, progress).await,
    }
}

async fn get(
    name: &str,
    reveal: bool,
    version: Option<&str>,
    stage: &StageArgs,
) -> anyhow::Result<ExitCode> {
    let target = Target::open(name, stage).await?;
    let text = target.text(version).await?;
    let mut text = if reveal {
        text
    } else {
        without_secrets(&target, text)?
    };
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    output::write(Path::new(output::STANDARD), &text)?;
    Ok(ExitCode::SUCCESS)
}

/// The settings and providers with their secrets hidden; any other object as it is.
fn without_secrets(target: &Target, text: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let kind = target.kind();
    if matches!(kind, Kind::Boundaries | Kind::Other) {
        return Ok(text);
    }
    let file = serde_json::from_slice(strip_byte_order_mark(&text));
    let mut file: Value = file.map_err(|error| {
        failure::usage(format!(
            "{} is not JSON ({error}), so its secrets cannot be hidden; --reveal prints it as it is",
            target.key
        ))
    })?;
    redact::hide_secrets(kind, &mut file);
    Ok(serde_json::to_vec_pretty(&file)?)
}

fn schema(name: &str) -> anyhow::Result<ExitCode> {
    let schema = match name {
        "settings" => config::settings_schema(),
        "providers" => config::providers_schema(),
        _ => {
            return Err(failure::usage(format!(
                "there is no schema of `{name}`, only of `settings` and `providers`{}",
                config::suggestion(name, &["settings", "providers"])
            )));
        }
    };
    output::json(&schema)?;
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new(output::STANDARD) {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return Ok(text);
    }
    std::fs::read(file).map_err(|e| failure::usage(format!("{}: {e}", file.display())))
}
