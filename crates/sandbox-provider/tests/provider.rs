//! The provider through an HTTP client.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use reqwest::{Client, RequestBuilder, StatusCode};
use rstest::rstest;
use sandbox_provider::{
    AcceptPolicy, Fault, MdsVersion, Provider, ProviderOptions, Rates, Rhythm, Times,
};
use serde_json::Value;

fn hour() -> DateTime<Utc> {
    "2021-05-15T23:00:00Z".parse().unwrap()
}

async fn provider(change: impl FnOnce(&mut ProviderOptions)) -> Provider {
    let mut options = ProviderOptions::default();
    change(&mut options);
    Provider::start(options).await.unwrap()
}

/// The request of a client for an hour, in the form of the version.
fn list_request(provider: &Provider, hour: DateTime<Utc>) -> RequestBuilder {
    let end = hour + TimeDelta::hours(1);
    let request = Client::new().get(format!("{}/trips", provider.base_url()));
    let request = match provider.options().version {
        MdsVersion::V0_2 => {
            let start = hour - TimeDelta::hours(24);
            request.query(&[
                ("start_time", start.timestamp()),
                ("end_time", end.timestamp()),
            ])
        }
        MdsVersion::V0_3 => request.query(&[
            ("min_end_time", hour.timestamp_millis()),
            ("max_end_time", end.timestamp_millis()),
        ]),
        _ => request.query(&[("end_time", hour.format("%Y-%m-%dT%H").to_string())]),
    };
    request.bearer_auth("sandbox-token")
}

async fn trips(request: RequestBuilder) -> Vec<Value> {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut body: Value = response.json().await.unwrap();
    serde_json::from_value(body["data"]["trips"].take()).unwrap()
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[rstest]
#[case(
    MdsVersion::V0_3,
    "application/vnd.mds.provider+json;version=0.3",
    "0.3.2"
)]
#[case(
    MdsVersion::V0_4,
    "application/vnd.mds.provider+json;version=0.4",
    "0.4.1"
)]
#[case(MdsVersion::V1_0, "application/vnd.mds+json;version=1.0", "1.0.0")]
#[case(MdsVersion::V1_1, "application/vnd.mds+json;version=1.1", "1.1.1")]
#[case(MdsVersion::V1_2, "application/vnd.mds+json;version=1.2", "1.2.0")]
#[tokio::test]
async fn every_version_answers_in_its_own_way(
    #[case] version: MdsVersion,
    #[case] media: &str,
    #[case] whole: &str,
) {
    let provider =
        provider(|options| (options.version, options.accept) = (version, AcceptPolicy::Strict))
            .await;
    assert_eq!(status(list_request(&provider, hour())).await, 406);
    assert_eq!(
        status(list_request(&provider, hour()).header("Accept", format!("{media}.0"))).await,
        406
    );
    let response = list_request(&provider, hour())
        .header("Accept", media)
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], media);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["version"], whole);
    assert!(body.get("links").is_none());
    let sent = body["data"]["trips"].as_array().unwrap().len() as u64;
    assert_eq!(sent, provider.expected(hour()).sent);
}

#[tokio::test]
async fn version_0_2_answers_trips_that_lie_inside_the_window() {
    let provider =
        provider(|options| (options.version, options.rates) = (MdsVersion::V0_2, Rates::none()))
            .await;
    let (start, end) = (hour() - TimeDelta::hours(24), hour() + TimeDelta::hours(1));
    let received = trips(list_request(&provider, hour())).await;
    let seconds = |trip: &Value, name: &str| trip[name].as_f64().unwrap();
    let bounds = |time: DateTime<Utc>| f64::from(i32::try_from(time.timestamp()).unwrap());
    assert!(received.iter().all(
        |t| seconds(t, "start_time") >= bounds(start) && seconds(t, "end_time") <= bounds(end)
    ));
    let in_the_hour = received
        .iter()
        .filter(|trip| seconds(trip, "end_time") >= bounds(hour()))
        .count() as u64;
    assert_eq!(in_the_hour, provider.expected(hour()).sent);
    assert!(received.len() as u64 > in_the_hour);
}

