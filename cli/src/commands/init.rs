//! `mds init`: from an empty folder to a first hour of one's own.
//!
//! Each step can be repeated: a second call goes on where the first one stopped, and changes
//! nothing that is right.

mod answers;
mod ask;
mod bucket;
mod given;
mod local;
mod outside;

use std::collections::BTreeMap;
use std::process::ExitCode;

use config::Environment;
use pipeline::Conclusion;
use serde_json::json;
use trips::words::counted;

use self::answers::Answers;
pub(crate) use self::answers::secrets;
use self::ask::Asker;
use self::bucket::Bucket;
use self::outside::Probed;
use crate::args::InitArgs;
use crate::failure::{FAILED, not_written};
use crate::output;

pub(crate) async fn init(args: &InitArgs, json: bool) -> anyhow::Result<ExitCode> {
    let mut asker = Asker::new(args.yes, args.secrets.as_deref())?;
    let made = std::fs::create_dir_all(&args.folder);
    made.map_err(|error| not_written(&args.folder, &error))?;
    let mut done = Done::default();

    let variables = answers::environment(args, &mut asker).await?;
    asker.finish()?;
    let env = environment(&variables)?;
    let bucket = Box::pin(Bucket::open(&env)).await?;
    let answers = Box::pin(Answers::gather(args, &mut asker, &bucket)).await?;
    asker.finish()?;
    // A mistake in an answer is corrected by the next answer, as long as no file holds it.
    answers.check(&bucket).await?;

    done.write(args, local::ENV, Some(answers::env_text(&variables)))?;
    done.write(args, local::SETTINGS, answers.new_settings.clone())?;
    done.write(args, local::PROVIDERS, answers.new_providers.clone())?;
    local::write_notes(&args.folder)?;

    Box::pin(outside::check(&answers, &bucket)).await?;
    done.stored = Box::pin(bucket.store(&answers)).await?;
    let applied = Box::pin(outside::migrate(&env)).await?;
    done.say(&match applied.as_slice() {
        [] => "the tables are up to date".to_owned(),
        applied => format!("{} applied", counted(applied.len(), "migration")),
    });
    done.migrated = applied;
    let probed = Box::pin(outside::probe(&env, answers.provider.as_deref())).await?;
    finish(args, &done, probed.as_ref(), json)
}

/// The environment that the following commands will have.
fn environment(variables: &BTreeMap<String, String>) -> anyhow::Result<Environment> {
    Ok(Environment::from_lookup(|name| {
        variables
            .get(name)
            .cloned()
            .or_else(|| std::env::var(name).ok())
    })?)
}

/// What a call has done.
#[derive(Default)]
struct Done {
    files: Vec<(&'static str, &'static str)>,
    stored: Vec<(String, &'static str)>,
    migrated: Vec<i32>,
}

impl Done {
    fn say(&self, line: &str) {
        note!("{line}");
    }

    fn write(
        &mut self,
        args: &InitArgs,
        name: &'static str,
        text: Option<String>,
    ) -> anyhow::Result<()> {
        let Some(text) = text else {
            return Ok(());
        };
        let is_new = local::write_new(&args.folder, name, &text)?;
        let state = if is_new { "written" } else { "kept" };
        self.say(&format!("{}: {state}", args.folder.join(name).display()));
        self.files.push((name, state));
        Ok(())
    }
}

fn finish(
    args: &InitArgs,
    done: &Done,
    probed: Option<&Probed>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let file = args.folder.join(local::ENV);
    let mds = format!("mds --env-file {}", file.display());
    let next: Vec<String> = match probed {
        Some(probed) => vec![
            format!(
                "{mds} run --provider {} --time-max {}{}",
                probed.provider,
                probed.label,
                if probed.has_portal {
                    ""
                } else {
                    " --no-sync-socrata"
                }
            ),
            format!("{mds} status"),
            format!("{mds} doctor"),
        ],
        None => vec![
            format!("{mds} config put providers providers.json"),
            format!("{mds} doctor"),
        ],
    };
    if json {
        let named = |pairs: &[(String, &str)]| -> Vec<_> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, state)| json!({"name": name, "state": state}))
                .collect()
        };
        let files: Vec<_> = done
            .files
            .iter()
            .map(|(name, state)| ((*name).to_owned(), *state))
            .collect();
        output::json(&json!({
            "files": named(&files),
            "stored": named(&done.stored),
            "migrated": done.migrated,
            "probe": probed.map(|it| json!({
                "provider": it.provider,
                "label": it.label,
                "conclusion": it.conclusion,
            })),
            "next": next,
        }))?;
    } else {
        output::text(&format!("\nNext:\n  {}", next.join("\n  ")))?;
    }
    Ok(
        if probed.is_some_and(|it| it.conclusion != Conclusion::CanBeIngested) {
            ExitCode::from(FAILED)
        } else {
            ExitCode::SUCCESS
        },
    )
}
