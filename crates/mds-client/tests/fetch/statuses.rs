//! What each status means, and which requests are repeated.

use std::time::{Duration, SystemTime};

use http_kit::RetryPolicy;
use http_kit::testing::{self, ScriptedServer, Step, always, requests, status, whole};
use mds_client::{ClientOptions, HourResponse, MdsError};
use rstest::rstest;
use serde_json::json;
use tokio::time::Instant;
use wiremock::matchers::{header, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::*;

/// A server that fails with `first` for `times` requests, and then returns an hour of one trip.
async fn failing(first: ResponseTemplate, times: u64) -> MockServer {
    let hour = ResponseTemplate::new(200).set_body_string(envelope(&["{}"]));
    testing::failing(first, times, hour).await
}

#[tokio::test]
async fn a_200_returns_the_trips_and_a_report() {
    let server = MockServer::start().await;
    let body = envelope(&[r#"{"trip_id":"a"}"#, r#"{"trip_id":"b"}"#]);
    Mock::given(path("/mds/trips"))
        .and(query_param("end_time", "2020-01-01T22"))
        .and(header("accept", "application/vnd.mds+json;version=1.0"))
        .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
        .respond_with(ResponseTemplate::new(200).set_body_string(&body))
        .mount(&server)
        .await;
    let client = client(&format!("{}/mds/", server.uri()), &json!({}));
    let (kept, report) = ready(fetch(&client).await);
    assert_eq!(kept.trips, [r#"{"trip_id":"a"}"#, r#"{"trip_id":"b"}"#]);
    assert_eq!(kept.versions, ["1.0.0"]);
    assert_eq!((report.pages, report.trips, report.requests), (1, 2, 1));
    assert_eq!(report.http_status, 200);
    assert_eq!(report.version_served, "1.0.0");
    assert_eq!(report.bytes, body.len() as u64);
    assert_eq!(report.query, "end_time=2020-01-01T22");
    assert!(report.ended_at >= report.started_at);
}

#[tokio::test]
async fn an_empty_hour_is_ready_and_its_sink_is_begun() {
    let server = always(ResponseTemplate::new(200).set_body_string(envelope(&[]))).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!((kept.trips.len(), report.trips), (0, 0));
    assert_eq!(kept.versions, ["1.0.0"]);
}

#[rstest]
#[case("1.2", 202)]
#[case("2.0", 202)]
#[case("0.4", 404)]
#[case("1.0", 410)]
#[case("2.0", 404)]
#[tokio::test]
async fn a_young_hour_may_not_be_there_yet(#[case] version: &str, #[case] code: u16) {
    let server = always(ResponseTemplate::new(code)).await;
    let client = client(&server.uri(), &json!({ "version": version }));
    let now = at("2020-01-02T22:00:00Z");
    let response = client.fetch_hour(hour(), now, Kept::default).await;
    assert!(
        matches!(response, Ok(HourResponse::NotYet { http_status }) if http_status == code),
        "{response:?}"
    );
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn an_hour_that_has_not_ended_never_means_no_service() {
    let server = always(ResponseTemplate::new(404)).await;
    let client = client(&server.uri(), &json!({})).with_options(ClientOptions {
        not_found_grace: Duration::from_secs(1),
        ..quick()
    });
    let now = at("2020-01-01T22:10:00Z");
    let response = client.fetch_hour(hour(), now, Kept::default).await;
    assert!(
        matches!(response, Ok(HourResponse::NotYet { .. })),
        "{response:?}"
    );
}

#[rstest]
#[tokio::test]
async fn an_old_hour_that_is_not_found_is_one_without_service(
    #[values("0.2", "0.3", "0.4", "1.0", "1.1", "1.2", "2.0")] version: &str,
    #[values(404, 410)] status: u16,
) {
    let server = always(ResponseTemplate::new(status)).await;
    let response = fetch(&client(&server.uri(), &json!({ "version": version }))).await;
    let Ok(HourResponse::NotOperating { sink, report }) = response else {
        panic!("{response:?}");
    };
    assert_eq!(sink.versions, [format!("{version}.0")]);
    assert_eq!(
        (report.http_status, report.trips, report.pages),
        (status, 0, 0)
    );
}

#[rstest]
#[case(400)]
#[case(401)]
#[case(403)]
#[case(406)]
#[case(416)]
#[case(422)]
#[tokio::test]
async fn a_refused_request_is_not_repeated(#[case] code: u16) {
    let server = always(ResponseTemplate::new(code)).await;
    let client = client(&server.uri(), &json!({ "version": "1.0" }));
    let (response, sinks) = fetch_counting(&client).await;
    assert!(
        matches!(response, Err(MdsError::Rejected { status, .. }) if status == code),
        "{response:?}"
    );
    assert_eq!((requests(&server).await, sinks), (1, 0));
}

#[rstest]
#[case(203, "a proxy on the way has changed the response")]
#[case(206, "this says nothing about an hour")]
#[tokio::test]
async fn a_success_that_is_not_the_whole_hour_is_malformed(#[case] code: u16, #[case] why: &str) {
    let server = always(ResponseTemplate::new(code).set_body_string(envelope(&["{}"]))).await;
    let (response, sinks) = fetch_counting(&client(&server.uri(), &json!({}))).await;
    let Err(error @ MdsError::Malformed { .. }) = response else {
        panic!("{response:?}");
    };
    assert!(error.to_string().contains(why), "{error}");
    assert_eq!((requests(&server).await, sinks), (1, 0));
}

#[rstest]
#[case("0.2")]
#[case("0.4")]
#[case("2.0")]
#[tokio::test]
async fn an_old_hour_without_content_has_no_trips(#[case] version: &str) {
    let server = always(ResponseTemplate::new(204)).await;
    let client = client(&server.uri(), &json!({"version": version}));
    let (kept, report) = ready(fetch(&client).await);
    assert_eq!((kept.trips.len(), kept.versions.len()), (0, 1));
    assert_eq!((report.http_status, report.trips), (204, 0));
}

#[tokio::test]
async fn a_young_hour_without_content_may_not_be_there_yet() {
    let server = always(ResponseTemplate::new(204)).await;
    let client = client(&server.uri(), &json!({}));
    let now = hour().end() + chrono::TimeDelta::hours(47);
    let response = client.fetch_hour(hour(), now, Kept::default).await;
    assert!(
        matches!(response, Ok(HourResponse::NotYet { http_status: 204 })),
        "{response:?}"
    );
}

#[tokio::test]
async fn a_success_without_a_body_is_malformed() {
    let server = always(ResponseTemplate::new(205)).await;
    let response = fetch(&client(&server.uri(), &json!({}))).await;
    assert!(
        matches!(response, Err(MdsError::Malformed { .. })),
        "{response:?}"
    );
}

#[rstest]
#[case(500)]
#[case(502)]
#[case(503)]
#[case(504)]
#[case(408)]
#[case(429)]
#[tokio::test]
async fn a_transient_status_is_retried(#[case] code: u16) {
    let server = failing(ResponseTemplate::new(code), 2).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!((kept.trips.len(), report.requests), (1, 3));
}

#[rstest]
#[case(1)]
#[case(3)]
#[case(5)]
#[tokio::test]
async fn attempts_are_counted(#[case] max_attempts: u32) {
    let server = always(ResponseTemplate::new(503)).await;
    let client = client(&server.uri(), &json!({ "max_attempts": max_attempts }));
    let response = fetch(&client).await;
    let Err(MdsError::Unavailable { status, .. }) = response else {
        panic!("{response:?}");
    };
    assert_eq!(status, Some(503));
    assert_eq!(requests(&server).await, max_attempts as usize);
}

#[tokio::test]
async fn a_throttled_fetch_reports_the_requested_wait() {
    let template = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    let server = always(template).await;
    let response = fetch(&client(&server.uri(), &json!({}))).await;
    let Err(
        error @ MdsError::Throttled {
            retry_after,
            until: Some(until),
            ..
        },
    ) = &response
    else {
        panic!("{response:?}");
    };
    assert_eq!(*retry_after, Some(Duration::from_secs(3600)));
    let wait = *until - chrono::Utc::now();
    assert!((3500..=3600).contains(&wait.num_seconds()), "{wait}");
    let until = until.format("until %Y-%m-%dT%H:%M:%SZ").to_string();
    assert!(error.to_string().ends_with(&until), "{error}");
    assert_eq!(requests(&server).await, 1, "an hour is not waited out");
}

#[rstest]
#[case(429)]
#[case(503)]
#[tokio::test]
async fn before_the_requested_time_no_request_is_sent_for_any_hour(#[case] status: u16) {
    let template = ResponseTemplate::new(status).insert_header("retry-after", "3600");
    let server = always(template).await;
    let client = client(&server.uri(), &json!({}));
    let first = fetch(&client).await.unwrap_err().to_string();
    for _ in 0..3 {
        let response = fetch(&client).await;
        let Err(error @ MdsError::NoTurn { .. }) = response else {
            panic!("{response:?}");
        };
        assert!(error.is_transient());
        let error = error.to_string();
        let until = error.rsplit(' ').next().unwrap();
        assert!(first.contains(&until[..16]), "{first} / {error}");
    }
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn a_wait_that_one_request_was_asked_for_holds_for_the_others() {
    let template = ResponseTemplate::new(429).insert_header("retry-after", "2");
    let server = failing(template, 1).await;
    let client = client(&server.uri(), &json!({"max_attempts": 1}));
    assert!(fetch(&client).await.is_err());
    let started = Instant::now();
    ready(fetch(&client).await);
    assert!(started.elapsed() >= Duration::from_millis(1800));
}

#[tokio::test]
async fn hours_that_are_requested_together_are_a_delay_apart() {
    let server = always(ResponseTemplate::new(200).set_body_string(envelope(&["{}"]))).await;
    let client = client(&server.uri(), &json!({"delay": 0.2}));
    let started = Instant::now();
    let hours = (0..6).map(|_| fetch(&client));
    for response in futures::future::join_all(hours).await {
        ready(response);
    }
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn no_more_hours_are_requested_at_once_than_the_entry_allows() {
    let slow = ResponseTemplate::new(200)
        .set_body_string(envelope(&["{}"]))
        .set_delay(Duration::from_millis(200));
    let server = always(slow).await;
    let client = client(&server.uri(), &json!({"max_parallel": 2}));
    let started = Instant::now();
    let hours = (0..6).map(|_| fetch(&client));
    for response in futures::future::join_all(hours).await {
        ready(response);
    }
    assert!(started.elapsed() >= Duration::from_millis(600));
}

#[tokio::test]
async fn a_wait_in_seconds_is_kept() {
    let template = ResponseTemplate::new(429).insert_header("retry-after", "1");
    let server = failing(template, 1).await;
    let started = Instant::now();
    ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_until_a_date_is_kept() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3));
    let template = ResponseTemplate::new(503).insert_header("retry-after", date.as_str());
    let server = failing(template, 1).await;
    let started = Instant::now();
    ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert!(
        started.elapsed() >= Duration::from_millis(1500),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn the_deadline_limits_waits_and_silence() {
    let options = ClientOptions {
        deadline: Some(Duration::from_millis(300)),
        retry: RetryPolicy::default(),
        ..quick()
    };
    let template = ResponseTemplate::new(429).insert_header("retry-after", "5");
    let server = always(template).await;
    let started = Instant::now();
    let response = fetch(&client(&server.uri(), &json!({})).with_options(options)).await;
    assert!(
        matches!(response, Err(MdsError::Throttled { .. })),
        "{response:?}"
    );

    let silent = ScriptedServer::start(vec![vec![Step::Pause(Duration::from_secs(30))]]).await;
    let response = fetch(&client(&silent.url(), &json!({})).with_options(options)).await;
    assert!(
        matches!(response, Err(MdsError::Unavailable { .. })),
        "{response:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn no_server_is_unavailable() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let response = fetch(&client(&url, &json!({}))).await;
    let Err(error @ MdsError::Unavailable { status: None, .. }) = response else {
        panic!("{response:?}");
    };
    assert!(error.to_string().contains("no connection"), "{error}");
}

#[tokio::test]
async fn a_connection_dropped_before_the_response_is_retried() {
    let server = ScriptedServer::start(vec![vec![], vec![], whole(&envelope(&["{}"]))]).await;
    let (kept, report) = ready(fetch(&client(&server.url(), &json!({}))).await);
    assert_eq!((kept.trips.len(), report.requests), (1, 3));
}

#[tokio::test]
async fn a_silent_server_is_retried_after_the_timeout() {
    let silence = vec![Step::Pause(Duration::from_secs(30))];
    let server = ScriptedServer::start(vec![silence, whole(&envelope(&["{}"]))]).await;
    let client = client(&server.url(), &json!({"timeout": 0.3}));
    let started = Instant::now();
    let (_, report) = ready(fetch(&client).await);
    assert_eq!(report.requests, 2);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[rstest]
#[case::then_closed(vec![])]
#[case::then_silent(vec![Step::Pause(Duration::from_secs(30))])]
#[tokio::test]
async fn a_102_of_version_1_2_is_seen_and_means_not_yet(#[case] rest: Vec<Step>) {
    let mut script = vec![Step::Send(b"HTTP/1.1 102 Processing\r\n\r\n".to_vec())];
    script.extend(rest);
    let server = ScriptedServer::start(vec![script]).await;
    let client = client(&server.url(), &json!({"version": "1.2", "timeout": 0.5}));
    let response = fetch(&client).await;
    assert!(
        matches!(response, Ok(HourResponse::NotYet { http_status: 102 })),
        "{response:?}"
    );
    let heads = server.heads();
    assert_eq!(heads.len(), 2);
    assert!(heads[1].starts_with("GET /trips?end_time=2020-01-01T22 HTTP/1.1\r\n"));
    assert!(heads[1].contains("accept: application/vnd.mds+json;version=1.2\r\n"));
    assert!(heads[1].contains(&format!("authorization: Bearer {TOKEN}\r\n")));
}

#[tokio::test]
async fn a_102_before_the_final_response_is_skipped() {
    let mut script = vec![
        Step::Send(b"HTTP/1.1 102 Processing\r\n\r\n".to_vec()),
        Step::Pause(Duration::from_millis(100)),
    ];
    script.extend(whole(&envelope(&["{}"])));
    let server = ScriptedServer::start(vec![script]).await;
    let client = client(&server.url(), &json!({"version": "1.2"}));
    assert_eq!(ready(fetch(&client).await).1.requests, 1);
}

#[tokio::test]
async fn a_dropped_connection_of_version_1_2_is_not_a_102() {
    let server = ScriptedServer::start(vec![vec![]]).await;
    let response = fetch(&client(&server.url(), &json!({"version": "1.2"}))).await;
    assert!(
        matches!(response, Err(MdsError::Unavailable { .. })),
        "{response:?}"
    );
}

#[tokio::test]
async fn redirects_are_followed_within_the_origin() {
    let server = MockServer::start().await;
    for (from, to) in [("/trips", "/a"), ("/a", "b"), ("/b", "/c?x=1")] {
        Mock::given(path(from))
            .respond_with(ResponseTemplate::new(302).insert_header("location", to))
            .mount(&server)
            .await;
    }
    Mock::given(path("/c"))
        .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
        .respond_with(ResponseTemplate::new(200).set_body_string(envelope(&["{}"])))
        .mount(&server)
        .await;
    let (_, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(report.requests, 4);
}

#[tokio::test]
async fn a_redirect_to_another_hour_is_refused() {
    let template =
        ResponseTemplate::new(302).insert_header("location", "/a?end_time=2020-01-02T22");
    let server = always(template).await;
    let response = fetch(&client(&server.uri(), &json!({}))).await;
    let Err(error @ MdsError::Rejected { status: 302, .. }) = response else {
        panic!("{response:?}");
    };
    assert!(error.to_string().contains("another hour"), "{error}");
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn redirects_are_limited() {
    let template = ResponseTemplate::new(307).insert_header("location", "/trips");
    let server = always(template).await;
    let response = fetch(&client(&server.uri(), &json!({}))).await;
    assert!(
        matches!(response, Err(MdsError::Rejected { status: 307, .. })),
        "{response:?}"
    );
    assert_eq!(requests(&server).await, 4);
}

#[tokio::test]
async fn a_redirect_to_another_host_gets_no_credentials() {
    let other = always(ResponseTemplate::new(200).set_body_string(envelope(&["{}"]))).await;
    let target = format!("{}/trips?secret=canary-q", other.uri());
    let template = ResponseTemplate::new(301).insert_header("location", target.as_str());
    let server = always(template).await;
    let response = fetch(&client(&server.uri(), &json!({}))).await;
    let Err(error @ MdsError::Rejected { status: 301, .. }) = response else {
        panic!("{response:?}");
    };
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
    assert_eq!(requests(&other).await, 0);
}

#[tokio::test]
async fn a_redirect_without_a_location_is_refused() {
    let server = ScriptedServer::start(vec![status("302 Found")]).await;
    let response = fetch(&client(&server.url(), &json!({}))).await;
    assert!(
        matches!(response, Err(MdsError::Rejected { status: 302, .. })),
        "{response:?}"
    );
}

#[rstest]
#[case(json!({"version": "0.2"}), "application/json")]
#[case(json!({"version": "0.3.2"}), "application/vnd.mds.provider+json;version=0.3")]
#[case(json!({"version": "2.0"}), "application/vnd.mds+json;version=2.0")]
#[case(json!({"accept": "application/x"}), "application/x")]
#[case(json!({"headers": {"Accept": "application/y"}}), "application/y")]
#[case(json!({"headers": {"Accept": "application/y"}, "accept": "application/x"}), "application/x")]
#[tokio::test]
async fn accept_is_the_versions_or_the_configured_one(
    #[case] settings: serde_json::Value,
    #[case] accept: &str,
) {
    let server = always(ResponseTemplate::new(200).set_body_string(envelope(&[]))).await;
    ready(fetch(&client(&server.uri(), &settings)).await);
    let requests = server.received_requests().await.unwrap();
    let sent: Vec<_> = requests[0].headers.get_all("accept").iter().collect();
    assert_eq!(sent, [accept]);
}