#[rstest]
#[case(MdsVersion::V0_2)]
#[case(MdsVersion::V0_3)]
#[case(MdsVersion::V0_4)]
#[tokio::test]
async fn pages_hold_the_same_as_one_answer(#[case] version: MdsVersion) {
    let ordinary = |options: &mut ProviderOptions| {
        (options.version, options.rates, options.trips_per_hour) = (version, Rates::none(), 15.0);
    };
    let whole = provider(ordinary).await;
    let paged = provider(|options| {
        ordinary(options);
        options.page_size = Some(7);
    });
    let paged = paged.await;
    let mut collected = Vec::new();
    let mut request = list_request(&paged, hour());
    let mut pages = 0;
    loop {
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        collected.extend(body["data"]["trips"].as_array().unwrap().clone());
        pages += 1;
        let Some(next) = body["links"]["next"].as_str() else {
            break;
        };
        request = Client::new().get(next).bearer_auth("sandbox-token");
    }
    // 0.4.1 introduced mopeds and has no pages. So the vehicles differ, and with them the routes.
    let ids = |trips: &[Value]| {
        trips
            .iter()
            .map(|trip| trip["trip_id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ids(&collected),
        ids(&trips(list_request(&whole, hour())).await)
    );
    assert_eq!(pages, collected.len().div_ceil(7));
}

#[tokio::test]
async fn requests_that_are_wrong_are_refused() {
    let provider = provider(|options| options.version = MdsVersion::V1_1).await;
    let bare = || Client::new().get(format!("{}/trips", provider.base_url()));
    assert_eq!(status(bare()).await, 401);
    assert_eq!(status(bare().bearer_auth("wrong")).await, 401);
    assert_eq!(status(bare().bearer_auth("sandbox-token")).await, 400);
    assert_eq!(
        status(
            bare()
                .bearer_auth("sandbox-token")
                .query(&[("end_time", "1")])
        )
        .await,
        400
    );
    assert_eq!(provider.log().count(400), 2);
    assert_eq!(provider.log().requests()[3].query, "end_time=1");
}

#[tokio::test]
async fn hours_are_published_when_they_have_ended() {
    let now = Utc::now();
    let this_hour = now - TimeDelta::minutes(i64::from(now.minute()));
    let provider = provider(|options| {
        options.version = MdsVersion::V1_1;
        options.publication_lag = TimeDelta::hours(3);
        options.not_ready_status = Some(202);
    });
    let provider = provider.await;
    assert_eq!(
        status(list_request(&provider, this_hour + TimeDelta::hours(2))).await,
        404
    );
    assert_eq!(
        status(list_request(&provider, this_hour - TimeDelta::hours(2))).await,
        202
    );
    assert_eq!(
        status(list_request(&provider, this_hour - TimeDelta::hours(5))).await,
        200
    );
}

#[rstest]
#[case(MdsVersion::V0_3, Some(200))]
#[case(MdsVersion::V0_4, Some(404))]
#[case(MdsVersion::V1_2, None)]
#[tokio::test]
async fn not_ready_is_said_in_the_words_of_the_version(
    #[case] version: MdsVersion,
    #[case] expected: Option<u16>,
) {
    let provider = provider(|options| options.version = version).await;
    provider.fail_hour(hour(), Fault::NotReady, Times::Next(1));
    let response = list_request(&provider, hour()).send().await;
    // After a 102, an HTTP client waits for the final response, which does not come.
    let status = response.ok().map(|response| response.status().as_u16());
    assert_eq!(status, expected);
    assert_eq!(
        provider.log().requests()[0].status,
        Some(expected.unwrap_or(102))
    );
    assert_eq!(
        trips(list_request(&provider, hour())).await.len() as u64,
        provider.expected(hour()).sent
    );
}

#[tokio::test]
async fn faults_happen_to_their_hour_in_turn() {
    let provider = provider(|options| options.version = MdsVersion::V0_4).await;
    let faults = [
        Fault::Status {
            status: 429,
            retry_after: Some(3),
        },
        Fault::DropConnection,
        Fault::TruncatedJson,
        Fault::ErrorObject200,
        Fault::HtmlPage200,
        Fault::NotOperating,
        Fault::Partial { trips: 2 },
        Fault::Stall(Duration::from_millis(300)),
        Fault::Slow(Duration::from_millis(300)),
    ];
    for fault in faults {
        provider.fail_hour(hour() + TimeDelta::minutes(30), fault, Times::Next(1));
    }
    assert_eq!(
        status(list_request(&provider, hour() - TimeDelta::hours(1))).await,
        200
    );

    let throttled = list_request(&provider, hour()).send().await.unwrap();
    assert_eq!(
        (
            throttled.status().as_u16(),
            throttled.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "3")
    );
    let dropped = list_request(&provider, hour()).send().await.unwrap();
    assert!(dropped.status().is_success() && dropped.bytes().await.is_err());
    let truncated = list_request(&provider, hour())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(truncated.contains("trip_id") && serde_json::from_str::<Value>(&truncated).is_err());
    let error: Value = list_request(&provider, hour())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(error.get("error").is_some());
    assert!(
        list_request(&provider, hour())
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .starts_with("<html>")
    );
    assert_eq!(status(list_request(&provider, hour())).await, 404);
    assert_eq!(trips(list_request(&provider, hour())).await.len(), 2);
    let started = Instant::now();
    let mut stalled = list_request(&provider, hour()).send().await.unwrap();
    let first_half = stalled.chunk().await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_millis(300));
    let second_half = stalled.bytes().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
    let whole: Value = serde_json::from_slice(&[first_half, second_half].concat()).unwrap();
    assert_eq!(
        whole["data"]["trips"].as_array().unwrap().len() as u64,
        provider.expected(hour()).sent
    );
    let started = Instant::now();
    assert_eq!(
        trips(list_request(&provider, hour())).await.len() as u64,
        provider.expected(hour()).sent
    );
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_huge_hour_is_streamed() {
    let provider = provider(|options| {
        options.trips_per_hour = 20_000.0;
        options.rhythm = Rhythm::Flat;
    });
    let provider = provider.await;
    let started = Instant::now();
    let mut response = list_request(&provider, hour()).send().await.unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    let to_first = started.elapsed();
    let mut length = first.len();
    while let Some(chunk) = response.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert!(length > 10_000_000);
    assert!(
        to_first < started.elapsed() / 2,
        "{to_first:?} of {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn the_entry_says_how_to_send_requests() {
    let provider = provider(|options| options.page_size = Some(10)).await;
    let entry = provider.entry();
    assert_eq!(entry["mds_api_url"], provider.base_url());
    assert_eq!(
        (entry["version"].as_str(), entry["token"].as_str()),
        (Some("0.3"), Some("sandbox-token"))
    );
}
