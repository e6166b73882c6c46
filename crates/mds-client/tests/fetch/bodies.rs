//! Bodies: broken off, too large, compressed, and exact to the digit.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_kit::testing::{ScriptedServer, Step, always, cut_off, requests, status, whole};
use mds_client::{ClientOptions, MdsError};
use rstest::rstest;
use serde_json::json;
use tokio::time::Instant;
use wiremock::ResponseTemplate;

use crate::support::*;

#[tokio::test]
async fn an_error_beside_trips_is_told() {
    let body = r#"{"trips":[{}],"errors":["shard 3 timed out"]}"#;
    let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!((kept.trips.len(), report.names_error), (1, true));
}

fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Many trips: more than any buffer holds.
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
    let server = always(ResponseTemplate::new(200).set_body_string(envelope(&[trip]))).await;
    let (kept, _) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(kept.trips, [trip]);
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let (trips, body) = large();
    let server = always(ResponseTemplate::new(200).set_body_string(&body)).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(kept.trips, trips);
    assert_eq!(report.bytes, body.len() as u64);
}

#[tokio::test]
async fn a_compressed_body_is_decompressed() {
    let (trips, body) = large();
    let template = ResponseTemplate::new(200)
        .insert_header("content-encoding", "gzip")
        .set_body_bytes(gzipped(body.as_bytes()));
    let server = always(template).await;
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

/// As tools that compress in parts send it.
#[tokio::test]
async fn every_part_of_a_compressed_body_is_read() {
    let (trips, body) = large();
    let (first, rest) = body.as_bytes().split_at(body.len() / 3);
    let template = ResponseTemplate::new(200)
        .insert_header("content-encoding", "x-gzip")
        .set_body_bytes([gzipped(first), gzipped(rest)].concat());
    let server = always(template).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(kept.trips, trips);
    assert_eq!(report.bytes, body.len() as u64);
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped() {
    let body = format!("\u{feff}{}", envelope(&["{}"]));
    let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
    assert_eq!(
        ready(fetch(&client(&server.uri(), &json!({}))).await)
            .1
            .trips,
        1
    );
}

#[tokio::test]
async fn an_encoding_that_is_not_decoded_is_named() {
    let body = ResponseTemplate::new(200).set_body_bytes(b"x\x9c\x03\x00".as_slice());
    let server = always(body.insert_header("Content-Encoding", "deflate")).await;
    let error = fetch(&client(&server.uri(), &json!({}))).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("encoded as `deflate`, and only gzip"),
        "{text}"
    );

    let page = ResponseTemplate::new(200).set_body_string(envelope(&["{}"]));
    let server = always(page.insert_header("Content-Encoding", "utf-8")).await;
    assert_eq!(
        ready(fetch(&client(&server.uri(), &json!({}))).await)
            .1
            .trips,
        1
    );
}

#[tokio::test]
async fn a_version_after_the_trips_is_reported_and_the_sink_gets_that_of_the_content_type() {
    let body = r#"{"data":{"trips":[{}]},"version":"0.4.1"}"#;
    let template = ResponseTemplate::new(200)
        .set_body_raw(body, "application/vnd.mds.provider+json; version=0.4");
    let server = always(template).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(kept.versions, ["0.4"]);
    assert_eq!(report.version_served, "0.4.1");
    assert_eq!(report.version_expected, Some("1.0"));
}

#[tokio::test]
async fn a_body_without_a_version_has_the_configured_one() {
    let server = always(ResponseTemplate::new(200).set_body_string(r#"{"trips":[{}]}"#)).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({"version": "1.1"}))).await);
    assert_eq!(kept.versions, ["1.1.0"]);
    assert_eq!(report.version_served, "1.1.0");
    assert_eq!(report.version_expected, None);
}

#[rstest]
#[case::early(20)]
#[case::midway(100_000)]
#[case::late(1_000_000)]
#[tokio::test]
async fn a_body_that_breaks_off_restarts_the_hour_with_a_new_sink(#[case] cut: usize) {
    let (trips, body) = large();
    let cut = cut.min(body.len() - 1);
    let server = ScriptedServer::start(vec![cut_off(&body, cut), whole(&body)]).await;
    let (response, sinks) = fetch_counting(&client(&server.url(), &json!({}))).await;
    let (kept, report) = ready(response);
    assert!(kept.trips == trips, "no trip is duplicated or lost");
    assert_eq!((sinks, report.requests), (2, 2));
    assert_eq!(report.bytes, body.len() as u64);
}

#[tokio::test]
async fn an_hour_whose_second_page_breaks_off_restarts_with_the_first() {
    let first = page(&["1"], &json!("/2"));
    let second = page(&["2"], &json!(null));
    let server = ScriptedServer::start(vec![
        whole(&first),
        cut_off(&second, second.len() - 3),
        whole(&first),
        whole(&second),
    ])
    .await;
    let (response, sinks) = fetch_counting(&client(&server.url(), &json!({}))).await;
    let (kept, report) = ready(response);
    assert_eq!(kept.trips, ["1", "2"]);
    assert_eq!((sinks, report.pages, report.requests), (2, 2, 4));
}

#[tokio::test]
async fn a_body_that_always_breaks_off_is_unavailable() {
    let body = envelope(&["{}", "{}"]);
    let server = ScriptedServer::start(vec![cut_off(&body, body.len() - 5)]).await;
    let response = fetch(&client(&server.url(), &json!({"max_attempts": 4}))).await;
    assert!(
        matches!(response, Err(MdsError::Unavailable { .. })),
        "{response:?}"
    );
    assert_eq!(server.heads().len(), 4);
}

#[tokio::test]
async fn failed_requests_and_broken_bodies_use_up_the_same_attempts() {
    let body = envelope(&["{}", "{}"]);
    let failure = status("500 Internal Server Error");
    let server = ScriptedServer::start(vec![
        failure,
        cut_off(&body, 30),
        cut_off(&body, 30),
        whole(&body),
    ])
    .await;
    let response = fetch(&client(&server.url(), &json!({"max_attempts": 3}))).await;
    assert!(
        matches!(response, Err(MdsError::Unavailable { .. })),
        "{response:?}"
    );
    assert_eq!(server.heads().len(), 3);
}

#[tokio::test]
async fn a_body_that_ends_early_without_a_broken_connection_restarts_the_hour_too() {
    let body = envelope(&["{}", "{}"]);
    let server = ScriptedServer::start(vec![whole(&body[..body.len() - 4]), whole(&body)]).await;
    let (response, sinks) = fetch_counting(&client(&server.url(), &json!({}))).await;
    assert_eq!(ready(response).0.trips.len(), 2);
    assert_eq!(sinks, 2);

    let server = ScriptedServer::start(vec![whole(&body[..body.len() - 4])]).await;
    let response = fetch(&client(&server.url(), &json!({}))).await;
    assert!(
        matches!(response, Err(MdsError::Malformed { .. })),
        "{response:?}"
    );
    assert_eq!(server.heads().len(), 3);
}

#[tokio::test]
async fn a_body_that_stalls_restarts_the_hour() {
    let body = envelope(&["{}", "{}"]);
    let mut silent = cut_off(&body, 30);
    silent.push(Step::Pause(Duration::from_secs(30)));
    let server = ScriptedServer::start(vec![silent, whole(&body)]).await;
    let started = Instant::now();
    let (response, sinks) = fetch_counting(&client(&server.url(), &json!({"timeout": 0.3}))).await;
    assert_eq!(ready(response).0.trips.len(), 2);
    assert_eq!(sinks, 2);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_slow_body_may_take_longer_than_the_timeout_as_long_as_bytes_arrive() {
    let body = envelope(&["{}", "{}"]);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut script = vec![Step::Send(head.into_bytes())];
    for byte in body.bytes() {
        script.push(Step::Pause(Duration::from_millis(20)));
        script.push(Step::Send(vec![byte]));
    }
    let server = ScriptedServer::start(vec![script]).await;
    let started = Instant::now();
    let (_, report) = ready(fetch(&client(&server.url(), &json!({"timeout": 0.4}))).await);
    assert_eq!(report.requests, 1);
    assert!(started.elapsed() > Duration::from_millis(800));
}

#[tokio::test]
async fn a_compressed_body_that_breaks_off_restarts_the_hour() {
    let (trips, body) = large();
    let compressed = gzipped(body.as_bytes());
    let head = |length: usize| {
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
            .into_bytes()
    };
    let half = compressed.len() / 2;
    let server = ScriptedServer::start(vec![
        vec![Step::Send(
            [head(half), compressed[..half].to_vec()].concat(),
        )],
        vec![Step::Send([head(compressed.len()), compressed].concat())],
    ])
    .await;
    let (response, sinks) = fetch_counting(&client(&server.url(), &json!({}))).await;
    assert!(ready(response).0.trips == trips);
    assert_eq!(sinks, 2);
}

#[rstest]
#[case::page_of_html("<html>no</html>")]
#[case::nothing("")]
#[case::error_object(r#"{"error":"bad_param","error_description":"no"}"#)]
#[case::null_with_an_error(r#"{"version":"1.0.0","data":{"trips":null},"error":"no such hour"}"#)]
#[case::list("[]")]
#[case::trailing(r#"{"data":{"trips":[]}} {}"#)]
#[tokio::test]
async fn a_body_that_is_not_an_envelope_is_malformed(#[case] body: &str) {
    let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
    let response = fetch(&client(&server.uri(), &json!({}))).await;
    assert!(
        matches!(response, Err(MdsError::Malformed { .. })),
        "{response:?}"
    );
}

/// So some languages write an empty list.
#[tokio::test]
async fn null_is_an_hour_without_trips() {
    let body = r#"{"version":"1.0.0","data":{"trips":null}}"#;
    let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert!(kept.trips.is_empty());
    assert_eq!((report.pages, report.trips), (1, 0));
}

const PAGE: &str = "<html>canary-in-page</html>";

#[tokio::test]
async fn a_page_of_html_is_not_requested_again_and_named() {
    let template = ResponseTemplate::new(200).set_body_raw(PAGE, "text/html; charset=utf-8");
    let server = always(template).await;
    let error = fetch(&client(&server.uri(), &json!({}))).await.unwrap_err();
    assert!(matches!(error, MdsError::Malformed { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("looks like a web page (text/html)"), "{text}");
    assert!(!format!("{text} {error:?}").contains("canary"), "{error:?}");
    assert_eq!(error.body(), None, "nobody wants to see it");
    assert_eq!(requests(&server).await, 1);
}

fn curious(url: &str, bytes: usize) -> mds_client::MdsClient {
    client(url, &json!({})).with_options(ClientOptions {
        kept_body_bytes: bytes,
        ..quick()
    })
}

/// The first bytes are enough for the fault, and those that are wanted come later.
#[tokio::test]
async fn what_came_in_place_of_trips_is_kept_for_who_asks() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n";
    let rest = "x".repeat(100_000);
    let server = ScriptedServer::start(vec![vec![
        Step::Send(format!("{head}{PAGE}").into_bytes()),
        Step::Pause(Duration::from_millis(200)),
        Step::Send(rest.clone().into_bytes()),
    ]])
    .await;
    let error = fetch(&curious(&server.url(), 1 << 20)).await.unwrap_err();
    let all = format!("{PAGE}{rest}");
    assert_eq!(error.body(), Some(all.as_bytes()));
    assert!(
        !format!("{error} {error:?}").contains("canary"),
        "{error:?}"
    );
}

#[rstest]
#[case::object(r#"{"error":"canary"}"#, 1 << 20)]
#[case::cut_off(r#"{"data":{"trips":[{"a":1},"#, 1 << 20)]
#[case::odd_link(r#"{"data":{"trips":[]},"links":{"next":7}}"#, 1 << 20)]
#[case::more_than_wanted("<html>and more than that", 20)]
#[tokio::test]
async fn of_any_response_that_is_not_mds_the_beginning_is_kept(
    #[case] body: &str,
    #[case] wanted: usize,
) {
    let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
    let error = fetch(&curious(&server.uri(), wanted)).await.unwrap_err();
    let beginning = &body.as_bytes()[..wanted.min(body.len())];
    assert_eq!(error.body(), Some(beginning), "{error}");
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_malformed_and_the_error_names_the_cap() {
    let zeros = vec![b' '; 3_000_000];
    let template = ResponseTemplate::new(200)
        .insert_header("content-encoding", "gzip")
        .set_body_bytes(gzipped(&[b"{".as_slice(), &zeros, b"}"].concat()));
    let server = always(template).await;
    let client = client(&server.uri(), &json!({})).with_options(ClientOptions {
        max_body_bytes: 1_000_000,
        ..quick()
    });
    let response = fetch(&client).await;
    let Err(error @ MdsError::Malformed { .. }) = response else {
        panic!("{response:?}");
    };
    assert!(error.to_string().contains("1000000 bytes"), "{error}");
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn a_failing_sink_ends_the_fetch_with_its_own_error() {
    let (_, body) = large();
    let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
    let client = client(&server.uri(), &json!({}));
    let sink = || Kept {
        fails_after: Some(3),
        ..Kept::default()
    };
    let response = client.fetch_hour(hour(), later(), sink).await;
    let Err(MdsError::Sink { source, .. }) = response else {
        panic!("{response:?}");
    };
    assert_eq!(source.to_string(), "the disk is full");
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn a_cancelled_fetch_drops_its_sink() {
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
    let server = ScriptedServer::start(vec![silent]).await;
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

/// Only this trip is no JSON; the archive of the hour keeps it as it is.
#[tokio::test]
async fn a_number_that_is_not_finite_does_not_cost_the_hour() {
    let odd = r#"{"trip_id":"x","accuracy":NaN}"#;
    let server = always(whole_page(&envelope(&["{}", odd, "{}"]))).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(
        kept.trips,
        ["{}", r#"{"trip_id":"x","accuracy":null}"#, "{}"]
    );
    assert_eq!((report.trips, report.requests), (3, 1));
}

/// Also at 0.2, where the query covers other hours: the trip's end is read nevertheless.
#[tokio::test]
async fn of_such_trips_those_of_other_hours_are_left_out() {
    let inside = r#"{"end_time":1577916000,"accuracy":NaN}"#;
    let outside = r#"{"end_time":1577912400,"accuracy":NaN}"#;
    let server = always(whole_page(&envelope(&[inside, outside]))).await;
    let client = client(&server.uri(), &json!({"version": "0.2"}));
    let (_, report) = ready(fetch(&client).await);
    assert_eq!((report.trips, report.trips_outside_window), (1, 1));
}

/// As the end of a trip that is no JSON, that of a trip that is not UTF-8 is read nevertheless.
#[tokio::test]
async fn a_text_that_is_not_utf_8_does_not_cost_the_hour() {
    let inside = r#"{"vehicle_id":"Caf~","end_time":1577916000}"#;
    let outside = r#"{"vehicle_id":"Caf~","end_time":1577912400}"#;
    let sent = envelope(&["{}", inside, outside, "{}"]).into_bytes();
    let sent = sent
        .into_iter()
        .map(|byte| if byte == b'~' { 0xe9 } else { byte });
    let page = ResponseTemplate::new(200).set_body_bytes(sent.collect::<Vec<u8>>());
    let server = always(page).await;
    let client = client(&server.uri(), &json!({"version": "0.2"}));
    let (kept, report) = ready(fetch(&client).await);
    assert_eq!((report.trips, report.trips_outside_window), (3, 1));
    assert_eq!(
        (kept.trips[0].as_str(), kept.trips[2].as_str()),
        ("{}", "{}")
    );
    let marker: serde_json::Value = serde_json::from_str(&kept.trips[1]).unwrap();
    assert_eq!(marker["vehicle_id"], "Caf\u{fffd}");
    assert_eq!(
        marker["mds_etl_not_utf8"]["latin1"],
        inside.replace('~', "\u{e9}")
    );
}

#[tokio::test]
async fn a_body_that_ends_within_a_character_is_cut_off() {
    let body = envelope(&["{}", "{\"vehicle_id\":\"Caf\u{e9}\"}"]);
    let end = body.find('\u{e9}').unwrap() + 1;
    let server = always(ResponseTemplate::new(200).set_body_bytes(&body.as_bytes()[..end])).await;
    let error = fetch(&client(&server.uri(), &json!({}))).await.unwrap_err();
    assert!(matches!(error, MdsError::Malformed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_trip_that_is_too_large_does_not_cost_the_hour() {
    let large = format!(r#"{{"trip_id":"x","route":[{}0]}}"#, "0,".repeat(33 << 20));
    let server = always(whole_page(&envelope(&["{}", &large, "{}"]))).await;
    let client = client(&server.uri(), &json!({"timeout": 60}));
    let (kept, report) = ready(fetch(&client).await);
    assert_eq!((report.trips, report.trips_too_large), (3, 1));
    let marker = trips::envelope::TooLargeTrip::read(&kept.trips[1]).unwrap();
    assert_eq!(marker.text.bytes, large.len() as u64);
    assert_eq!(marker.trip_id.unwrap().get(), "\"x\"");
}

fn whole_page(body: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(body)
}
