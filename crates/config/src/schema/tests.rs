//! The schemas against the code that reads the files, and against the published files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use mds_client::{ProviderConfig, TokenRequest};
use serde_json::json;

use super::*;
use crate::{Providers, Settings};

fn names(keys: &[KeySpec]) -> BTreeSet<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::validator_for(schema).unwrap()
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn file(name: &str) -> Value {
    let path = docs().join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_schemas_have_the_keys_that_are_read_and_no_other() {
    assert_eq!(names(settings_keys()), Settings::keys().collect());
    assert_eq!(names(provider_keys()), BTreeSet::from(ProviderConfig::KEYS));
    assert_eq!(
        names(token_request_keys()),
        BTreeSet::from(TokenRequest::KEYS)
    );
}

#[test]
fn the_published_schemas_are_those_of_the_code() {
    for (name, schema) in [
        ("settings", settings_schema()),
        ("providers", providers_schema()),
    ] {
        let published = file(&format!("schemas/{name}.schema.json"));
        assert_eq!(
            published, schema,
            "`mds config schema {name} > docs/schemas/{name}.schema.json` writes it again"
        );
    }
}

#[test]
fn the_examples_name_their_schema_and_pass_it_and_the_check() {
    for name in ["settings", "providers"] {
        let example = file(&format!("examples/{name}.json"));
        let schema = format!("../schemas/{name}.schema.json");
        assert_eq!(example["$schema"], schema);
        let schema = file(&format!("schemas/{name}.schema.json"));
        let errors: Vec<_> = validator(&schema)
            .iter_errors(&example)
            .map(|it| it.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    let settings = file("examples/settings.json").to_string();
    let settings = Settings::from_json(settings.as_bytes()).unwrap();
    settings.check().unwrap();
    assert_eq!(settings.warnings(), []);
    let providers = file("examples/providers.json").to_string();
    let providers = Providers::from_json(providers.as_bytes()).unwrap();
    providers.check().unwrap();
    assert_eq!(providers.warnings(), []);
    assert_eq!(providers.iter().count(), 2);
}

#[test]
fn a_misspelt_key_and_a_wrong_value_are_marked() {
    let settings = validator(&settings_schema());
    assert!(settings.is_valid(&json!({"DATABASE_URL": "postgres://h/d", "$schema": "a"})));
    for wrong in [
        json!({"DATABASE_URL": "postgres://h/d", "SOCRATA_DATASETT": "abcd-1234"}),
        json!({"DATABASE_URL": "postgres://h/d", "SOCRATA_CHUNK_ROWS": 0}),
        json!({"TIME_ZONE": "US/Central"}),
    ] {
        assert!(!settings.is_valid(&wrong), "{wrong}");
    }
    let providers = validator(&providers_schema());
    let entry =
        json!({"mds_api_url": "https://h", "provider_id": "2411d395-04f2-47c9-ab66-d09e9e3c3251"});
    assert!(providers.is_valid(&json!({"$schema": "a", "bird": entry})));
    for (key, value) in [
        ("swap_cordinates", json!(true)),
        ("max_loss", json!(2)),
        ("auth_type", json!("None")),
        ("token_request", json!({"url": "https://h"})),
    ] {
        let mut wrong = entry.clone();
        wrong[key] = value;
        assert!(!providers.is_valid(&json!({"bird": wrong})), "{key}");
    }
}

/// What a schema allows must be read, and what lies just outside must not.
#[test]
fn the_code_accepts_the_limits_and_words_of_the_schema() {
    for key in provider_keys() {
        let (good, bad) = match key.form {
            KeyForm::Words(words) => (
                words.iter().map(|it| json!(it)).collect(),
                vec![json!("neither")],
            ),
            KeyForm::Whole(min, max) => (vec![json!(min), json!(max)], vec![json!(max + 1)]),
            KeyForm::Wholes(min, max) => (vec![json!([min, max])], vec![json!([max + 1])]),
            KeyForm::Share => (vec![json!(0), json!(1)], vec![json!(1.1)]),
            KeyForm::Switch => (vec![json!(true), json!(false)], vec![json!("neither")]),
            KeyForm::Uuids => (vec![json!([])], vec![json!(["a"])]),
            _ => continue,
        };
        let read = |value: Value| {
            let mut entry = json!({
                "mds_api_url": "https://h", "auth_type": "Custom",
                "provider_id": "2411d395-04f2-47c9-ab66-d09e9e3c3251",
            });
            entry[key.name] = value;
            ProviderConfig::from_value(entry)
        };
        for value in good {
            read(value.clone()).unwrap_or_else(|e| panic!("{value}: {e}"));
        }
        for value in bad {
            assert!(read(value.clone()).is_err(), "{}: {value}", key.name);
        }
    }
    for key in settings_keys() {
        let (good, bad): (Vec<Value>, Value) = match key.form {
            KeyForm::Words(words) => (words.iter().map(|it| json!(it)).collect(), json!("neither")),
            KeyForm::Choice(numbers) => (numbers.iter().map(|it| json!(it)).collect(), json!(7)),
            KeyForm::Whole(min, max) => (vec![json!(min), json!(max)], json!(max + 1)),
            _ => continue,
        };
        let check = |value: &Value| {
            let file = json!({"DATABASE_URL": "postgres://h/d", "PUBLIC_ID_KEY": "0123456789abcdef", key.name: value});
            Settings::from_json(file.to_string().as_bytes())?.check()
        };
        for value in &good {
            check(value).unwrap_or_else(|e| panic!("{value}: {e}"));
        }
        assert!(check(&bad).is_err(), "{}", key.name);
    }
}

#[test]
fn a_text_becomes_the_value_that_its_key_has() {
    let value = |key: &str, text: &str| {
        let spec = provider_keys().iter().find(|it| it.name == key).unwrap();
        spec.value(text)
    };
    for (key, text, expected) in [
        ("token", " a \n", json!("a")),
        ("version", "1.0", json!("1.0")),
        ("paging", "no", json!(false)),
        ("delay", "1.5", json!(1.5)),
        ("reask_hours", "24, 168", json!([24, 168])),
        ("reask_hours", "[24]", json!([24])),
        ("provider_ids", "a,b", json!(["a", "b"])),
        (
            "auth_data",
            "username=me\npassword=a=b",
            json!({"username": "me", "password": "a=b"}),
        ),
        ("auth_data", r#"{"a": "b"}"#, json!({"a": "b"})),
    ] {
        assert_eq!(value(key, text), Ok(expected), "{key}");
    }
    for (key, text) in [
        ("paging", "maybe"),
        ("delay", "soon"),
        ("headers", "a"),
        ("delay", "NaN"),
    ] {
        assert!(value(key, text).is_err(), "{key}");
    }
}
