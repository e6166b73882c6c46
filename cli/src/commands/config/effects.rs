//! What a change of the configuration means for the runs after it.

use std::collections::BTreeMap;

use boundaries::Layer;
use mds_client::ProviderConfig;
use serde_json::{Map, Value};
use trips::time::CivilZone;

use super::redact::Kind;

const ROUNDING: &str = "PUBLIC_TIME_ROUNDING_MINUTES";
const DATASET: &str = "SOCRATA_DATASET";
const ENDPOINT: &str = "SOCRATA_DATA_ENDPOINT";
const PERIOD: &str = "PUBLIC_DEVICE_ID_PERIOD";
const BOUNDARIES: &str = "BOUNDARIES";
/// What other boundaries mean.
const KEEP_LABELS: &str = "trips that are loaded keep their labels until \
     `mds run --provider all --time-min … --time-max … --no-extract --force` labels them anew and publishes them";

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
            Kind::Boundaries => Self(of_boundaries(before, after)),
            Kind::Unknown | Kind::Other => Self::default(),
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

fn of_boundaries(before: &Value, after: &Value) -> Vec<String> {
    // Before the first file of a layer no trip was loaded.
    let is_first = before.as_object().is_some_and(Map::is_empty);
    if is_first || before == after {
        return Vec::new();
    }
    vec![format!("the boundaries change: {KEEP_LABELS}")]
}

fn of_settings(before: &Value, after: &Value) -> Vec<String> {
    // The first settings change nothing: nothing was published before.
    if before.as_object().is_none_or(Map::is_empty) {
        return Vec::new();
    }
    let is_replaced = |key: &str| {
        let (former, new) = (given(before, key), given(after, key));
        former.is_some() && new.is_some() && former != new
    };
    let meanings = [
        (
            "PUBLIC_ID_KEY",
            is_replaced("PUBLIC_ID_KEY"),
            "every trip that is loaded from now on gets another public id than before",
        ),
        (
            "TIME_ZONE",
            has_other_clocks(before, after),
            "the labels of hours and the folders of their archives are of another zone; if an hour is archived, every \
             run refuses it",
        ),
        (
            PERIOD,
            period(before) != period(after),
            "rows that are sent from now on have other ids of devices; rows that the portal has keep theirs until \
             `mds sync-socrata --force` or `mds audit --rows --repair` sends them again, and no audit without --rows \
             finds them",
        ),
        (
            DATASET,
            is_other(dataset(before).as_ref(), dataset(after).as_ref()),
            "hours are published to another dataset, which lacks those before",
        ),
        (
            ENDPOINT,
            is_other(portal(before).as_ref(), portal(after).as_ref()),
            "hours are published to the dataset of another portal, which lacks those before",
        ),
        (BOUNDARIES, have_other_layers(before, after), KEEP_LABELS),
        (
            ROUNDING,
            minutes(before) != minutes(after),
            "rows that the portal has keep their times until `mds sync-socrata --force` or \
             `mds audit --rows --repair` sends them again",
        ),
    ];
    let meanings = meanings.into_iter().filter(|(_, is_so, _)| *is_so);
    meanings
        .map(|(key, _, meaning)| format!("{key} changes: {meaning}"))
        .collect()
}

/// Whether one is given in place of another.
fn is_other(former: Option<&String>, new: Option<&String>) -> bool {
    former.is_some() && new.is_some() && former != new
}

/// The dataset's id, in whatever case it is written.
fn dataset(settings: &Value) -> Option<String> {
    let text = given(settings, DATASET)?.as_str()?;
    let id = text.parse::<config::DatasetId>();
    Some(id.map_or_else(|_| text.to_owned(), String::from))
}

/// The portal's address, which may be written as a host or as a URL.
fn portal(settings: &Value) -> Option<String> {
    let text = given(settings, ENDPOINT)?.as_str()?;
    let url = config::parse_endpoint(text);
    Some(url.map_or_else(|_| text.to_owned(), String::from))
}

/// The value under `key`, if it has one. A blank one counts as none, as it does for a run.
fn given<'a>(settings: &'a Value, key: &str) -> Option<&'a Value> {
    let value = settings.get(key)?;
    let is_blank = value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
    (!is_blank).then_some(value)
}

/// Whether the city's clocks are others. A zone may have several names.
fn has_other_clocks(before: &Value, after: &Value) -> bool {
    let zone = |settings: &Value| match given(settings, "TIME_ZONE") {
        None => Some(CivilZone::default()),
        Some(name) => name.as_str()?.trim().parse().ok(),
    };
    match (zone(before), zone(after)) {
        (Some(former), Some(new)) => !former.has_the_clocks_of(&new),
        _ => before.get("TIME_ZONE") != after.get("TIME_ZONE"),
    }
}

/// Whether points are labelled by other files or properties. The order of the layers is no matter.
fn have_other_layers(before: &Value, after: &Value) -> bool {
    let layers = |settings: &Value| -> Vec<Layer> {
        let given = given(settings, BOUNDARIES);
        given
            .and_then(|list| serde_json::from_value(list.clone()).ok())
            .unwrap_or_else(boundaries::default_layers)
    };
    let (former, new) = (layers(before), layers(after));
    former.len() != new.len() || new.iter().any(|layer| !former.contains(layer))
}

/// How long a device keeps its public id. Without the setting, it is for ever.
fn period(settings: &Value) -> String {
    let word = given(settings, PERIOD).and_then(Value::as_str);
    word.map_or("forever", str::trim).to_ascii_lowercase()
}

/// The multiple to which times are rounded. Without the setting, they are exact.
fn minutes(settings: &Value) -> u64 {
    let given = given(settings, ROUNDING);
    given
        .and_then(|it| (it.as_u64()).or_else(|| it.as_str()?.trim().parse().ok()))
        .unwrap_or(0)
}
