//! Environment variables and settings.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use config::{Environment, Providers, Settings};
use mds_client::{ProviderConfig, TokenRequest};
use serde_json::Value;

use super::page::{page, section, table};

/// The variables that the configuration looks up, the ones it falls back to included.
fn variables_looked_up() -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::new());
    Environment::from_lookup(|name| {
        names.borrow_mut().insert(name.to_owned());
        let value = match name {
            "ATD_MDS_BUCKET" => "bucket",
            "ATD_MDS_FERNET_KEY_SECRET" => "secret",
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "key",
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap();
    names.into_inner()
}

#[test]
fn the_configuration_reads_the_variables_of_the_contract() {
    table("Environment variables", "variable").assert_names("variable", variables_looked_up());
}

#[test]
fn no_other_variable_of_ours_is_read_anywhere() {
    let page = section("Environment variables");
    let mut known = page.table("variable").names("variable");
    known.extend(page.last_table().names("variable"));
    let mut found = BTreeSet::new();
    for folder in ["cli/src", "crates", "functions"] {
        find_variables(&repository().join(folder), &mut found);
    }
    for name in &found {
        assert!(
            known.contains(name),
            "docs/CONTRACT.md does not name {name}"
        );
    }
    for name in known.iter().filter(|name| is_ours(name)) {
        assert!(found.contains(name), "nothing reads {name}");
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn is_ours(name: &str) -> bool {
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (name.starts_with("ATD_MDS_") || name.starts_with("MDS_")) && name.chars().all(is_upper)
}

/// Collects the texts that look like variables of ours from the sources below a folder. Tests and
/// benches may have variables of their own.
fn find_variables(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "tests" | "benches" | "target") {
            find_variables(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path).unwrap();
            let texts = text.split('"').skip(1);
            found.extend(texts.filter(|text| is_ours(text)).map(str::to_owned));
        }
    }
}

#[test]
fn the_two_files_lie_where_the_contract_says() {
    let env = Environment::from_lookup(|name| match name {
        "ATD_MDS_BUCKET" | "ATD_MDS_FERNET_KEY_SECRET" => Some("any".to_owned()),
        _ => None,
    })
    .unwrap();
    let objects = section("Objects in the bucket")
        .last_table()
        .names("object");
    let variables = table("Environment variables", "variable");
    for (variable, key) in [
        ("ATD_MDS_PROVIDERS", &env.providers_key),
        ("ATD_MDS_SETTINGS", &env.settings_key),
    ] {
        let key = key.replace(env.stage.as_str(), "{stage}");
        assert!(objects.contains(&key), "{key}: {objects:?}");
        let row = variables
            .names_by_row("variable")
            .iter()
            .position(|it| it == &[variable]);
        assert_eq!(
            variables.names_by_row("default")[row.unwrap()],
            [key],
            "{variable}"
        );
    }
}

#[test]
fn the_settings_have_the_keys_of_the_contract() {
    table("Settings", "key").assert_names("key", Settings::keys());
}

#[test]
fn the_example_of_the_settings_passes_their_check_and_has_no_unknown_key() {
    for example in section("Settings").examples {
        let text = example.to_string();
        Settings::from_json(text.as_bytes())
            .unwrap()
            .check()
            .unwrap();
        let Value::Object(members) = example else {
            panic!("settings are an object");
        };
        for key in members.keys() {
            assert!(Settings::keys().any(|known| known == key), "{key}");
        }
    }
}

#[test]
fn an_entry_of_the_providers_file_has_the_keys_of_the_page_on_providers() {
    let page = page("PROVIDERS.md");
    let settings = page["Settings"].table("setting");
    settings.assert_names("setting", ProviderConfig::KEYS);
    let token_request = page["Logins"].table("key of `token_request`");
    token_request.assert_names("key of `token_request`", TokenRequest::KEYS);
}

#[test]
fn the_examples_of_entries_can_be_read() {
    let page = page("PROVIDERS.md");
    let example = &page["Providers"].examples[0];
    Providers::from_json(example.to_string().as_bytes()).unwrap();
    let mut entry = example["bird"].clone();
    let login = &page["Logins"].examples[0];
    entry["auth_type"] = "Custom".into();
    entry["token_request"] = login["token_request"].clone();
    ProviderConfig::from_value(entry).unwrap();
}
