//! JSON schemas of the two files, for editors. They describe what a person should write; a load
//! takes more, such as numbers written as text.

mod key;
mod providers;
mod settings;

use serde_json::{Map, Value, json};

use crate::key_names::SCHEMA;
pub use key::{KeyForm, KeySpec};
pub use providers::{provider_keys, token_request_keys};
pub use settings::settings_keys;

/// The version of JSON Schema that editors know.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// The schema of the settings file.
#[must_use]
pub fn settings_schema() -> Value {
    let mut schema = object_of(settings_keys());
    schema["$schema"] = DRAFT.into();
    schema["title"] = "Settings of mds-etl".into();
    schema["anyOf"] = json!([
        { "required": ["DATABASE_URL"] },
        { "required": ["DATABASE_SECRET"] },
    ]);
    schema
}

/// The schema of the providers file.
#[must_use]
pub fn providers_schema() -> Value {
    let mut entry = object_of(provider_keys());
    entry["required"] = json!(["mds_api_url", "provider_id"]);
    entry["properties"]["token_request"] = object_of(token_request_keys());
    entry["properties"]["token_request"]["required"] = json!(["url", "token", "send"]);
    // The nested form of `request.auth.headers`.
    entry["properties"]["request"] = json!({ "type": "object" });
    json!({
        "$schema": DRAFT,
        "title": "Providers of mds-etl",
        "type": "object",
        "properties": { SCHEMA: { "type": "string" } },
        "propertyNames": { "pattern": "^(\\$schema|[a-z0-9_-]+)$" },
        "additionalProperties": entry,
    })
}

/// An object with these keys and no other, so that an editor marks a slip of the pen.
fn object_of(keys: &[KeySpec]) -> Value {
    let properties: Map<_, _> = keys
        .iter()
        .map(|key| (key.name.to_owned(), key.schema()))
        .chain([(SCHEMA.to_owned(), json!({ "type": "string" }))])
        .collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

#[cfg(test)]
mod tests;
