//! `mds config list`: the files of the stage, and the boundaries.

use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use vault::ListedObject;

use super::history;
use super::names;
use super::target::bucket;
use crate::args::StageArgs;
use crate::output;

pub(super) async fn list(stage: &StageArgs, json: bool) -> anyhow::Result<ExitCode> {
    let (env, vault) = bucket(stage).await?;
    let mut listed = Vec::new();
    let mut missing = vec![env.settings_key.clone(), env.providers_key.clone()];
    for prefix in ["config/", "boundaries/"] {
        let mut pages = vault.list(prefix);
        while let Some(objects) = pages.next_page().await? {
            missing.retain(|key| objects.iter().all(|it| it.key != *key));
            listed.extend(objects.into_iter().filter(|it| {
                let is_former = it.key.starts_with(history::FOLDER);
                !is_former && !names::is_of_another_stage(&it.key, &env)
            }));
        }
    }
    if json {
        output::json(&listed.iter().map(as_json).collect::<Vec<_>>())?;
    } else {
        output::write(Path::new(output::STANDARD), as_text(&listed).as_bytes())?;
    }
    for key in missing {
        if !vault.exists(&key).await? {
            note!("there is no {key} yet; `mds config put {key} FILE` stores one");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn modified(object: &ListedObject) -> Option<String> {
    let at = DateTime::<Utc>::from(object.modified?);
    Some(at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn as_json(object: &ListedObject) -> Value {
    json!({ "key": object.key, "bytes": object.size, "modified": modified(object) })
}

fn as_text(objects: &[ListedObject]) -> String {
    let mut text = format!("{:>10}  {:<20}  key\n", "bytes", "modified (UTC)");
    for object in objects {
        let modified = modified(object).unwrap_or_default();
        text.push_str(&format!(
            "{:>10}  {modified:<20}  {}\n",
            object.size, object.key
        ));
    }
    text
}
