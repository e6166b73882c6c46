//! The provider's answers against the JSON schemas that the Mobility Data Specification
//! publishes. They are not part of this repository: name a folder that holds them, as
//! `trips-0.2.1.json` and so on, in `MDS_SCHEMAS`, or have them in `../shared/spec/schemas`.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Client;
use sandbox::provider::{MdsVersion, Provider, ProviderOptions, Rates};
use serde_json::Value;

const CASES: [(MdsVersion, Option<usize>, &str); 8] = [
    (MdsVersion::V0_2, None, "0.2.1"),
    (MdsVersion::V0_2, Some(10), "0.2.1"),
    (MdsVersion::V0_3, Some(10), "0.3.2"),
    (MdsVersion::V0_4, Some(10), "0.4.0"),
    (MdsVersion::V0_4, None, "0.4.1"),
    (MdsVersion::V1_0, None, "1.0.0"),
    (MdsVersion::V1_1, None, "1.1.1"),
    (MdsVersion::V1_2, None, "1.2.0"),
];

#[tokio::test]
async fn answers_follow_the_published_schemas() {
    let folder = std::env::var_os("MDS_SCHEMAS").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../../shared/spec/schemas"
            ))
        },
        PathBuf::from,
    );
    if !folder.exists() {
        println!("skipped: there are no schemas in {}", folder.display());
        return;
    }
    for (version, page_size, tag) in CASES {
        let answer = answer(version, page_size).await;
        assert!(!answer["data"]["trips"].as_array().unwrap().is_empty());
        let errors = errors(&folder, tag, &answer);
        assert!(errors.is_empty(), "{tag}: {}", errors.join("\n"));
    }
}

async fn answer(version: MdsVersion, page_size: Option<usize>) -> Value {
    // Odd trips are to look right; bad ones are not.
    let rates = Rates {
        missing_device: 0.0,
        off_globe: 0.0,
        ..Rates::default()
    };
    let options = ProviderOptions {
        version,
        page_size,
        rates,
        token: None,
        ..ProviderOptions::default()
    };
    let provider = Provider::start(options).await.unwrap();
    let hour: DateTime<Utc> = "2021-05-15T23:00:00Z".parse().unwrap();
    let end = hour + TimeDelta::hours(1);
    let query = match version {
        MdsVersion::V0_2 => vec![
            ("start_time", hour.timestamp().to_string()),
            ("end_time", end.timestamp().to_string()),
        ],
        MdsVersion::V0_3 => vec![
            ("min_end_time", hour.timestamp_millis().to_string()),
            ("max_end_time", end.timestamp_millis().to_string()),
        ],
        _ => vec![("end_time", hour.format("%Y-%m-%dT%H").to_string())],
    };
    let request = Client::new()
        .get(format!("{}/trips", provider.base_url()))
        .query(&query);
    request.send().await.unwrap().json().await.unwrap()
}

fn errors(folder: &Path, tag: &str, answer: &Value) -> Vec<String> {
    let file = std::fs::read(folder.join(format!("trips-{tag}.json"))).unwrap();
    let schema: Value = serde_json::from_slice(&file).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator
        .iter_errors(answer)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .take(5)
        .collect()
}
