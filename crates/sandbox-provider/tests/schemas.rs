//! The provider's answers against the JSON schemas that the Mobility Data Specification publishes.
//! They are not part of this repository: name a folder that holds them, as `trips-0.2.1.json` and
//! so on, in `MDS_SCHEMAS`, or have them in `../shared/spec/schemas`.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Client;
use sandbox_provider::{MdsVersion, Provider, ProviderOptions, Rates};
use serde_json::Value;

const CASES: [(MdsVersion, Option<usize>, &str); 9] = [
    (MdsVersion::V0_2, None, "0.2.1"),
    (MdsVersion::V0_2, Some(10), "0.2.1"),
    (MdsVersion::V0_3, Some(10), "0.3.2"),
    (MdsVersion::V0_4, Some(10), "0.4.0"),
    (MdsVersion::V0_4, None, "0.4.1"),
    (MdsVersion::V1_0, None, "1.0.0"),
    (MdsVersion::V1_1, None, "1.1.1"),
    (MdsVersion::V1_2, None, "1.2.0"),
    (MdsVersion::V2_0, None, "2.0-micromobility"),
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
        let trips = answer.pointer("/data/trips").or(answer.get("trips"));
        assert!(!trips.unwrap().as_array().unwrap().is_empty());
        check(&folder, &format!("trips-{tag}"), &answer);
    }
    let provider = provider(MdsVersion::V2_0, None).await;
    let vehicles = get(&provider, "vehicles", &[]).await;
    check(&folder, "vehicles-2.0-micromobility", &vehicles);
    let device = vehicles["vehicles"][0]["device_id"].as_str().unwrap();
    let vehicle = get(&provider, &format!("vehicles/{device}"), &[]).await;
    check(&folder, "vehicles-2.0-micromobility", &vehicle);
    let hour = [("telemetry_time", "2021-05-15T23".to_owned())];
    let telemetry = get(&provider, "telemetry", &hour).await;
    assert!(!telemetry["telemetry"].as_array().unwrap().is_empty());
    check(&folder, "telemetry-2.0", &telemetry);
}

fn check(folder: &Path, schema: &str, answer: &Value) {
    let errors = errors(folder, schema, answer);
    assert!(errors.is_empty(), "{schema}: {}", errors.join("\n"));
}

async fn answer(version: MdsVersion, page_size: Option<usize>) -> Value {
    let provider = provider(version, page_size).await;
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
    get(&provider, "trips", &query).await
}

async fn provider(version: MdsVersion, page_size: Option<usize>) -> Provider {
    // Odd trips are to look right; bad ones are not.
    let rates = Rates {
        missing_device: 0.0,
        off_globe: 0.0,
        not_rider: 0.3,
        ..Rates::default()
    };
    let options = ProviderOptions {
        version,
        page_size,
        rates,
        token: None,
        ..ProviderOptions::default()
    };
    Provider::start(options).await.unwrap()
}

async fn get(provider: &Provider, path: &str, query: &[(&str, String)]) -> Value {
    let request = Client::new()
        .get(format!("{}/{path}", provider.base_url()))
        .query(query);
    request.send().await.unwrap().json().await.unwrap()
}

fn errors(folder: &Path, schema: &str, answer: &Value) -> Vec<String> {
    let file = std::fs::read(folder.join(format!("{schema}.json"))).unwrap();
    let schema: Value = serde_json::from_slice(&file).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator
        .iter_errors(answer)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .take(5)
        .collect()
}
