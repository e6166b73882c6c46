//! `mds config provider`: entries of the providers file, changed one by one. All other entries stay
//! as they are written.

mod file;
mod list;

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::args::{ProviderCommand, StageArgs};
use file::ProvidersFile;

/// The key that says whether runs over all providers include an entry.
const ENABLED: &str = "enabled";
const ACTIVE_FROM: &str = "active_from";

pub(super) async fn provider(command: ProviderCommand, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        ProviderCommand::Enable {
            name,
            active_from,
            stage,
        } => enable(&name, active_from.as_deref(), &stage, json).await,
        ProviderCommand::Disable { name, stage } => disable(&name, &stage, json).await,
        ProviderCommand::List { stage } => list::list(&stage, json).await,
    }
}

async fn enable(
    name: &str,
    active_from: Option<&str>,
    stage: &StageArgs,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut changes = vec![(ENABLED, Some(Value::Bool(true)))];
    if let Some(hour) = active_from {
        changes.push((ACTIVE_FROM, Some(json!(hour))));
    }
    change(name, &changes, stage, json).await
}

async fn disable(name: &str, stage: &StageArgs, json: bool) -> anyhow::Result<ExitCode> {
    change(name, &[(ENABLED, Some(Value::Bool(false)))], stage, json).await
}

/// Changes keys of an entry that exists.
async fn change(
    name: &str,
    changes: &[(&str, Option<Value>)],
    stage: &StageArgs,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let file = ProvidersFile::open(stage).await?;
    file.require(name)?;
    let text = file.with(name, changes)?;
    file.store(text, json).await?;
    Ok(ExitCode::SUCCESS)
}
