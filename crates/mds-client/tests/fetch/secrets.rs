//! No error, however it is printed, holds a secret or any part of a body.

use std::time::Duration;

use http_kit::testing::{ScriptedServer, Step, always, cut_off, printed, whole};
use mds_client::ClientOptions;
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::support::*;

fn settings() -> serde_json::Value {
    json!({
        "headers": {"X-Key": "canary-header"},
        "request.auth.headers": {"X-Other": "canary-header"},
        "max_attempts": 2,
        "timeout": 0.5
    })
}

/// Fetches from a URL with a secret query, and returns everything that the error and the client
/// print.
async fn leak(url: &str) -> String {
    let client =
        client(&format!("{url}/mds?key=canary-query"), &settings()).with_options(ClientOptions {
            max_body_bytes: 10_000,
            deadline: Some(Duration::from_secs(10)),
            ..quick()
        });
    let debug = format!("{client:?}");
    let error = fetch(&client).await.unwrap_err();
    printed(&error) + &debug
}

#[tokio::test]
async fn statuses_show_nothing() {
    for status in [205, 301, 400, 401, 403, 406, 418, 429, 500, 503] {
        let template = ResponseTemplate::new(status)
            .insert_header("location", "https://other.example/?t=canary-link")
            .set_body_string("canary-body");
        let server = always(template).await;
        let text = leak(&server.uri()).await;
        assert!(!text.contains("canary"), "{status}: {text}");
    }
}

#[tokio::test]
async fn bodies_show_nothing() {
    let trip = r#"{"trip_id":"canary-trip","lat":30.2672}"#;
    let long = envelope(&[&format!(r#"{{"x":"{}canary-trip"}}"#, "-".repeat(20_000))]);
    let bodies = [
        "<html>canary-body</html>".to_owned(),
        r#"{"error":"canary-body"}"#.to_owned(),
        r#"{"data":{"trips":"canary-body"}}"#.to_owned(),
        format!(r#"{{"data":{{"trips":[{trip},canary-trip]}}}}"#),
        format!(r#"{{"data":{{"trips":[{trip}]}},"canary": }}"#),
        format!("{}canary", envelope(&[trip])),
        page(
            &[trip],
            &json!("https://canary:canary@other.example/canary?canary=1"),
        ),
        page(&[trip], &json!("https://canary-link:x")),
        page(&[trip], &json!({"canary-link": 1, "href": 7})),
        long,
    ];
    for body in bodies {
        let server = ScriptedServer::start(vec![whole(&body)]).await;
        let text = leak(&server.url()).await;
        assert!(
            !text.contains("canary") && !text.contains("30.26"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn broken_connections_show_nothing() {
    let body = envelope(&[r#"{"trip_id":"canary-trip"}"#]);
    let mut silent = cut_off(&body, 60);
    silent.push(Step::Pause(Duration::from_secs(5)));
    let scripts = vec![
        vec![],
        vec![Step::Pause(Duration::from_secs(5))],
        vec![Step::Send(b"canary-body is not HTTP\r\n\r\n".to_vec())],
        vec![Step::Send(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 6\r\n\r\ncanary"
                .to_vec(),
        )],
        vec![Step::Send(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\ncanary".to_vec(),
        )],
        cut_off(&body, 60),
        silent,
    ];
    for script in scripts {
        let server = ScriptedServer::start(vec![script]).await;
        let text = leak(&server.url()).await;
        assert!(!text.contains("canary"), "{text}");
    }
    let text = leak("http://127.0.0.1:1").await;
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test]
async fn the_report_shows_no_secret() {
    let server = always(ResponseTemplate::new(200).set_body_string(envelope(&["{}"]))).await;
    let client = client(
        &format!("{}/mds?key=canary-query", server.uri()),
        &settings(),
    );
    let (_, report) = ready(fetch(&client).await);
    let text = serde_json::to_string(&report).unwrap() + &format!("{report:?}");
    assert!(!text.contains("canary"), "{text}");
    let requests = server.received_requests().await.unwrap();
    assert!(
        requests[0]
            .url
            .query()
            .unwrap()
            .contains("key=canary-query")
    );
}
