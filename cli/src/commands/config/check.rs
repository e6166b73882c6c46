//! `mds config check`: checks what is stored.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use config::{Environment, FileKind};
use serde_json::{Value, json};
use trips::text::strip_byte_order_mark;
use vault::{StoredAs, Vault, VaultError};

use super::content;
use super::history;
use super::names;
use super::target::bucket;
use crate::args::StageArgs;
use crate::failure::{FAILED, usage};
use crate::output;

/// What is found out about a stored file.
pub(crate) struct Checked {
    /// The object's key.
    pub(crate) key: String,
    /// What is wrong with it.
    pub(crate) problem: Option<String>,
    /// What is allowed but seldom meant.
    pub(crate) warnings: Vec<String>,
}

/// `mds config check`.
pub(super) async fn check_stored(stage: &StageArgs, json: bool) -> anyhow::Result<ExitCode> {
    let (env, vault) = bucket(stage).await?;
    for (kind, key) in [
        (FileKind::Settings, &env.settings_key),
        (FileKind::Providers, &env.providers_key),
    ] {
        refuse_the_other_file(kind, key, &vault).await?;
    }
    let checked = check_all(&env, &vault).await?;
    if json {
        let all = checked
            .iter()
            .map(|it| json!({ "key": it.key, "problem": it.problem, "warnings": it.warnings }));
        output::json(&all.collect::<Vec<_>>())?;
    } else {
        let mut text = String::new();
        for it in &checked {
            let problem = it.problem.as_deref();
            let found = problem.or((it.warnings.is_empty()).then_some("good"));
            if let Some(found) = found {
                writeln!(text, "{}: {found}", it.key)?;
            }
            for warning in &it.warnings {
                writeln!(text, "{}: warning: {warning}", it.key)?;
            }
        }
        output::write(Path::new(output::STANDARD), text.as_bytes())?;
    }
    Ok(if checked.iter().all(|it| it.problem.is_none()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

/// Refuses the providers file in place of the settings, and the other way round. It is the variable
/// that is wrong, and not the file.
async fn refuse_the_other_file(kind: FileKind, key: &str, vault: &Vault) -> anyhow::Result<()> {
    let text = match vault.get_bytes(key).await {
        Err(error) if error.is_transient() => return Err(error.into()),
        // What is wrong is said of the file.
        file => file.ok(),
    };
    let file = text.and_then(|text| serde_json::from_slice(strip_byte_order_mark(&text)).ok());
    match file.and_then(|file: Value| kind.mistaken(&file)) {
        Some(why) => Err(usage(format!(
            "{} names {key}, which {why}; correct the variable, or store the file that belongs there with `mds config \
             put {} FILE`",
            kind.variable(),
            kind.as_str()
        ))),
        None => Ok(()),
    }
}

/// Checks every file of the stage, so that all that is wrong is seen at once, and names the files
/// that nothing reads.
///
/// # Errors
///
/// The bucket is out of reach.
pub(crate) async fn check_all(env: &Environment, vault: &Vault) -> anyhow::Result<Vec<Checked>> {
    let known = content::layers(env, vault).await?;
    let layers = known.as_deref().unwrap_or_default();
    let mut keys = vec![env.settings_key.clone(), env.providers_key.clone()];
    for layer in layers {
        if !keys.contains(&layer.key) {
            keys.push(layer.key.clone());
        }
    }
    let mut checked = Vec::new();
    for key in keys {
        checked.push(check_object(&key, env, vault).await?);
    }
    if known.is_none() {
        checked[0].warnings.push(
            "the boundaries are not checked, since nothing says which layers there are".to_owned(),
        );
        return Ok(checked);
    }
    let mut pages = vault.list("config/");
    while let Some(page) = pages.next_page().await? {
        let unread = page.into_iter().filter(|it| {
            !it.key.starts_with(history::FOLDER) && !names::may_be_read(&it.key, env, layers)
        });
        checked.extend(unread.map(|it| Checked {
            warnings: vec![format!(
                "nothing reads this object{}",
                names::suggestion(&it.key, env, layers)
            )],
            problem: None,
            key: it.key,
        }));
    }
    Ok(checked)
}

/// What is wrong with a stored file; an error if the bucket is out of reach.
async fn check_object(key: &str, env: &Environment, vault: &Vault) -> anyhow::Result<Checked> {
    let found = match vault.get_with_info(key).await {
        Err(error) if error.is_transient() => return Err(error.into()),
        Err(VaultError::NotFound { .. }) => Err(anyhow::anyhow!(
            "missing; `mds config put {key} FILE` stores it"
        )),
        Err(error) => Err(error.into()),
        Ok((text, info)) => {
            let plain = (info.stored_as == StoredAs::Plain).then(|| env.check_plain(key));
            match plain {
                Some(Err(error)) => Err(error.into()),
                _ => content::check(key, env, vault, &text).await,
            }
        }
    };
    let (problem, warnings) = match found {
        Ok(warnings) => (None, warnings),
        Err(error) => (Some(format!("{error:#}")), Vec::new()),
    };
    Ok(Checked {
        key: key.to_owned(),
        problem,
        warnings,
    })
}
