//! `mds config check`: checks what is stored.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use config::Environment;
use vault::{Vault, VaultError};

use crate::args::StageArgs;
use crate::failure::USAGE;
use crate::output;

/// Checks every file of the stage, so that all that is wrong is seen at once.
pub(super) async fn check_stored(stage: &StageArgs, json: bool) -> anyhow::Result<ExitCode> {
    let (env, vault) = super::bucket(stage).await?;
    let mut keys = vec![env.settings_key.clone(), env.providers_key.clone()];
    for layer in super::layers(&env, &vault).await {
        if !keys.contains(&layer.key) {
            keys.push(layer.key);
        }
    }
    let mut text = String::new();
    let mut is_good = true;
    for key in keys {
        let problem = problem(&key, &env, &vault).await?;
        is_good &= problem.is_none();
        if json {
            let line = serde_json::json!({ "key": key, "problem": problem });
            writeln!(text, "{line}")?;
        } else {
            writeln!(text, "{key}: {}", problem.as_deref().unwrap_or("good"))?;
        }
    }
    output::write(Path::new(output::STANDARD), text.as_bytes())?;
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(USAGE)
    })
}

/// What is wrong with a stored file; an error if the bucket is out of reach.
async fn problem(key: &str, env: &Environment, vault: &Vault) -> anyhow::Result<Option<String>> {
    let checked = match vault.get_bytes(key).await {
        Err(error) if error.is_transient() => return Err(error.into()),
        Err(VaultError::NotFound { .. }) => {
            return Ok(Some(format!(
                "missing; `mds config put {key} FILE` stores it"
            )));
        }
        Err(error) => Err(error.into()),
        Ok(text) => super::check(key, env, vault, &text).await,
    };
    Ok(checked.err().map(|error| format!("{error:#}")))
}
