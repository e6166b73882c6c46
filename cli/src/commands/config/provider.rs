//! `mds config provider`: entries of the providers file, changed one by one. All other entries stay
//! as they are written.

mod entry;
mod file;
mod list;

use std::process::ExitCode;

use serde_json::{Value, json};

use trips::block::{ProviderName, ProviderNameError};

use crate::args::{AddProviderArgs, EditProviderArgs, ProbeArgs, ProviderCommand, StageArgs};
use crate::commands::probe;
use crate::failure;
use entry::Entry;
use file::ProvidersFile;

/// The key that says whether runs over all providers include an entry.
const ENABLED: &str = "enabled";
const ACTIVE_FROM: &str = "active_from";

pub(super) async fn provider(command: ProviderCommand, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        ProviderCommand::Add(args) => add(&args, json).await,
        ProviderCommand::Edit(args) => edit(&args, json).await,
        ProviderCommand::Enable {
            name,
            active_from,
            stage,
        } => enable(&name, active_from.as_deref(), &stage, json).await,
        ProviderCommand::Disable { name, stage } => disable(&name, &stage, json).await,
        ProviderCommand::List { stage } => list::list(&stage, json).await,
    }
}

async fn add(args: &AddProviderArgs, json: bool) -> anyhow::Result<ExitCode> {
    let name = args.name.as_str();
    let parsed: Result<ProviderName, ProviderNameError> = name.parse();
    parsed.map_err(|error| failure::usage(error.to_string()))?;
    let file = ProvidersFile::open(&args.stage).await?;
    if file.entry(name).is_some() {
        return Err(failure::usage(format!(
            "{} has a provider {name} already; `mds config provider edit {name}` changes it",
            file.target.key
        )));
    }
    let mut entry = Entry::from_options(&args.keys).await?;
    entry.complete().await?;
    entry.set(ENABLED, args.enable.into());
    let text = file.with(name, &entry.changes())?;
    Entry::check(name, &ProvidersFile::entry_of(&text, name))?;
    let is_probed = args.probe;
    file.store(text, json && !is_probed).await?;
    if is_probed {
        let probe = ProbeArgs {
            provider: name.to_owned(),
            time_max: None,
        };
        return probe::probe(&probe, json).await;
    }
    if !json {
        let stage = if args.stage.production {
            " --production"
        } else {
            ""
        };
        let enable = format!("`mds config provider enable {name}{stage}`");
        let next = if args.enable {
            String::new()
        } else {
            format!(", then {enable}")
        };
        note!("next: `mds probe --provider {name}`{next}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn edit(args: &EditProviderArgs, json: bool) -> anyhow::Result<ExitCode> {
    let name = args.name.as_str();
    let file = ProvidersFile::open(&args.stage).await?;
    let former = file.require(name)?;
    let entry = Entry::from_options(&args.keys).await?;
    if entry.is_empty() && args.unset.is_empty() {
        return Err(failure::usage(
            "nothing to change: give an option for a key, or --unset KEY; `mds config edit providers` opens the file",
        ));
    }
    let mut changes = entry.changes();
    for key in &args.unset {
        if former.get(key).is_none() {
            let keys: Vec<_> = former.as_object().into_iter().flatten().collect();
            let keys: Vec<_> = keys.iter().map(|(key, _)| key.as_str()).collect();
            return Err(failure::usage(format!(
                "--unset {key}: the entry {name} has no such key{}",
                config::suggestion(key, &keys)
            )));
        }
        changes.push((key, None));
    }
    let text = file.with(name, &changes)?;
    Entry::check(name, &ProvidersFile::entry_of(&text, name))?;
    file.store(text, json).await?;
    Ok(ExitCode::SUCCESS)
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
