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
    for scope in SCOPES {
        match (Settings::from_json_for(data, scope), &whole) {
            (Ok(settings), Ok(whole)) => {
                let shown = |fault: Result<(), &ConfigError>| fault.err().map(ToString::to_string);
                // Every scope finds the same faults.
                assert_eq!(shown(settings.check_load()), shown(whole.check_load()));
                assert_eq!(
                    shown(settings.check_publish()),
                    shown(whole.check_publish())
                );
                assert_eq!(settings.warnings(), whole.warnings());
                secrets.check(&format!("{settings:?}"), &[OWN_WORDS, &SCHEMA]);
            }
            (Err(error), Err(whole)) => assert_eq!(error.to_string(), whole.to_string()),
            (scoped, _) => panic!(
                "{scope:?} is {}",
                if scoped.is_ok() { "read" } else { "refused" }
            ),
        }
    }
    match whole {
        Ok(settings) => {
            for fault in [
                settings.check().err(),
                settings.boundaries().err(),
                settings.socrata().err(),
            ] {
                fault.iter().for_each(|fault| show(&fault.to_string()));
            }
            for fault in [settings.check_load().err(), settings.check_publish().err()] {
                fault.iter().for_each(|fault| show(&fault.to_string()));
            }
            for warning in settings.warnings() {
                check_message(&warning.to_string());
            }
            if settings.check().is_ok() && settings.has_portal {
                settings
                    .check_publish()
                    .expect("settings that are right can publish");
            }
        }
        Err(error) => show(&error.to_string()),
    }
}

/// Words of the messages.
const OWN_WORDS: &str = "settings file, such as data.example.gov https://data.example.gov \
    postgres://user:password@host:5432/database postgresql such as US/Central whole number \
    council_district census_geoid property compression must be a list of text or a number missing \
    characters";

/// The names of keys.
static SCHEMA: LazyLock<String> = LazyLock::new(|| settings_schema().to_string());
