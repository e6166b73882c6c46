//! The settings file.

use std::sync::LazyLock;

use config::{ConfigError, Scope, Settings, settings_schema};

use super::secrets::Secrets;
use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "DATABASE_URL",
    "DATABASE_SECRET",
    "DATABASE_CA",
    "MIGRATION_DATABASE_URL",
    "TIME_ZONE",
    "SOCRATA_DATA_ENDPOINT",
    "SOCRATA_DATASET",
    "SOCRATA_APP_TOKEN",
    "SOCRATA_KEY_ID",
    "SOCRATA_KEY_SECRET",
    "SOCRATA_CHUNK_ROWS",
    "PUBLIC_ID_KEY",
    "PUBLIC_TIME_ROUNDING_MINUTES",
    "PUBLIC_DEVICE_ID_PERIOD",
    "BOUNDARIES",
    "ARCHIVE_COMPRESSION",
    "$schema",
    "layer",
    "key",
    "property",
    "council_district",
    "cell",
    "forever",
    "month",
    "zstd",
    "none",
    "US/Central",
    "https://data.example.gov",
    "abcd-2345",
];

const SCOPES: [Scope; 7] = [
    Scope::All,
    Scope::Plan,
    Scope::Audit,
    Scope::Extract,
    Scope::SyncDb,
    Scope::SyncSocrata,
    Scope::Migrate,
];

/// Boundaries are public, and a zone is known.
const PUBLIC: &[&str] = &["BOUNDARIES", "TIME_ZONE"];

pub(super) fn check(data: &[u8]) {
    let secrets = Secrets::of(data, PUBLIC);
    let show = |text: &str| {
        check_message(text);
        secrets.check(text, &[OWN_WORDS, &SCHEMA]);
    };
    let whole = Settings::from_json(data);
    // One of them for each input, since each looks at fifty years of the city's clocks.
    let scope = SCOPES[data.iter().map(|byte| usize::from(*byte)).sum::<usize>() % SCOPES.len()];
    check_scope(data, scope, &whole, &secrets);
    match whole {
        Ok(settings) => check_read(&settings, show),
        Err(error) => show(&error.to_string()),
    }
}

/// Every scope finds the same faults.
fn check_scope(
    data: &[u8],
    scope: Scope,
    whole: &Result<Settings, ConfigError>,
    secrets: &Secrets,
) {
    match (Settings::from_json_for(data, scope), whole) {
        (Ok(settings), Ok(whole)) => {
            let shown = |fault: Result<(), &ConfigError>| fault.err().map(ToString::to_string);
            assert_eq!(shown(settings.check_load()), shown(whole.check_load()));
            assert_eq!(
                shown(settings.check_publish()),
                shown(whole.check_publish())
            );
            assert_eq!(settings.warnings(), whole.warnings());
            secrets.check(&format!("{settings:?}"), &[OWN_WORDS, &SCHEMA]);
        }
        (Err(error), Err(whole)) => assert_eq!(error.to_string(), whole.to_string()),
        (scoped, _) => {
            let outcome = if scoped.is_ok() { "read" } else { "refused" };
            panic!("{scope:?} is {outcome}, and the whole is not");
        }
    }
}

fn check_read(settings: &Settings, show: impl Fn(&str)) {
    let whole = settings.check();
    let parts = [settings.check_load(), settings.check_publish()];
    let faults = [whole.as_ref().err().map(ToString::to_string)]
        .into_iter()
        .chain(parts.iter().map(|part| part.err().map(ToString::to_string)))
        .chain([
            settings.boundaries().err().map(|fault| fault.to_string()),
            settings.socrata().err().map(|fault| fault.to_string()),
        ]);
    faults.flatten().for_each(|fault| show(&fault));
    for warning in settings.warnings() {
        check_message(&warning.to_string());
    }
    let can_publish = !settings.has_portal || settings.check_publish().is_ok();
    assert!(
        whole.is_err() || can_publish,
        "settings that are right cannot publish"
    );
}

/// Words of the messages.
const OWN_WORDS: &str = "settings file, such as data.example.gov https://data.example.gov \
    postgres://user:password@host:5432/database postgresql such as US/Central whole number \
    council_district census_geoid property compression must be a list of text or a number missing \
    characters";

/// The names of keys.
static SCHEMA: LazyLock<String> = LazyLock::new(|| settings_schema().to_string());
