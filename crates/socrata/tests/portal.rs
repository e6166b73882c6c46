//! The client and a portal over real HTTP.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_kit::RetryPolicy;
use http_kit::testing::{self, ScriptedServer, Step, always, printed, requests, whole};
use rstest::rstest;
use secrecy::SecretString;
use serde_json::{Value, json};
use socrata::{
    Chunk, ClientOptions, ColumnKind, SocrataClient, SocrataConfig, SocrataError, Upsert,
    parse_endpoint,
};
use tokio::time::Instant;
use wiremock::matchers::{body_string, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const ROWS: &str = r#"[{"trip_id":"canary-row"},{"trip_id":"canary-row-2"}]"#;

fn config(endpoint: &str) -> SocrataConfig {
    SocrataConfig {
        endpoint: parse_endpoint(endpoint).unwrap(),
        dataset: "7d8e-dm7r".parse().unwrap(),
        app_token: SecretString::from("canary-token"),
        key_id: SecretString::from("canary-id"),
        key_secret: SecretString::from("canary-secret"),
        chunk_rows: 100,
    }
}

fn client(endpoint: &str) -> SocrataClient {
    SocrataClient::new(http_kit::client().unwrap(), config(endpoint))
        .unwrap()
        .with_options(quick())
}

/// Retries at once, so that tests are quick.
fn quick() -> ClientOptions {
    ClientOptions {
        timeout: Duration::from_secs(5),
        max_attempts: 3,
        max_polls: 5,
        retry: RetryPolicy::immediate(),
    }
}

async fn upsert(client: &SocrataClient) -> Result<Upsert, SocrataError> {
    let chunk = Chunk {
        body: Bytes::from_static(ROWS.as_bytes()),
        rows: 2,
        deletions: 0,
    };
    client.upsert(&chunk).await
}

fn counts(created: u64, updated: u64, errors: u64) -> Value {
    json!({
        "By RowIdentifier": 2, "Rows Updated": updated, "Rows Deleted": 0,
        "Rows Created": created, "Errors": errors, "By SID": 0
    })
}

fn done() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(counts(1, 1, 0))
}

const DONE: Upsert = Upsert {
    created: 1,
    updated: 1,
    deleted: 0,
    errors: 0,
};

/// A portal that fails with `first` for `times` requests, and then takes uploads.
async fn failing(first: ResponseTemplate, times: u64) -> MockServer {
    testing::failing(first, times, done()).await
}

#[tokio::test]
async fn an_upload_has_the_rows_the_key_and_the_token() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/resource/7d8e-dm7r.json"))
        .and(header("content-type", "application/json"))
        .and(header("x-app-token", "canary-token"))
        .and(header(
            "authorization",
            "Basic Y2FuYXJ5LWlkOmNhbmFyeS1zZWNyZXQ=",
        ))
        .and(body_string(ROWS))
        .respond_with(done())
        .mount(&server)
        .await;
    assert_eq!(upsert(&client(&server.uri())).await.unwrap(), DONE);
    let endpoint = format!("{}/some/path?x=1#f", server.uri());
    assert_eq!(upsert(&client(&endpoint)).await.unwrap(), DONE);
}

#[tokio::test]
async fn a_chunk_without_rows_is_not_sent() {
    let chunk = Chunk {
        body: Bytes::from_static(b"[]"),
        rows: 0,
        deletions: 0,
    };
    let upsert = client("http://127.0.0.1:1").upsert(&chunk).await;
    assert_eq!(upsert.unwrap(), Upsert::default());
}

#[tokio::test]
async fn refused_rows_in_a_200_are_counted() {
    let server = always(ResponseTemplate::new(200).set_body_json(counts(1, 0, 1))).await;
    let upsert = upsert(&client(&server.uri())).await.unwrap();
    assert_eq!((upsert.created, upsert.updated, upsert.errors), (1, 0, 1));
}

