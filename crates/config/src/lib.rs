#![doc = include_str!("../README.md")]

mod authorities;
mod boundary;
mod database;
mod environment;
mod error;
mod json_text;
mod key_names;
mod kind;
mod load;
mod providers;
mod public_secret;
mod schema;
mod scope;
mod secret;
mod settings;
mod text;
mod version;
mod warning;

pub use authorities::AuthoritySource;
pub use boundary::{check_boundary, load_boundaries, load_boundaries_at};
pub use database::{
    Authorities, Database, DatabaseRole, LoginSecret, SecretContent, database, read_authorities,
};
pub use environment::{Environment, KeySource, MAX_LAG_HOURS, check_endpoint};
pub use error::ConfigError;
pub use json_text::{repeated_members, with_member};
pub use key_names::{SCHEMA, suggestion};
pub use kind::FileKind;
pub use load::{Config, load, load_for, open_vault, providers_beside};
pub use providers::Providers;
pub use schema::{
    KeyForm, KeySpec, provider_keys, providers_schema, settings_keys, settings_schema,
    token_request_keys,
};
pub use scope::Scope;
pub use settings::Settings;
pub use socrata::{DatasetId, parse_endpoint};
pub use version::{BoundaryVersions, ConfigVersion, current_boundaries, current_files};
pub use warning::ConfigWarning;
