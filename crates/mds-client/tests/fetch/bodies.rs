//! Bodies: broken off, too large, packed, and exact to the digit.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use mds_client::{ClientOptions, MdsError};
use rstest::rstest;
use serde_json::json;
use tokio::time::Instant;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::raw::{Raw, Step, cut_off, whole};
use crate::support::*;

async fn serving(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Many trips, larger than any buffer on the way.
fn large() -> (Vec<String>, String) {
    let trips: Vec<String> = (0..20_000)
        .map(|n| format!(r#"{{"trip_id":"{n:08}","route":[1.10,{n}.50]}}"#))
        .collect();
    let all: Vec<&str> = trips.iter().map(String::as_str).collect();
    let body = envelope(&all);
    (trips, body)
}

#[tokio::test]
async fn every_digit_survives() {
    let trip = r#"{"a":1.10,"b":1e3,"c":12345678901234567890,"d":-0.0,"e":1.0000000000000000001,
        "f" : "\u00e9\/", "z":null,"a":1.10}"#;
    let server = serving(ResponseTemplate::new(200).set_body_string(envelope(&[trip]))).await;
    let (kept, _) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(kept.trips, [trip]);
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let (trips, body) = large();
    let server = serving(ResponseTemplate::new(200).set_body_string(&body)).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(kept.trips, trips);
    assert_eq!(report.bytes, body.len() as u64);
}

#[tokio::test]
async fn a_packed_body_is_unpacked() {
    let (trips, body) = large();
    let response = ResponseTemplate::new(200)
        .insert_header("content-encoding", "gzip")
        .set_body_bytes(gzipped(body.as_bytes()));
    let server = serving(response).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(kept.trips, trips);
    assert_eq!(report.bytes, body.len() as u64);
    let requests = server.received_requests().await.unwrap();
    assert!(
        requests[0].headers["accept-encoding"]
            .to_str()
            .unwrap()
            .contains("gzip")
    );
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped() {
    let body = format!("\u{feff}{}", envelope(&["{}"]));
    let server = serving(ResponseTemplate::new(200).set_body_string(body)).await;
    assert_eq!(
        ready(fetch(&client(&server.uri(), &json!({}))).await)
            .1
            .trips,
        1
    );
}

#[tokio::test]
async fn a_version_behind_the_trips_is_reported_and_the_content_type_begins_the_sink() {
    let body = r#"{"data":{"trips":[{}]},"version":"0.4.1"}"#;
    let response = ResponseTemplate::new(200)
        .set_body_raw(body, "application/vnd.mds.provider+json; version=0.4");
    let server = serving(response).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(kept.versions, ["0.4"]);
    assert_eq!(report.version_served, "0.4.1");
}

#[tokio::test]
async fn a_body_without_version_has_the_configured_one() {
    let server = serving(ResponseTemplate::new(200).set_body_string(r#"{"trips":[{}]}"#)).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({"version": "1.1"}))).await);
    assert_eq!(kept.versions, ["1.1.0"]);
    assert_eq!(report.version_served, "1.1.0");
}

#[rstest]
#[case::early(20)]
#[case::midway(100_000)]
#[case::late(1_000_000)]
#[tokio::test]
async fn a_body_that_breaks_off_begins_the_hour_anew_with_a_fresh_sink(#[case] cut: usize) {
    let (trips, body) = large();
    let cut = cut.min(body.len() - 1);
    let server = Raw::start(vec![cut_off(&body, cut), whole(&body)]).await;
    let (answer, sinks) = fetch_counting(&client(&server.url(), &json!({}))).await;
    let (kept, report) = ready(answer);
    assert!(kept.trips == trips, "no trip twice, none lost");
    assert_eq!((sinks, report.requests), (2, 2));
    assert_eq!(report.bytes, body.len() as u64);
}

#[tokio::test]
async fn a_body_of_several_pages_that_breaks_off_begins_with_the_first_page() {
    let first = page(&["1"], &json!("/2"));
    let second = page(&["2"], &json!(null));
    let server = Raw::start(vec![
        whole(&first),
        cut_off(&second, second.len() - 3),
        whole(&first),
        whole(&second),
    ])
    .await;
    let (answer, sinks) = fetch_counting(&client(&server.url(), &json!({}))).await;
    let (kept, report) = ready(answer);
    assert_eq!(kept.trips, ["1", "2"]);
    assert_eq!((sinks, report.pages, report.requests), (2, 2, 4));
}

#[tokio::test]
async fn a_body_that_always_breaks_off_is_unavailable() {
    let body = envelope(&["{}", "{}"]);
    let server = Raw::start(vec![cut_off(&body, body.len() - 5)]).await;
    let answer = fetch(&client(&server.url(), &json!({"max_attempts": 4}))).await;
    assert!(
        matches!(answer, Err(MdsError::Unavailable { .. })),
        "{answer:?}"
    );
    assert_eq!(server.heads().len(), 4);
}

#[tokio::test]
async fn failed_requests_and_broken_bodies_are_counted_together() {
    let body = envelope(&["{}", "{}"]);
    let error = crate::raw::status("500 Internal Server Error");
    let server = Raw::start(vec![
        error,
        cut_off(&body, 30),
        cut_off(&body, 30),
        whole(&body),
    ])
    .await;
    let answer = fetch(&client(&server.url(), &json!({"max_attempts": 3}))).await;
    assert!(
        matches!(answer, Err(MdsError::Unavailable { .. })),
        "{answer:?}"
    );
    assert_eq!(server.heads().len(), 3);
}

#[tokio::test]
async fn a_body_that_ends_in_the_middle_in_an_orderly_way_is_asked_again_too() {
    let body = envelope(&["{}", "{}"]);
    let server = Raw::start(vec![whole(&body[..body.len() - 4]), whole(&body)]).await;
    let (answer, sinks) = fetch_counting(&client(&server.url(), &json!({}))).await;
    assert_eq!(ready(answer).0.trips.len(), 2);
    assert_eq!(sinks, 2);

    let server = Raw::start(vec![whole(&body[..body.len() - 4])]).await;
    let answer = fetch(&client(&server.url(), &json!({}))).await;
    assert!(
        matches!(answer, Err(MdsError::Malformed { .. })),
        "{answer:?}"
    );
    assert_eq!(server.heads().len(), 3);
}

#[tokio::test]
async fn a_body_that_goes_silent_is_asked_again() {
    let body = envelope(&["{}", "{}"]);
    let mut silent = cut_off(&body, 30);
    silent.push(Step::Pause(Duration::from_secs(30)));
    let server = Raw::start(vec![silent, whole(&body)]).await;
    let begun = Instant::now();
    let (answer, sinks) = fetch_counting(&client(&server.url(), &json!({"timeout": 0.3}))).await;
    assert_eq!(ready(answer).0.trips.len(), 2);
    assert_eq!(sinks, 2);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_slow_body_may_take_longer_than_the_timeout_as_long_as_bytes_come() {
    let body = envelope(&["{}", "{}"]);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut script = vec![Step::Send(head.into_bytes())];
    for byte in body.bytes() {
        script.push(Step::Pause(Duration::from_millis(20)));
        script.push(Step::Send(vec![byte]));
    }
    let server = Raw::start(vec![script]).await;
    let begun = Instant::now();
    let (_, report) = ready(fetch(&client(&server.url(), &json!({"timeout": 0.4}))).await);
    assert_eq!(report.requests, 1);
    assert!(begun.elapsed() > Duration::from_millis(800));
}

#[tokio::test]
async fn a_packed_body_that_breaks_off_is_asked_again() {
    let (trips, body) = large();
    let packed = gzipped(body.as_bytes());
    let head = |length: usize| {
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
            .into_bytes()
    };
    let half = packed.len() / 2;
    let server = Raw::start(vec![
        vec![Step::Send([head(half), packed[..half].to_vec()].concat())],
        vec![Step::Send([head(packed.len()), packed].concat())],
    ])
    .await;
    let (answer, sinks) = fetch_counting(&client(&server.url(), &json!({}))).await;
    assert!(ready(answer).0.trips == trips);
    assert_eq!(sinks, 2);
}

#[rstest]
#[case::page_of_html("<html>no</html>")]
#[case::nothing("")]
#[case::error_object(r#"{"error":"bad_param","error_description":"no"}"#)]
#[case::null_trips(r#"{"version":"1.0.0","data":{"trips":null}}"#)]
#[case::list("[]")]
#[case::trailing(r#"{"data":{"trips":[]}} {}"#)]
#[tokio::test]
async fn what_is_no_envelope_is_malformed(#[case] body: &str) {
    let server = serving(ResponseTemplate::new(200).set_body_string(body)).await;
    let answer = fetch(&client(&server.uri(), &json!({}))).await;
    assert!(
        matches!(answer, Err(MdsError::Malformed { .. })),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_page_of_html_is_not_asked_again() {
    let server = serving(ResponseTemplate::new(200).set_body_string("<html>")).await;
    let answer = fetch(&client(&server.uri(), &json!({}))).await;
    assert!(
        matches!(answer, Err(MdsError::Malformed { .. })),
        "{answer:?}"
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_malformed_and_names_the_cap() {
    let zeros = vec![b' '; 3_000_000];
    let response = ResponseTemplate::new(200)
        .insert_header("content-encoding", "gzip")
        .set_body_bytes(gzipped(&[b"{".as_slice(), &zeros, b"}"].concat()));
    let server = serving(response).await;
    let client = client(&server.uri(), &json!({})).with_options(ClientOptions {
        max_body_bytes: 1_000_000,
        ..quick()
    });
    let answer = fetch(&client).await;
    let Err(error @ MdsError::Malformed { .. }) = answer else {
        panic!("{answer:?}");
    };
    assert!(error.to_string().contains("1000000 bytes"), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_sink_that_fails_ends_the_fetch_and_is_not_the_providers_fault() {
    let (_, body) = large();
    let server = serving(ResponseTemplate::new(200).set_body_string(body)).await;
    let client = client(&server.uri(), &json!({}));
    let sink = || Kept {
        fails_after: Some(3),
        ..Kept::default()
    };
    let answer = client.fetch_hour(hour(), later(), sink).await;
    let Err(MdsError::Sink { source, .. }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(source.to_string(), "the disk is full");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_fetch_that_is_abandoned_drops_its_sink() {
    use std::sync::Arc;
    struct Watched {
        _alive: Arc<()>,
    }
    impl mds_client::TripSink for Watched {
        fn begin(&mut self, _: &str) -> std::io::Result<()> {
            Ok(())
        }
        fn trip(&mut self, _: &serde_json::value::RawValue) -> std::io::Result<()> {
            Ok(())
        }
    }
    let body = envelope(&["{}", "{}"]);
    let mut silent = cut_off(&body, 30);
    silent.push(Step::Pause(Duration::from_secs(30)));
    let server = Raw::start(vec![silent]).await;
    let client = client(&server.url(), &json!({}));
    let alive = Arc::new(());
    let watched = Arc::clone(&alive);
    let fetch = client.fetch_hour(hour(), later(), move || Watched {
        _alive: Arc::clone(&watched),
    });
    assert!(
        tokio::time::timeout(Duration::from_millis(300), fetch)
            .await
            .is_err()
    );
    for _ in 0..100 {
        if Arc::strong_count(&alive) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the sink is still there");
}
