//! The provider's responses against the facts of MDS in `fixtures/mds.json` and, if `MDS_SCHEMAS`
//! names a folder that holds them, against the JSON schemas that the Open Mobility Foundation
//! publishes.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use jsonschema::Validator;
use reqwest::Client;
use sandbox_provider::{MdsVersion, Provider, ProviderOptions, Rates};
use serde_json::{Value, json};

const FACTS: &str = include_str!("fixtures/mds.json");

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
    for (version, page_size, tag) in CASES {
        let response = trips(version, page_size).await;
        assert!(!list_of_trips(&response).is_empty());
        check(&format!("trips-{tag}"), &response);
    }
    let provider = provider(MdsVersion::V2_0, None).await;
    let vehicles = get(&provider, "vehicles", &[]).await;
    check("vehicles-2.0-micromobility", &vehicles);
    let device = vehicles["vehicles"][0]["device_id"].as_str().unwrap();
    let vehicle = get(&provider, &format!("vehicles/{device}"), &[]).await;
    check("vehicles-2.0-micromobility", &vehicle);
    let hour = [("telemetry_time", "2021-05-15T23".to_owned())];
    let telemetry = get(&provider, "telemetry", &hour).await;
    assert!(!telemetry["telemetry"].as_array().unwrap().is_empty());
    check("telemetry-2.0", &telemetry);
}

#[tokio::test]
async fn the_facts_reject_malformed_trips() {
    for (version, page_size, tag) in CASES {
        let response = trips(version, page_size).await;
        let facts = facts(&format!("trips-{tag}"));
        let changes: [fn(&mut Value); 6] = [
            |trip| drop(trip.as_object_mut().unwrap().remove("trip_id")),
            |trip| trip["device_id"] = json!("7D8A3C5E-52A4-4D0F-9B1E-6F2091C3A857"),
            |trip| trip["end_time"] = json!(trip["end_time"].to_string()),
            |trip| trip["start_time"] = json!(trip["start_time"].as_f64().unwrap() / 1e4),
            |trip| trip["actual_cost"] = json!(1.5),
            |trip| trip["unknown"] = json!(1),
        ];
        for (number, change) in changes.iter().enumerate() {
            // Seconds have no lower bound that a smaller unit would fall below.
            if version == MdsVersion::V0_2 && number == 3 {
                continue;
            }
            let mut malformed = response.clone();
            change(&mut list_of_trips_mut(&mut malformed)[0]);
            assert!(!facts.is_valid(&malformed), "{tag}, change {number}");
        }
    }
}

fn check(name: &str, response: &Value) {
    assert_valid(name, &facts(name), response);
    if let Some(folder) = std::env::var_os("MDS_SCHEMAS") {
        let file = std::fs::read(Path::new(&folder).join(format!("{name}.json"))).unwrap();
        let schema = serde_json::from_slice(&file).unwrap();
        let published = jsonschema::validator_for(&schema).unwrap();
        assert_valid(name, &published, response);
    }
}

fn assert_valid(name: &str, validator: &Validator, response: &Value) {
    let errors: Vec<String> = validator
        .iter_errors(response)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .take(5)
        .collect();
    assert!(errors.is_empty(), "{name}: {}", errors.join("\n"));
}

/// The validator for one definition of the facts.
fn facts(name: &str) -> Validator {
    let mut schema: Value = serde_json::from_str(FACTS).unwrap();
    assert!(schema["$defs"][name].is_object(), "no facts about {name}");
    schema["$ref"] = format!("#/$defs/{name}").into();
    jsonschema::validator_for(&schema).unwrap()
}

fn list_of_trips(response: &Value) -> &Vec<Value> {
    let trips = response.pointer("/data/trips").or(response.get("trips"));
    trips.unwrap().as_array().unwrap()
}

fn list_of_trips_mut(response: &mut Value) -> &mut Vec<Value> {
    let path = if response.get("data").is_some() {
        "/data/trips"
    } else {
        "/trips"
    };
    response.pointer_mut(path).unwrap().as_array_mut().unwrap()
}

async fn trips(version: MdsVersion, page_size: Option<usize>) -> Value {
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
    // Unusual trips are valid. Of the malformed ones, a schema only accepts an end before the
    // start.
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