#[tokio::test]
async fn a_web_page_with_200_is_retried() {
    let page = ResponseTemplate::new(200).set_body_string("\n<html>canary</html>");
    let server = failing(page.clone(), 2).await;
    assert_eq!(upsert(&client(&server.uri())).await.unwrap(), DONE);
    let server = always(page).await;
    let error = upsert(&client(&server.uri())).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn counts_of_fewer_rows_than_sent_are_an_error() {
    let server = always(ResponseTemplate::new(200).set_body_json(counts(1, 0, 0))).await;
    let response = upsert(&client(&server.uri())).await;
    assert!(
        matches!(response, Err(SocrataError::Rejected { status: 200, .. })),
        "{response:?}"
    );
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn a_dataset_describes_itself() {
    let server = MockServer::start().await;
    let view = json!({
        "id": "7d8e-dm7r",
        "rowIdentifierColumnId": 7,
        "columns": [{"id": 7, "fieldName": "trip_id", "dataTypeName": "text"}]
    });
    Mock::given(method("GET"))
        .and(path("/api/views/7d8e-dm7r.json"))
        .and(header("x-app-token", "canary-token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(view))
        .mount(&server)
        .await;
    let info = client(&server.uri()).dataset_info().await.unwrap();
    info.check("trip_id", &[("trip_id", ColumnKind::Text)])
        .unwrap();
}

#[rstest]
#[case("")]
#[case(" \n")]
#[case("canary")]
#[case(r#"{"Rows Created": 2, "Rows Upd"#)]
#[case(r#"[{"canary": 1},"#)]
#[case(r#"[{"canary": 1}"#)]
#[tokio::test]
async fn a_200_without_all_of_its_json_is_retried(#[case] body: &str) {
    let broken = ResponseTemplate::new(200).set_body_string(body);
    let server = failing(broken.clone(), 2).await;
    assert_eq!(upsert(&client(&server.uri())).await.unwrap(), DONE);
    let server = always(broken).await;
    for error in [
        upsert(&client(&server.uri())).await.unwrap_err(),
        client(&server.uri()).dataset_info().await.unwrap_err(),
        client(&server.uri()).count(None).await.unwrap_err(),
    ] {
        assert!(error.is_transient(), "{error}");
        assert!(!format!("{error:?}").contains("canary"));
    }
}

#[rstest]
#[case(301, true)]
#[case(400, false)]
#[case(401, true)]
#[case(405, true)]
#[case(410, true)]
#[case(413, false)]
#[case(414, false)]
#[case(415, true)]
#[case(422, false)]
#[case(451, true)]
#[tokio::test]
async fn a_status_that_is_not_about_the_rows_is_about_every_request(
    #[case] status: u16,
    #[case] is_every: bool,
) {
    let server = always(ResponseTemplate::new(status)).await;
    let error = upsert(&client(&server.uri())).await.unwrap_err();
    assert_eq!(error.refuses_every_request(), is_every, "{error}");
}

#[rstest]
#[case(r#"{"error":true,"message":"canary"}"#)]
#[case("null")]
#[tokio::test]
async fn a_200_without_counts_is_an_error_and_not_retried(#[case] body: &str) {
    let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
    let response = upsert(&client(&server.uri())).await;
    assert!(
        matches!(response, Err(SocrataError::Rejected { status: 200, .. })),
        "{response:?}"
    );
    assert_eq!(requests(&server).await, 1);
}

#[rstest]
#[case(408)]
#[case(409)]
#[case(429)]
#[case(500)]
#[case(502)]
#[case(503)]
#[case(504)]
#[tokio::test]
async fn a_transient_status_is_retried(#[case] status: u16) {
    let server = failing(ResponseTemplate::new(status), 2).await;
    assert_eq!(upsert(&client(&server.uri())).await.unwrap(), DONE);
    assert_eq!(requests(&server).await, 3);
}

#[rstest]
#[case(409)]
#[case(503)]
#[tokio::test]
async fn attempts_are_limited(#[case] code: u16) {
    let server = always(ResponseTemplate::new(code)).await;
    let response = upsert(&client(&server.uri())).await;
    assert!(
        matches!(response, Err(SocrataError::Unavailable { status: Some(status), .. }) if status == code),
        "{response:?}"
    );
    assert_eq!(requests(&server).await, 3);
}

#[rstest]
#[case(301)]
#[case(400)]
#[case(401)]
#[case(403)]
#[case(404)]
#[case(413)]
#[case(422)]
#[tokio::test]
async fn a_refusal_has_its_code_and_is_not_retried(#[case] expected: u16) {
    let response = ResponseTemplate::new(expected)
        .insert_header("location", "https://other.example/?canary")
        .set_body_json(json!({"code": "invalid_request", "message": "canary-row is bad"}));
    let server = always(response).await;
    let response = upsert(&client(&server.uri())).await;
    let Err(SocrataError::Rejected { status, code, .. }) = response else {
        panic!("{response:?}");
    };
    assert_eq!(
        (status, code.as_deref()),
        (expected, Some("invalid_request"))
    );
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn a_short_wait_is_kept() {
    let response = ResponseTemplate::new(429).insert_header("retry-after", "1");
    let server = failing(response, 1).await;
    let started = Instant::now();
    assert_eq!(upsert(&client(&server.uri())).await.unwrap(), DONE);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_until_a_date_is_kept() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3));
    let response = ResponseTemplate::new(503).insert_header("retry-after", date.as_str());
    let server = failing(response, 1).await;
    let started = Instant::now();
    assert_eq!(upsert(&client(&server.uri())).await.unwrap(), DONE);
    assert!(started.elapsed() >= Duration::from_millis(1500));
}

#[tokio::test]
async fn a_long_wait_is_left_to_the_caller() {
    let response = ResponseTemplate::new(429).insert_header("retry-after", "1000");
    let server = always(response).await;
    let error = upsert(&client(&server.uri())).await.unwrap_err();
    assert!(matches!(error, SocrataError::Throttled { .. }), "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1000)));
    assert_eq!(requests(&server).await, 1);
}

/// The scripted response to an upload.
fn taken() -> Vec<Step> {
    whole(&counts(1, 1, 0).to_string())
}

#[tokio::test]
async fn a_dropped_connection_is_retried() {
    let server = ScriptedServer::start(vec![vec![], vec![], taken()]).await;
    assert_eq!(upsert(&client(&server.url())).await.unwrap(), DONE);
    assert_eq!(server.heads().len(), 3);

    let server = ScriptedServer::start(vec![vec![]]).await;
    let response = upsert(&client(&server.url())).await;
    assert!(
        matches!(
            response,
            Err(SocrataError::Unavailable { status: None, .. })
        ),
        "{response:?}"
    );
}

#[tokio::test]
async fn a_silent_portal_is_retried_after_the_timeout() {
    let silence = vec![Step::Pause(Duration::from_secs(30))];
    let server = ScriptedServer::start(vec![silence, taken()]).await;
    let client = client(&server.url()).with_options(ClientOptions {
        timeout: Duration::from_millis(300),
        ..quick()
    });
    assert_eq!(upsert(&client).await.unwrap(), DONE);
    assert_eq!(server.heads().len(), 2);
}

#[tokio::test]
async fn no_server_is_unavailable() {
    let error = upsert(&client("http://127.0.0.1:1")).await.unwrap_err();
    assert!(error.to_string().contains("no connection"), "{error}");
}

#[rstest]
#[case::location(ResponseTemplate::new(202).insert_header("location", "/work/1?x=2"), "/work/1")]
#[case::ticket(
    ResponseTemplate::new(202).set_body_json(json!({"ticket": "t-1"})),
    "/resource/7d8e-dm7r.json"
)]
#[tokio::test]
async fn an_accepted_upload_is_polled(#[case] accepted: ResponseTemplate, #[case] at: &str) {
    let server = always(accepted).await;
    for (response, times) in [
        (ResponseTemplate::new(202), 2),
        (ResponseTemplate::new(503), 1),
        (done(), 9),
    ] {
        Mock::given(method("GET"))
            .and(path(at))
            .and(header("x-app-token", "canary-token"))
            .respond_with(response)
            .up_to_n_times(times)
            .mount(&server)
            .await;
    }
    assert_eq!(upsert(&client(&server.uri())).await.unwrap(), DONE);
    let all = server.received_requests().await.unwrap();
    assert_eq!(all.len(), 5, "one upload, four polls");
    let query = all[1].url.query().unwrap();
    assert!(query == "x=2" || query == "ticket=t-1", "{query}");
}

#[tokio::test]
async fn an_accepted_upload_that_never_ends_is_unavailable_and_not_sent_again() {
    let server = always(ResponseTemplate::new(202).insert_header("location", "/work")).await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    let response = upsert(&client(&server.uri())).await;
    assert!(
        matches!(
            response,
            Err(SocrataError::Unavailable {
                status: Some(202),
                ..
            })
        ),
        "{response:?}"
    );
    assert_eq!(requests(&server).await, 6, "one upload, five polls");
}

#[tokio::test]
async fn an_accepted_upload_that_fails_is_refused() {
    let server = always(ResponseTemplate::new(202).insert_header("location", "/work")).await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(400))
        .mount(&server)
        .await;
    let response = upsert(&client(&server.uri())).await;
    assert!(
        matches!(response, Err(SocrataError::Rejected { status: 400, .. })),
        "{response:?}"
    );
}

#[rstest]
#[case(404)]
#[case(410)]
#[tokio::test]
async fn an_accepted_upload_whose_ticket_has_expired_is_sent_again(#[case] status: u16) {
    let server = MockServer::start().await;
    let accepted = ResponseTemplate::new(202).insert_header("location", "/work");
    for (how, response, times) in [
        ("POST", accepted, 1),
        ("POST", done(), 9),
        ("GET", ResponseTemplate::new(status), 9),
    ] {
        Mock::given(method(how))
            .respond_with(response)
            .up_to_n_times(times)
            .mount(&server)
            .await;
    }
    assert_eq!(upsert(&client(&server.uri())).await.unwrap(), DONE);
    assert_eq!(requests(&server).await, 3, "an upload, a poll, an upload");
}

#[tokio::test]
async fn uploads_whose_tickets_always_expire_are_unavailable() {
    let server = always(ResponseTemplate::new(202).insert_header("location", "/work")).await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(404))
        .mount(&server)
        .await;
    let error = upsert(&client(&server.uri())).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().contains("no longer knows"), "{error}");
    assert!(!error.to_string().contains("SOCRATA_DATASET"), "{error}");
    assert_eq!(
        requests(&server).await,
        6,
        "as many uploads as attempts, each with a poll"
    );
}

