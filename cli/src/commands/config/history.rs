//! Former versions: what a file was before another text took its place, and drafts that could not
//! be stored.
//!
//! They lie next to the configuration, encrypted like it, so that a change can be looked at and
//! taken back in a bucket that keeps no versions of its own.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use serde_json::json;
use trips::block::Stage;
use vault::{ListedObject, Seal, StoredAs, VaultError, WriteCondition};

use super::content;
use super::target::{Stored, Target};
use crate::args::StageArgs;
use crate::failure;
use crate::output;
use crate::table::table;

/// The folder of the former versions of all objects but those of a block.
pub(super) const FOLDER: &str = "config/history/";
/// The form of the time in a key.
const TIME: &str = "%Y-%m-%dT%H-%M-%SZ";
/// What the id of a draft ends with.
const DRAFT: &str = ".draft";
/// How many seconds after now a free name is looked for.
const MAX_SECONDS: i64 = 60;

/// A former version of an object, or a draft.
pub(super) struct Former {
    pub(super) key: String,
    /// The time in its key, by which commands name it.
    pub(super) id: String,
    /// When another text took its place, or when the draft was kept.
    pub(super) at: DateTime<Utc>,
    pub(super) is_draft: bool,
    bytes: u64,
}

/// What stands before and after the id in the keys of an object's former versions.
fn frame(key: &str) -> (String, String) {
    let (stem, ending) = match key.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') => (stem, format!(".{ending}")),
        _ => (key, String::new()),
    };
    let of_block = Stage::ALL
        .into_iter()
        .any(|stage| key.starts_with(&format!("{stage}/")));
    let stem = if of_block {
        format!("{stem}.")
    } else {
        format!("{FOLDER}{}.", stem.strip_prefix("config/").unwrap_or(stem))
    };
    (stem, ending)
}

/// Whether a key is that of a former version of the object.
pub(super) fn is_former_of(key: &str, object: &str) -> bool {
    let (before, after) = frame(object);
    let id = key
        .strip_prefix(&before)
        .and_then(|rest| rest.strip_suffix(&after));
    id.is_some_and(|id| time_of(id).is_some())
}

fn time_of(id: &str) -> Option<DateTime<Utc>> {
    let time = id.strip_suffix(DRAFT).unwrap_or(id);
    NaiveDateTime::parse_from_str(time, TIME)
        .ok()
        .map(|time| time.and_utc())
}

/// The former versions and drafts of an object, the newest first.
pub(super) async fn list(target: &Target) -> anyhow::Result<Vec<Former>> {
    let (before, after) = frame(&target.key);
    let mut found = Vec::new();
    let mut pages = target.vault.list(&before);
    while let Some(page) = pages.next_page().await? {
        found.extend(
            page.into_iter()
                .filter_map(|it| former(it, &before, &after)),
        );
    }
    found.sort_by_key(|it| std::cmp::Reverse((it.at, !it.is_draft)));
    Ok(found)
}

fn former(object: ListedObject, before: &str, after: &str) -> Option<Former> {
    let id = object.key.strip_prefix(before)?.strip_suffix(after)?;
    Some(Former {
        at: time_of(id)?,
        is_draft: id.ends_with(DRAFT),
        id: id.to_owned(),
        bytes: object.size,
        key: object.key,
    })
}

/// The key of the version that `version` names: its number, counted from the newest, its id, or a
/// time at which it was the current one: an instant, or a civil hour of the city.
pub(super) async fn find(target: &Target, version: &str) -> anyhow::Result<String> {
    let all = list(target).await?;
    if let Some(former) = all.iter().find(|it| it.id == version) {
        return Ok(former.key.clone());
    }
    let versions: Vec<_> = all.iter().filter(|it| !it.is_draft).collect();
    let unknown = || {
        let known = match versions.len() {
            0 => format!("{} has no former version", target.key),
            1 => format!("{} has 1 former version", target.key),
            count => format!("{} has {count} former versions", target.key),
        };
        failure::usage(format!(
            "--version {version}: {known}; `mds config history {}` lists them by number and id; a time names what was stored then",
            target.key
        ))
    };
    if let Ok(number) = version.parse::<usize>() {
        let former = number.checked_sub(1).and_then(|at| versions.get(at));
        return former.map(|it| it.key.clone()).ok_or_else(unknown);
    }
    let at = match DateTime::parse_from_rfc3339(version) {
        Ok(instant) => instant.to_utc(),
        Err(_) => {
            let zone = content::zone(&target.env, &target.vault).await;
            let zone = zone.with_context(|| {
                format!(
                    "--version {version}: the city's time zone is not known, since the settings cannot be used; name \
                     the version by its number or id, or by a time with an offset, such as 2020-01-31T17:00:00-06:00"
                )
            })?;
            let hour = zone.parse_time(version).map_err(|_| unknown())?;
            hour.start()
        }
    };
    // The version that was replaced first after that.
    let former = versions.iter().rev().find(|it| it.at >= at);
    Ok(former.map_or_else(|| target.key.clone(), |it| it.key.clone()))
}

