//! Clients, sinks and bodies that the tests share.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use http_kit::RetryPolicy;
use mds_client::{
    ClientOptions, HourReport, HourResponse, MdsClient, MdsError, ProviderConfig, TripSink,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use trips::block::Hour;

pub(crate) const TOKEN: &str = "canary-token-77";

/// 2020-01-01T22:00Z to 23:00Z: 1577916000 to 1577919600.
pub(crate) fn hour() -> Hour {
    Hour::starting_at(at("2020-01-01T22:00:00Z")).unwrap()
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A month after the hour.
pub(crate) fn later() -> DateTime<Utc> {
    at("2020-02-01T00:00:00Z")
}

/// Keeps the trips. Fails after `fails_after` of them.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) versions: Vec<String>,
    pub(crate) trips: Vec<String>,
    pub(crate) fails_after: Option<usize>,
}

impl TripSink for Kept {
    fn begin(&mut self, version: &str) -> io::Result<()> {
        self.versions.push(version.to_owned());
        Ok(())
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        if self.fails_after == Some(self.trips.len()) {
            return Err(io::Error::other("the disk is full"));
        }
        self.trips.push(raw.get().to_owned());
        Ok(())
    }
}

pub(crate) fn entry(url: &str, settings: &Value) -> Value {
    let mut entry = json!({
        "mds_api_url": url,
        "provider_id": "0309585e-599f-4e57-ac85-ffffffffffff",
        "auth_type": "Bearer",
        "token": TOKEN,
        "version": "1.0",
        "timeout": 5
    });
    for (key, value) in settings.as_object().unwrap() {
        entry[key] = value.clone();
    }
    entry
}

/// Retries at once, so that tests are quick.
pub(crate) fn quick() -> ClientOptions {
    ClientOptions {
        retry: RetryPolicy::immediate(),
        ..ClientOptions::default()
    }
}

pub(crate) fn client(url: &str, settings: &Value) -> MdsClient {
    let config = ProviderConfig::from_value(entry(url, settings)).unwrap();
    let http = http_kit::client().unwrap();
    MdsClient::new(http, "bird".parse().unwrap(), config)
        .unwrap()
        .with_options(quick())
}

pub(crate) async fn fetch(client: &MdsClient) -> Result<HourResponse<Kept>, MdsError> {
    client.fetch_hour(hour(), later(), Kept::default).await
}

/// Fetches, and counts the sinks that were made.
pub(crate) async fn fetch_counting(
    client: &MdsClient,
) -> (Result<HourResponse<Kept>, MdsError>, usize) {
    let made = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&made);
    let response = client
        .fetch_hour(hour(), later(), move || {
            counter.fetch_add(1, Ordering::Relaxed);
            Kept::default()
        })
        .await;
    (response, made.load(Ordering::Relaxed))
}

pub(crate) fn ready(response: Result<HourResponse<Kept>, MdsError>) -> (Kept, HourReport) {
    match response {
        Ok(HourResponse::Ready { sink, report }) => (sink, report),
        other => panic!("{other:?}"),
    }
}

/// An envelope of version 1.0 with these trips.
pub(crate) fn envelope(trips: &[&str]) -> String {
    format!(
        r#"{{"version":"1.0.0","data":{{"trips":[{}]}}}}"#,
        trips.join(",")
    )
}

/// An envelope with a link to the next page.
pub(crate) fn page(trips: &[&str], next: &Value) -> String {
    format!(
        r#"{{"version":"0.3.0","data":{{"trips":[{}]}},"links":{{"next":{next}}}}}"#,
        trips.join(",")
    )
}
