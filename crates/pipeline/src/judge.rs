//! What is wrong with the text of a configuration file: one judgement for whoever stores it, checks
//! it, or looks for what is missing in a set-up.

use config::{AuthoritySource, ConfigWarning, Environment, FileKind, Providers, Settings};
use serde_json::Value;
use socrata::SocrataClient;
use store::{Authorities, Store};
use tracing::subscriber::{NoSubscriber, with_default};
use trips::text::strip_byte_order_mark;
use vault::Vault;

use crate::error::{ErrorName, PipelineError};

/// Stands in place of a secret where a file is shown.
pub const HIDDEN: &str = "<hidden>";

/// What was found of a file.
#[derive(Debug)]
pub struct Judged<T> {
    /// The file, unless it cannot be read at all.
    pub file: Option<T>,
    /// Whether runs work with it.
    pub verdict: FileVerdict,
    /// What is allowed but seldom meant.
    pub warnings: Vec<String>,
}

/// Whether runs work with a configuration file.
#[derive(Debug)]
pub enum FileVerdict {
    /// They do.
    Usable,
    /// Hours are requested and kept, but none is loaded. The text says why.
    LoadsNothing(String),
    /// They fail.
    Unusable(PipelineError),
}

impl<T> Judged<T> {
    fn unreadable(problem: PipelineError) -> Self {
        Self {
            file: None,
            verdict: FileVerdict::Unusable(problem),
            warnings: Vec::new(),
        }
    }
}

/// Judges the text of a providers file.
#[must_use]
pub fn judge_providers(text: &[u8]) -> Judged<Providers> {
    let read = check_text(FileKind::Providers, text)
        .and_then(|()| Ok(quietly(|| Providers::from_json(text))?));
    let providers = match read {
        Ok(providers) => providers,
        Err(problem) => return Judged::unreadable(problem),
    };
    let faults: Vec<_> = providers.faults().map(ToString::to_string).collect();
    Judged {
        verdict: if faults.is_empty() {
            FileVerdict::Usable
        } else {
            FileVerdict::Unusable(PipelineError::new(
                ErrorName::ConfigInvalid,
                faults.join("; "),
            ))
        },
        warnings: warnings(providers.warnings(), text),
        file: Some(providers),
    }
}

/// Judges the text of a settings file, and the certificates that it names in the bucket.
pub async fn judge_settings(env: &Environment, vault: &Vault, text: &[u8]) -> Judged<Settings> {
    let read = check_text(FileKind::Settings, text)
        .and_then(|()| Ok(quietly(|| Settings::from_json(text))?));
    let settings = match read {
        Ok(settings) => settings,
        Err(problem) => return Judged::unreadable(problem),
    };
    let verdict = match (
        check_settings(env, vault, &settings).await,
        settings.check_load(),
    ) {
        (Err(problem), _) => FileVerdict::Unusable(problem),
        (Ok(()), Err(error)) => FileVerdict::LoadsNothing(format!("{error}, so no hour is loaded")),
        (Ok(()), Ok(_)) => FileVerdict::Usable,
    };
    Judged {
        verdict,
        warnings: warnings(settings.warnings(), text),
        file: Some(settings),
    }
}

async fn check_settings(
    env: &Environment,
    vault: &Vault,
    settings: &Settings,
) -> Result<(), PipelineError> {
    settings.check()?;
    if let (true, Ok(http)) = (settings.has_portal, http_kit::client()) {
        // What no header can carry is found when the client is made.
        SocrataClient::new(http, settings.socrata()?)?;
    }
    for setting in ["DATABASE_URL", "MIGRATION_DATABASE_URL"] {
        if let Some(url) = settings.postgres_url(setting)? {
            // A secret may have the address.
            Store::check_url(setting, url)?;
        }
    }
    let (source, pem) = match settings.authorities()? {
        None => return Ok(()),
        Some(AuthoritySource::Pem(pem)) => ("DATABASE_CA".to_owned(), pem.to_owned()),
        Some(AuthoritySource::Object(key)) => {
            let read = config::read_authorities(vault, env, key).await?;
            (read.source, read.pem)
        }
    };
    Authorities::from_pem(&source, &pem)?;
    Ok(())
}

/// Refuses what is no JSON object or the other of the two files, in words that fit a local file as
/// well as a stored one, and a file from which secrets were hidden: stored, it would replace them.
fn check_text(kind: FileKind, text: &[u8]) -> Result<(), PipelineError> {
    let invalid = |message| Err(PipelineError::new(ErrorName::ConfigInvalid, message));
    let file: Value = match serde_json::from_slice(strip_byte_order_mark(text)) {
        Ok(file) => file,
        Err(error) => return invalid(format!("it is not JSON: {error}")),
    };
    if !file.is_object() {
        return invalid("it is not a JSON object, {…}".to_owned());
    }
    if let Some(why) = kind.mistaken(&file) {
        return invalid(format!("it {why}"));
    }
    match hidden_place(&file) {
        Some(place) => invalid(format!(
            "{place} is {HIDDEN}, as `mds config get` shows a secret; write the value itself, or begin with \
             `mds config get {} --reveal`",
            kind.as_str()
        )),
        None => Ok(()),
    }
}

/// Where the first hidden value stands, such as `bird.token`.
fn hidden_place(value: &Value) -> Option<String> {
    let within = |name: String, value: &Value| {
        let place = hidden_place(value)?;
        Some(if place.is_empty() {
            name
        } else {
            format!("{name}.{place}")
        })
    };
    match value {
        Value::String(text) => text.contains(HIDDEN).then(String::new),
        Value::Array(list) => {
            let mut places = list.iter().enumerate();
            places.find_map(|(at, value)| within(at.to_string(), value))
        }
        Value::Object(members) => members
            .iter()
            .find_map(|(name, value)| within(name.clone(), value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Reads a file without log lines: those of a load are about the whole file, and whoever asks is
/// told its warnings in words.
pub fn quietly<T>(read: impl FnOnce() -> T) -> T {
    with_default(NoSubscriber::default(), read)
}

fn warnings(found: &[ConfigWarning], text: &[u8]) -> Vec<String> {
    let found = found.iter().map(ToString::to_string);
    let repeated = config::repeated_members(text).into_iter();
    let repeated = repeated
        .map(|key| format!("the key `{key}` stands more than once; what stands last counts"));
    found.chain(repeated).collect()
}