/// Keeps what is stored, before another text takes its place. Returns the key of the copy.
pub(super) async fn keep(target: &Target, stored: &Stored) -> Result<String, VaultError> {
    let key = free_key(target, "").await?;
    match (&stored.text, stored.stored_as) {
        // What should have been encrypted is encrypted at least from now on.
        (Some(text), Some(StoredAs::Plain)) if !vault::may_be_plain(&target.key) => {
            let condition = WriteCondition::IfAbsent;
            let put = target
                .vault
                .put_bytes_if(&key, text, Seal::Encrypt, condition);
            put.await?;
        }
        _ => {
            let etag = stored.etag.as_deref();
            target.vault.copy(&target.key, etag, &key).await?;
        }
    }
    Ok(key)
}

/// Keeps a text that could not be stored, encrypted. Returns its id.
pub(super) async fn keep_draft(target: &Target, text: &[u8]) -> anyhow::Result<String> {
    let kept = async {
        let key = free_key(target, DRAFT).await?;
        let condition = WriteCondition::IfAbsent;
        let put = target
            .vault
            .put_bytes_if(&key, text, Seal::Encrypt, condition);
        put.await.map(|_| key)
    };
    let key = kept.await.context("the text could not be kept either")?;
    let (before, after) = frame(&target.key);
    let id = key
        .strip_prefix(&before)
        .and_then(|rest| rest.strip_suffix(&after));
    Ok(id.unwrap_or(&key).to_owned())
}

/// A key that no version has: two changes in one second have two.
async fn free_key(target: &Target, suffix: &str) -> Result<String, VaultError> {
    let (before, after) = frame(&target.key);
    let now = Utc::now();
    let mut key = String::new();
    for second in 0..MAX_SECONDS {
        let time = (now + Duration::seconds(second)).format(TIME);
        key = format!("{before}{time}{suffix}{after}");
        if !target.vault.exists(&key).await? {
            break;
        }
    }
    Ok(key)
}

/// `mds config history`.
pub(super) async fn history(name: &str, stage: &StageArgs, json: bool) -> anyhow::Result<ExitCode> {
    let target = Target::open(name, stage).await?;
    let all = list(&target).await?;
    if all.is_empty() && !target.vault.exists(&target.key).await? {
        return Err(failure::usage(format!(
            "the bucket has no {}, and had none",
            target.key
        )));
    }
    if json {
        output::json(&as_json(&target, &all))?;
        return Ok(ExitCode::SUCCESS);
    }
    if all.is_empty() {
        note!("{} has no former version", target.key);
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = table(&["version", "id", "replaced (UTC)", "bytes", ""], 5);
    for (number, former) in numbered(&all) {
        rows.add_row([
            number.map_or_else(String::new, |it| it.to_string()),
            former.id.clone(),
            former.at.format("%Y-%m-%d %H:%M:%S").to_string(),
            former.bytes.to_string(),
            if former.is_draft {
                "draft, was not stored"
            } else {
                ""
            }
            .to_owned(),
        ]);
    }
    let text = format!(
        "{rows}\nmds config diff {name} --version ID shows what has changed since; mds config edit {name} --version ID \
         takes it back\n"
    );
    output::write(Path::new(output::STANDARD), text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Versions with the number by which commands name them; drafts have none.
fn numbered(all: &[Former]) -> impl Iterator<Item = (Option<usize>, &Former)> {
    let mut count = 0;
    all.iter().map(move |former| {
        if former.is_draft {
            return (None, former);
        }
        count += 1;
        (Some(count), former)
    })
}

fn as_json(target: &Target, all: &[Former]) -> serde_json::Value {
    let versions = numbered(all).map(|(number, it)| {
        json!({
            "version": number,
            "id": it.id,
            "key": it.key,
            "at": it.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            "bytes": it.bytes,
            "draft": it.is_draft,
        })
    });
    json!({ "key": target.key, "versions": versions.collect::<Vec<_>>() })
}
