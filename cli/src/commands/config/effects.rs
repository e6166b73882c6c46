//! What a change of the configuration means for the runs after it.

use std::collections::BTreeMap;

use mds_client::ProviderConfig;
use serde_json::{Map, Value};
use trips::time::CivilZone;

use super::redact::Kind;

const ROUNDING: &str = "PUBLIC_TIME_ROUNDING_MINUTES";

/// What a change means.
#[derive(Default)]
pub(super) struct Effects(Vec<String>);

/// What runs over all providers do with an entry.
#[derive(PartialEq, Eq)]
struct Part {
    is_enabled: bool,
    active_from: Option<String>,
}

impl Effects {
    pub(super) fn new(kind: Kind, before: Option<&Value>, after: &Value) -> Self {
        let empty = Value::Object(Map::new());
        let before = before.unwrap_or(&empty);
        match kind {
            Kind::Providers => Self(of_providers(before, after)),
            Kind::Settings => Self(of_settings(before, after)),
            Kind::Boundaries | Kind::Unknown | Kind::Other => Self::default(),
        }
    }

    pub(super) fn sentences(&self) -> &[String] {
        &self.0
    }
}

fn of_providers(before: &Value, after: &Value) -> Vec<String> {
    let (old, new) = (parts(before), parts(after));
    let mut sentences = Vec::new();
    for (name, part) in &new {
        match old.get(name) {
            None if part.is_enabled => sentences.push(format!(
                "adds {name}: runs over all providers include it {}",
                start(part)
            )),
            None => sentences.push(format!(
                "adds {name}, disabled: no run over all providers requests it until `mds config provider enable {name}`"
            )),
            Some(former) if part.is_enabled && !former.is_enabled => sentences.push(format!(
                "enables {name}: runs over all providers include it {}",
                start(part)
            )),
            Some(former) if former.is_enabled && !part.is_enabled => sentences.push(format!(
                "disables {name}: runs over all providers leave it out"
            )),
            Some(former) if part.is_enabled && former.active_from != part.active_from => {
                sentences.push(format!(
                    "changes the start of {name}: runs over all providers include it {}",
                    start(part)
                ));
            }
            Some(_) => {}
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    sentences.extend(gone.map(|name| {
        format!("removes {name}: no run requests it any more; what is archived and loaded stays")
    }));
    sentences
}

fn parts(file: &Value) -> BTreeMap<&str, Part> {
    let entries = file.as_object().into_iter().flatten();
    let entries = entries.filter(|(name, _)| *name != config::SCHEMA);
    entries
        .map(|(name, entry)| (name.as_str(), part(entry)))
        .collect()
}

fn part(entry: &Value) -> Part {
    let is_enabled = match ProviderConfig::from_value(entry.clone()) {
        Ok(config) => config.enabled,
        Err(_) => entry.get("enabled") != Some(&Value::Bool(false)),
    };
    let text = entry.get("active_from").and_then(Value::as_str);
    Part {
        is_enabled,
        active_from: text
            .map(str::trim)
            .filter(|it| !it.is_empty())
            .map(str::to_owned),
    }
}

/// From when on hours are planned.
fn start(part: &Part) -> String {
    match &part.active_from {
        Some(hour) => format!("from {} on (active_from)", hour.escape_debug()),
        None => "with the hours of its last two days and all after its first one (it has no active_from)".to_owned(),
    }
}

fn of_settings(before: &Value, after: &Value) -> Vec<String> {
    // A zone may have another name.
    let zone = |settings: &Value| settings.get("TIME_ZONE")?.as_str()?.parse().ok();
    let has_same_clocks = || {
        let former: Option<CivilZone> = zone(before);
        former.is_some_and(|it| it.has_the_clocks_of(&zone(after).unwrap_or_default()))
    };
    let changes = |key: &str| {
        let former = before.get(key).filter(|it| !it.is_null());
        former.is_some() && former != after.get(key) && !(key == "TIME_ZONE" && has_same_clocks())
    };
    // Without the setting, times are exact.
    let minutes = |settings: &Value| {
        let given = settings.get(ROUNDING)?;
        (given.as_u64()).or_else(|| given.as_str()?.trim().parse().ok())
    };
    let minutes = |settings: &Value| minutes(settings).unwrap_or(0);
    let is_new = before.as_object().is_none_or(Map::is_empty);
    let is_rounded_otherwise = !is_new && minutes(before) != minutes(after);
    let rounding = is_rounded_otherwise.then(|| {
        format!(
            "{ROUNDING} changes: rows that the portal has keep their times until `mds sync-socrata --force` sends \
             them again"
        )
    });
    let meanings = [
        (
            "PUBLIC_ID_KEY",
            "every trip that is loaded from now on gets another public id than before",
        ),
        (
            "TIME_ZONE",
            "the labels of hours and the folders of their archives are of another zone; if an hour is archived, every \
             run refuses it",
        ),
        (
            "PUBLIC_DEVICE_ID_PERIOD",
            "devices are published under other ids than before",
        ),
        (
            "SOCRATA_DATASET",
            "hours are published to another dataset, which lacks those before",
        ),
    ];
    let meanings = meanings.into_iter().filter(|(key, _)| changes(key));
    meanings
        .map(|(key, meaning)| format!("{key} changes: {meaning}"))
        .chain(rounding)
        .collect()
}
