//! The keys of the settings file.

use super::key::{KeyForm, KeySpec};

const SETTINGS: [KeySpec; 17] = [
    KeySpec::new(
        "DATABASE_URL",
        KeyForm::Secret,
        "postgres://user:password@host:5432/database. This or DATABASE_SECRET is required.",
    ),
    KeySpec::new(
        "DATABASE_SECRET",
        KeyForm::Text,
        "Name or ARN of a secret in Secrets Manager with the database's login, as RDS makes it.",
    ),
    KeySpec::new(
        "DATABASE_CA",
        KeyForm::Text,
        "Authorities of the database's certificate: PEM, or the key of an object such as config/database.pem.",
    ),
    KeySpec::new(
        "MIGRATION_DATABASE_URL",
        KeyForm::Secret,
        "DATABASE_URL for the owner of the tables; only migrations use it.",
    ),
    KeySpec::new(
        "MIGRATION_DATABASE_SECRET",
        KeyForm::Text,
        "DATABASE_SECRET for the owner of the tables; only migrations use it.",
    ),
    KeySpec::new(
        "TIME_ZONE",
        KeyForm::Text,
        "The city's time zone by its IANA name; US/Central by default.",
    ),
    KeySpec::new(
        "SOCRATA_DATA_ENDPOINT",
        KeyForm::Text,
        "The portal: host name or URL. Required to publish.",
    ),
    KeySpec::new(
        "SOCRATA_DATASET",
        KeyForm::Text,
        "The dataset's id, such as abcd-1234. Required to publish.",
    ),
    KeySpec::new(
        "SOCRATA_APP_TOKEN",
        KeyForm::Secret,
        "The application's token. Required to publish.",
    ),
    KeySpec::new(
        "SOCRATA_KEY_ID",
        KeyForm::Secret,
        "Id of the portal's API key. Required to publish.",
    ),
    KeySpec::new(
        "SOCRATA_KEY_SECRET",
        KeyForm::Secret,
        "Secret of the portal's API key. Required to publish.",
    ),
    KeySpec::new(
        "SOCRATA_CHUNK_ROWS",
        KeyForm::Whole(1, 10_000),
        "Rows of one upload; 10000 by default.",
    ),
    KeySpec::new(
        "PUBLIC_ID_KEY",
        KeyForm::Secret,
        "Secret from which the public ids are made: the output of `openssl rand -base64 32`. Never change it.",
    ),
    KeySpec::new(
        "PUBLIC_TIME_ROUNDING_MINUTES",
        KeyForm::Choice(&[0, 5, 10, 15, 30, 60]),
        "Published times are rounded to the nearest multiple; 0, the default, leaves them exact.",
    ),
    KeySpec::new(
        "PUBLIC_DEVICE_ID_PERIOD",
        KeyForm::Words(&["forever", "month", "week", "day"]),
        "How long a device keeps the id under which it is published; forever by default.",
    ),
    KeySpec::new(
        "BOUNDARIES",
        KeyForm::Layers,
        "The layers that label points; by default council districts, census tracts and cells.",
    ),
    KeySpec::new(
        "ARCHIVE_COMPRESSION",
        KeyForm::Words(&["zstd", "none"]),
        "How archives are compressed; zstd by default.",
    ),
];

/// The keys of the settings file, with their meanings.
#[must_use]
pub fn settings_keys() -> &'static [KeySpec] {
    &SETTINGS
}