/// A report of 130 bytes for each of 10,000 rows is longer than the counts by far, which may stand
/// on either side of it.
#[rstest]
#[case::before(true)]
#[case::behind(false)]
#[tokio::test]
async fn counts_beside_a_long_report_are_read(#[case] is_before: bool) {
    let row = json!({"id": "row", "why": "}]\"{[\\", "Errors": 9, "more": "x".repeat(100)});
    let report = Value::from(vec![row; 10_000]).to_string();
    let counts = r#""Rows Created":1,"Rows Updated":1,"Errors":0"#;
    let body = if is_before {
        format!("{{{counts},\"Report\":{report}}}")
    } else {
        format!("{{\"Report\":{report},{counts}}}")
    };
    assert!(body.len() > 1 << 20);
    let server = ScriptedServer::start(vec![whole(&body)]).await;
    let upserted = upsert(&client(&server.url())).await.unwrap();
    assert_eq!(
        (upserted.created, upserted.updated, upserted.errors),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn an_accepted_upload_without_a_ticket_is_sent_again() {
    let server = failing(ResponseTemplate::new(202), 2).await;
    assert_eq!(upsert(&client(&server.uri())).await.unwrap(), DONE);
    assert_eq!(requests(&server).await, 3);
}

#[tokio::test]
async fn a_ticket_on_another_host_gets_no_key() {
    let other = MockServer::start().await;
    let target = format!("{}/work?canary", other.uri());
    let server =
        always(ResponseTemplate::new(202).insert_header("location", target.as_str())).await;
    let error = upsert(&client(&server.uri())).await.unwrap_err();
    assert!(error.to_string().contains("on host 127.0.0.1"), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
    assert_eq!(requests(&other).await, 0);
}

#[rstest]
#[case(None, json!([{"total": "1234"}]))]
#[case(Some("year = 2020 AND month = 3"), json!([{"total": 1234}]))]
#[tokio::test]
async fn rows_are_counted(#[case] filter: Option<&str>, #[case] response: Value) {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/resource/7d8e-dm7r.json"))
        .and(query_param("$select", "count(*) as total"))
        .and(header(
            "authorization",
            "Basic Y2FuYXJ5LWlkOmNhbmFyeS1zZWNyZXQ=",
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(response))
        .mount(&server)
        .await;
    assert_eq!(client(&server.uri()).count(filter).await.unwrap(), 1234);
    let request = server.received_requests().await.unwrap().pop().unwrap();
    let sent = request.url.query_pairs().find(|(name, _)| name == "$where");
    assert_eq!(sent.map(|(_, value)| value.into_owned()).as_deref(), filter);
}

#[rstest]
#[case(json!([]))]
#[case(json!([{"total": "canary"}]))]
#[case(json!([{"canary": 1}]))]
#[case(json!({"canary": 1}))]
#[tokio::test]
async fn a_count_without_a_number_is_refused(#[case] response: Value) {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(response))
        .mount(&server)
        .await;
    let error = client(&server.uri()).count(None).await.unwrap_err();
    assert!(matches!(error, SocrataError::Rejected { status: 200, .. }));
    assert!(!printed(&error).contains("canary"), "{error:?}");
}

#[tokio::test]
async fn a_query_returns_rows_and_is_retried() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(202))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(query_param("$group", "year"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([{"year": "2020", "n": "5"}])))
        .mount(&server)
        .await;
    let query = [("$select", "year, count(*) as n"), ("$group", "year")];
    let rows: Vec<Value> = client(&server.uri()).query(&query).await.unwrap();
    assert_eq!(rows, [json!({"year": "2020", "n": "5"})]);
}

#[tokio::test]
async fn nothing_printed_holds_a_secret_or_a_row() {
    for status in [200, 202, 302, 400, 401, 403, 404, 409, 418, 429, 500, 503] {
        let response = ResponseTemplate::new(status)
            .insert_header("location", "https://other.example/canary")
            .set_body_json(json!({"code": "canary row!", "message": "canary-row"}));
        let server = always(response).await;
        let client = client(&server.uri());
        let error = upsert(&client).await.unwrap_err();
        let text = printed(&error) + &format!("{client:?} {:?}", config(&server.uri()));
        assert!(!text.contains("canary"), "{status}: {text}");
    }
    let server = ScriptedServer::start(vec![vec![]]).await;
    let error = upsert(&client(&server.url())).await.unwrap_err();
    assert!(!printed(&error).contains("canary"), "{error:?}");
}

#[test]
fn a_configuration_that_cannot_work_is_refused_at_once() {
    let mut insecure = config("https://data.example.gov");
    insecure.endpoint = "http://data.example.gov".parse().unwrap();
    let error = SocrataClient::new(http_kit::client().unwrap(), insecure).unwrap_err();
    assert!(
        error.to_string().contains("SOCRATA_DATA_ENDPOINT"),
        "{error}"
    );

    let mut invalid = config("https://data.example.gov");
    invalid.app_token = SecretString::from("canary\u{7}");
    let error = SocrataClient::new(http_kit::client().unwrap(), invalid).unwrap_err();
    assert!(error.to_string().contains("SOCRATA_APP_TOKEN"), "{error}");
    assert!(!printed(&error).contains("canary"), "{error}");
}

#[test]
fn a_client_without_a_token_sends_none() {
    let mut without = config("https://data.example.gov");
    without.app_token = SecretString::from("");
    assert!(SocrataClient::new(http_kit::client().unwrap(), without).is_ok());
}
