//! The stored providers file, of which one entry changes.

use anyhow::Context as _;
use config::with_member;
use serde_json::{Map, Value};
use trips::text::strip_byte_order_mark;

use super::super::put;
use super::super::target::{Stored, Target};
use crate::args::StageArgs;
use crate::failure;

/// The providers file as it is stored.
pub(super) struct ProvidersFile {
    pub(super) target: Target,
    stored: Option<Stored>,
    text: String,
    entries: Map<String, Value>,
}

impl ProvidersFile {
    /// Reads the file; without one, it begins empty.
    pub(super) async fn open(stage: &StageArgs) -> anyhow::Result<Self> {
        let target = Target::open("providers", stage).await?;
        let stored = target.current().await?;
        let text = match &stored {
            None => "{}\n".to_owned(),
            Some(Stored {
                text: Some(text), ..
            }) => String::from_utf8(text.clone())
                .map_err(|_| failure::usage(format!("{} is not UTF-8", target.key)))?,
            Some(Stored { text: None, .. }) => {
                // Fails with the reason.
                target.text(None).await?;
                return Err(failure::usage(format!("{} cannot be read", target.key)));
            }
        };
        let entries = serde_json::from_slice(strip_byte_order_mark(text.as_bytes()));
        let entries = entries.map_err(|error| {
            failure::usage(format!(
                "{} is not a JSON object ({error}); `mds config edit providers` opens it",
                target.key
            ))
        })?;
        Ok(Self {
            target,
            stored,
            text,
            entries,
        })
    }

    /// The entry with this name.
    pub(super) fn entry(&self, name: &str) -> Option<&Value> {
        self.entries.get(name).filter(|_| name != config::SCHEMA)
    }

    /// The entry with this name in a changed text.
    pub(super) fn entry_of(text: &[u8], name: &str) -> Value {
        let file: Value = serde_json::from_slice(strip_byte_order_mark(text)).unwrap_or_default();
        file.get(name).cloned().unwrap_or_default()
    }

    /// The entry with this name, or the error that names those that there are.
    pub(super) fn require(&self, name: &str) -> anyhow::Result<&Value> {
        self.entry(name).ok_or_else(|| {
            let keys = self.entries.keys().map(String::as_str);
            let names: Vec<_> = keys.filter(|key| *key != config::SCHEMA).collect();
            let known = if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            };
            failure::usage(format!(
                "{} has no provider {name}, it has {known}{} `mds config provider add {name}` adds one",
                self.target.key,
                match config::suggestion(name, &names) {
                    meant if meant.is_empty() => ";".to_owned(),
                    meant => meant,
                }
            ))
        })
    }

    /// The text with keys of an entry set, or removed where there is no value.
    pub(super) fn with(
        &self,
        name: &str,
        changes: &[(&str, Option<Value>)],
    ) -> anyhow::Result<Vec<u8>> {
        let mut text = self.text.clone();
        for (key, value) in changes {
            text = with_member(&text, &[name, key], value.as_ref()).ok_or_else(|| {
                failure::usage(format!(
                    "the entry {name} is no JSON object; `mds config edit providers` opens it"
                ))
            })?;
        }
        Ok(text.into_bytes())
    }

    /// Stores the file with a changed entry, checked as a whole.
    pub(super) async fn store(&self, text: Vec<u8>, json: bool) -> anyhow::Result<()> {
        let (target, stored) = (&self.target, self.stored.as_ref());
        let seal = put::seal_of(target, stored);
        let proposal = put::propose(target, stored, text, seal, false).await;
        let proposal = proposal.context("providers is not stored")?;
        proposal.show(json);
        if !proposal.difference.is_real() && stored.is_some() {
            if json {
                put::report(target, &proposal, None, json)?;
            }
            return Ok(());
        }
        let former = put::store(target, stored, &proposal).await?;
        put::report(target, &proposal, former.as_deref(), json)
    }
}
