//! The kinds of authentication.

use std::time::{Duration, Instant};

use http_kit::testing::always;
use mds_client::{HourResponse, MdsClient, MdsError, ProviderConfig};
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::matchers::{body_json, body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::*;

async fn sent(settings: &Value, name: &str) -> Option<String> {
    let template = ResponseTemplate::new(200).set_body_string(envelope(&["{}"]));
    let server = always(template).await;
    ready(fetch(&client(&server.uri(), settings)).await);
    let requests = server.received_requests().await.unwrap();
    let value = requests[0].headers.get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

#[rstest]
#[case(json!({}), "authorization", Some("Bearer canary-token-77"))]
#[case(json!({"auth_type": "BASIC", "auth_data": {"username": "u", "password": "p:w"}}),
    "authorization", Some("Basic dTpwOnc="))]
#[case(json!({"auth_type": "Custom", "request.auth.headers": {"Authorization": "Bird t"}}),
    "authorization", Some("Bird t"))]
#[case(json!({"auth_type": "Custom", "headers": {"X-Api-Key": "k"}}), "x-api-key", Some("k"))]
#[case(json!({"auth_type": "Custom", "headers": {"X-Api-Key": "k"}}), "authorization", None)]
#[case(json!({"headers": {"App-Version": "3.0.0"}}), "app-version", Some("3.0.0"))]
#[case(json!({"headers": {"Authorization": "other"}}), "authorization", Some("Bearer canary-token-77"))]
#[case(json!({"request.auth.headers": {"Authorization": "last"}}), "authorization", Some("last"))]
#[tokio::test]
async fn headers_are_sent(
    #[case] settings: Value,
    #[case] name: &str,
    #[case] value: Option<&str>,
) {
    assert_eq!(sent(&settings, name).await.as_deref(), value);
}

/// Files of older tools have such addresses, whose login they sent as Basic.
#[rstest]
#[case("u:p%3Aw%20%C3%A4", json!({"auth_type": "Custom", "token": null}), "Basic dTpwOncgw6Q=")]
#[case("u", json!({"auth_type": "Custom", "token": null}), "Basic dTo=")]
#[case("u:p", json!({}), "Bearer canary-token-77")]
#[case("u:p", json!({"auth_type": "Custom", "headers": {"Authorization": "own"}}), "own")]
#[tokio::test]
async fn the_login_of_an_address_is_sent_if_there_is_no_other(
    #[case] login: &str,
    #[case] settings: Value,
    #[case] expected: &str,
) {
    let template = ResponseTemplate::new(200).set_body_string(envelope(&["{}"]));
    let server = always(template).await;
    let url = server.uri().replace("://", &format!("://{login}@"));
    ready(fetch(&client(&url, &settings)).await);
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].headers["authorization"], expected);
}

#[rstest]
#[case(json!({"token": null}), "token")]
#[case(json!({"token": "a\nb"}), "token")]
#[case(json!({"auth_type": "Basic"}), "auth_data.username")]
#[case(json!({"auth_type": "Basic", "auth_data": {"username": "u"}}), "auth_data.password")]
#[case(json!({"auth_type": "Custom"}), "request.auth.headers")]
#[case(json!({"auth_type": "OAuth"}), "auth_data")]
#[case(json!({"auth_type": "OAuth", "auth_data": {"client_id": "i"}}), "token_url")]
#[case(json!({"auth_type": "Custom", "token_request": {"url": "https://a.example", "token": "t", "send": {"X-T": "{token}"},
    "headers": {"X-Key": "canary\n"}}}), "token_request.headers.X-Key")]
#[case(json!({"headers": {"bad name": "x"}}), "headers.bad name")]
#[case(json!({"headers": {"X-Key": "canary\n"}}), "headers.X-Key")]
#[case(json!({"accept": "a\nb"}), "accept")]
fn a_configuration_that_cannot_work_is_refused_at_once(
    #[case] settings: Value,
    #[case] wrong: &str,
) {
    let config = ProviderConfig::from_value(entry("https://mds.example.com", &settings)).unwrap();
    let client = MdsClient::new(http_kit::client().unwrap(), "bird".parse().unwrap(), config);
    let Err(error @ MdsError::Config { .. }) = client else {
        panic!("{client:?}");
    };
    let text = error.to_string();
    assert!(
        text.contains(&format!("`{wrong}`")) && !text.contains("canary"),
        "{text}"
    );
}

fn oauth(server: &MockServer) -> Value {
    json!({
        "auth_type": "OAuth",
        "token": null,
        "token_url": format!("{}/token", server.uri()),
        "auth_data": {"client_id": "id", "client_secret": "s&s", "scope": "mds"},
        "auth_token_res_key": "jwt"
    })
}

async fn grant(server: &MockServer, token: &str, more: Value, times: u64) {
    let mut response = more;
    response["jwt"] = token.into();
    Mock::given(method("POST"))
        .and(path("/token"))
        .and(body_string_contains(
            "client_id=id&client_secret=s%26s&scope=mds",
        ))
        .and(body_string_contains("grant_type=client_credentials"))
        .respond_with(ResponseTemplate::new(200).set_body_json(response))
        .up_to_n_times(times)
        .mount(server)
        .await;
}

async fn trips_for(server: &MockServer, token: &str) {
    Mock::given(path("/trips"))
        .and(header("authorization", format!("Bearer {token}").as_str()))
        .respond_with(ResponseTemplate::new(200).set_body_string(envelope(&["{}"])))
        .mount(server)
        .await;
}

async fn count(server: &MockServer, at: &str) -> usize {
    let requests = server.received_requests().await.unwrap();
    requests.iter().filter(|r| r.url.path() == at).count()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_reused() {
    let server = MockServer::start().await;
    grant(&server, "t1", json!({"expires_in": "3600"}), 9).await;
    trips_for(&server, "t1").await;
    let client = client(&server.uri(), &oauth(&server));
    ready(fetch(&client).await);
    ready(fetch(&client).await);
    assert_eq!(count(&server, "/token").await, 1);
}

#[tokio::test]
async fn concurrent_fetches_share_one_token() {
    let server = MockServer::start().await;
    grant(&server, "t1", json!({}), 9).await;
    trips_for(&server, "t1").await;
    let client = client(&server.uri(), &oauth(&server));
    let (a, b, c) = tokio::join!(fetch(&client), fetch(&client), fetch(&client));
    for response in [a, b, c] {
        ready(response);
    }
    assert_eq!(count(&server, "/token").await, 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let server = MockServer::start().await;
    grant(&server, "old", json!({}), 1).await;
    grant(&server, "new", json!({}), 9).await;
    trips_for(&server, "new").await;
    Mock::given(path("/trips"))
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    let client = client(&server.uri(), &oauth(&server));
    let (_, report) = ready(fetch(&client).await);
    assert_eq!(report.requests, 2);
    assert_eq!(count(&server, "/token").await, 2);
}

#[tokio::test]
async fn a_token_that_is_refused_again_is_a_refusal() {
    let server = MockServer::start().await;
    grant(&server, "t", json!({}), 9).await;
    Mock::given(path("/trips"))
        .respond_with(ResponseTemplate::new(403))
        .mount(&server)
        .await;
    let response = fetch(&client(&server.uri(), &oauth(&server))).await;
    assert!(
        matches!(response, Err(MdsError::Rejected { status: 403, .. })),
        "{response:?}"
    );
    assert_eq!(count(&server, "/trips").await, 2);
    assert_eq!(count(&server, "/token").await, 2);
}

/// A login that ends the session of another process, whose login then ends this one's.
#[tokio::test]
async fn a_token_that_another_process_has_ended_is_renewed_again() {
    let server = MockServer::start().await;
    grant(&server, "t", json!({}), 9).await;
    Mock::given(path("/trips"))
        .respond_with(ResponseTemplate::new(401))
        .up_to_n_times(3)
        .mount(&server)
        .await;
    trips_for(&server, "t").await;
    ready(fetch(&client(&server.uri(), &oauth(&server))).await);
    assert_eq!(count(&server, "/token").await, 3);
}

#[tokio::test]
async fn a_token_that_is_always_refused_is_a_refusal_in_the_end() {
    let server = MockServer::start().await;
    grant(&server, "t", json!({}), 9).await;
    Mock::given(path("/trips"))
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    let response = fetch(&client(&server.uri(), &oauth(&server))).await;
    let Err(error @ MdsError::Rejected { status: 401, .. }) = response else {
        panic!("{response:?}");
    };
    assert!(!error.is_transient());
    assert_eq!(count(&server, "/trips").await, 6);
}

#[rstest]
#[case::refused(ResponseTemplate::new(400).set_body_string("canary"), "Rejected", 1)]
#[case::down(ResponseTemplate::new(503).set_body_string("canary"), "Unavailable", 3)]
#[case::throttled(ResponseTemplate::new(429), "Throttled", 3)]
#[case::not_json(ResponseTemplate::new(200).set_body_string("canary"), "Malformed", 1)]
#[case::no_token(ResponseTemplate::new(200).set_body_json(json!({"access_token": "canary"})),
    "Malformed", 1)]
#[case::odd_token(ResponseTemplate::new(200).set_body_json(json!({"jwt": "canary\n\u{7}"})),
    "Malformed", 1)]
#[case::moved(ResponseTemplate::new(302).insert_header("location", "/canary"), "Rejected", 1)]
#[tokio::test]
async fn a_login_without_a_token_is_an_error(
    #[case] response: ResponseTemplate,
    #[case] kind: &str,
    #[case] times: usize,
) {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .respond_with(response)
        .mount(&server)
        .await;
    let error = fetch(&client(&server.uri(), &oauth(&server)))
        .await
        .unwrap_err();
    let text = format!("{error:?} {error}");
    assert!(text.starts_with(kind) && !text.contains("canary"), "{text}");
    assert_eq!(count(&server, "/token").await, times);
    assert_eq!(count(&server, "/trips").await, 0);
}

#[tokio::test]
async fn a_login_that_fails_at_first_is_retried() {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(502))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    grant(&server, "t", json!({}), 9).await;
    trips_for(&server, "t").await;
    let response = fetch(&client(&server.uri(), &oauth(&server))).await;
    assert!(
        matches!(response, Ok(HourResponse::Ready { .. })),
        "{response:?}"
    );
}

/// A provider with a login of its own, which returns trips to requests with `X-Session: s {token}`.
async fn login(expected: Value, response: Value) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/login"))
        .and(header("content-type", "application/json"))
        .and(header("x-client", "city"))
        .and(body_json(expected))
        .respond_with(ResponseTemplate::new(200).set_body_json(response))
        .mount(&server)
        .await;
    Mock::given(path("/trips"))
        .and(header("x-session", "s abc"))
        .respond_with(ResponseTemplate::new(200).set_body_string(envelope(&["{}"])))
        .mount(&server)
        .await;
    server
}

#[rstest]
#[case::by_path("data.session.token", json!({"data": {"session": {"token": "abc"}}}))]
#[case::by_index("tokens.0", json!({"tokens": ["abc"]}))]
#[case::a_key_with_a_dot("auth.token", json!({"auth.token": "abc"}))]
#[tokio::test]
async fn a_custom_login_is_described_by_token_request(
    #[case] token: &str,
    #[case] response: Value,
) {
    let data = json!({"user": {"email": "a@b.example"}, "password": "p", "days": 1});
    let server = login(data.clone(), response).await;
    let settings = json!({
        "auth_type": "Custom",
        "token": null,
        "token_request": {
            "url": format!("{}/login", server.uri()),
            "data": data,
            "headers": {"X-Client": "city"},
            "token": token,
            "send": {"X-Session": "s {token}"}
        }
    });
    let client = client(&server.uri(), &settings);
    ready(fetch(&client).await);
    ready(fetch(&client).await);
    assert_eq!(count(&server, "/login").await, 1);
    let requests = server.received_requests().await.unwrap();
    let trips = requests.iter().filter(|r| r.url.path() == "/trips");
    assert!(
        trips
            .into_iter()
            .all(|r| !r.headers.contains_key("authorization"))
    );
}

#[tokio::test]
async fn client_credentials_are_posted_as_json_if_configured() {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .and(body_json(
            json!({"client_id": "id", "client_secret": "s&s", "scope": "mds",
            "grant_type": "client_credentials"}),
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"jwt": "t1"})))
        .mount(&server)
        .await;
    trips_for(&server, "t1").await;
    let mut settings = oauth(&server);
    settings["auth_data_format"] = "json".into();
    ready(fetch(&client(&server.uri(), &settings)).await);
}

/// So does the older tool: all that the login needs is in its address.
#[rstest]
#[case::empty(json!({}))]
#[case::absent(json!(null))]
#[tokio::test]
async fn a_login_in_the_query_of_its_address_needs_no_fields(#[case] fields: Value) {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .and(query_param("client_secret", "s"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"jwt": "t1"})))
        .mount(&server)
        .await;
    trips_for(&server, "t1").await;
    let mut settings = oauth(&server);
    settings["token_url"] = format!("{}/token?client_secret=s", server.uri()).into();
    settings["auth_data"] = fields;
    ready(fetch(&client(&server.uri(), &settings)).await);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let server = MockServer::start().await;
    // Valid for one second: the margin of a minute is subtracted.
    grant(&server, "t1", json!({"expires_in": 61}), 1).await;
    grant(&server, "t2", json!({"expires_in": 900}), 9).await;
    trips_for(&server, "t1").await;
    trips_for(&server, "t2").await;
    let client = client(&server.uri(), &oauth(&server));
    let (first, _) = ready(fetch(&client).await);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let (second, report) = ready(fetch(&client).await);
    assert_eq!((first.trips, report.requests), (second.trips, 1));
    assert_eq!(count(&server, "/token").await, 2);
}

#[rstest]
#[case(json!({"token": "t", "send": {"X-T": "{token}"}}), "token_request.url")]
#[case(json!({"url": "http://a.example", "token": "t", "send": {"X-T": "{token}"}}), "token_request.url")]
#[case(json!({"url": "https://a.example", "send": {"X-T": "{token}"}}), "token_request.token")]
#[case(json!({"url": "https://a.example", "token": "t"}), "token_request.send")]
#[case(json!({"url": "https://a.example", "token": "t", "send": {"X-T": "canary"}}), "token_request.send")]
#[case(json!({"url": "https://a.example", "token": "t", "send": {"X-T": "{token}"}, "body": "xml"}), "token_request.body")]
#[case(json!({"url": "https://a.example", "token": "t", "send": {"X-T": "{token}"}, "method": "PUT"}), "token_request.method")]
#[case(json!("canary"), "token_request")]
fn a_custom_login_that_cannot_work_is_refused_at_once(#[case] request: Value, #[case] wrong: &str) {
    let settings = json!({"auth_type": "Custom", "token_request": request});
    let error =
        ProviderConfig::from_value(entry("https://mds.example.com", &settings)).unwrap_err();
    assert_eq!(error.key, wrong);
    assert!(!error.to_string().contains("canary"), "{error}");
}

/// A provider that repeats the tokens of both attempts, and what the entry posts and sends.
#[tokio::test]
async fn the_words_of_a_refusal_hide_what_was_fetched_and_posted() {
    let server = MockServer::start().await;
    for token in ["horse-battery", "staple"] {
        Mock::given(path("/login"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"token": token})))
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    let said = "no: staple, horse-battery, canary-password, canary-client, canary-key";
    Mock::given(path("/mds/trips"))
        .respond_with(ResponseTemplate::new(401).set_body_json(json!({"error": said})))
        .mount(&server)
        .await;
    let request = json!({
        "url": format!("{}/login", server.uri()),
        "token": "token",
        "data": {"user": {"password": "canary-password"}},
        "headers": {"X-Client": "canary-client"},
        "send": {"Authorization": "Session {token}"}
    });
    let settings = json!({"auth_type": "Custom", "token_request": request, "max_attempts": 1});
    let client = client(&format!("{}/mds?key=canary-key", server.uri()), &settings);
    let error = fetch(&client).await.unwrap_err();
    assert_eq!(
        error.said(),
        Some("no: <hidden>, <hidden>, <hidden>, <hidden>, <hidden>")
    );
}

#[rstest]
#[case(429)]
#[case(503)]
#[tokio::test]
async fn a_login_that_asks_for_a_wait_holds_everybody_off(#[case] status: u16) {
    let server = MockServer::start().await;
    let later = ResponseTemplate::new(status).insert_header("retry-after", "600");
    Mock::given(path("/token"))
        .respond_with(later)
        .mount(&server)
        .await;
    let client = client(&server.uri(), &oauth(&server));
    let (a, b, c) = tokio::join!(fetch(&client), fetch(&client), fetch(&client));
    let errors = [a, b, c].map(|response| response.unwrap_err());
    let is_told = |error: &&MdsError| !matches!(error, MdsError::NoTurn { .. });
    assert_eq!(errors.iter().filter(is_told).count(), 1, "{errors:?}");
    let until = (chrono::Utc::now() + Duration::from_secs(600)).format("%Y-%m-%dT%H:");
    for error in &errors {
        let text = error.to_string();
        assert!(
            error.is_transient() && text.contains(&until.to_string()),
            "{text}"
        );
    }
    assert_eq!(count(&server, "/token").await, 1);
}

#[tokio::test]
async fn a_login_is_a_request_of_its_own_for_the_delay() {
    let server = MockServer::start().await;
    grant(&server, "t1", json!({}), 9).await;
    trips_for(&server, "t1").await;
    let mut settings = oauth(&server);
    settings["delay"] = json!(0.3);
    let client = client(&server.uri(), &settings);
    let started = Instant::now();
    let (a, b, c) = tokio::join!(fetch(&client), fetch(&client), fetch(&client));
    for response in [a, b, c] {
        ready(response);
    }
    assert!(started.elapsed() >= Duration::from_millis(900));
    assert_eq!(count(&server, "/token").await, 1);
}

#[rstest]
#[case::refused(401, json!({"error": "no_such_client", "error_description": "the secret s&s is old"}), "auth_data")]
#[case::in_a_200(200, json!({"error": "no_such_client", "error_description": "the secret s&s is old"}), "refuses")]
#[tokio::test]
async fn a_refused_login_has_the_words_of_the_provider(
    #[case] status: u16,
    #[case] body: Value,
    #[case] says: &str,
) {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(&server)
        .await;
    let error = fetch(&client(&server.uri(), &oauth(&server)))
        .await
        .unwrap_err();
    let said = Some("no_such_client: the secret <hidden> is old");
    assert_eq!(error.said(), said, "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[rstest]
#[case(307)]
#[case(404)]
#[case(405)]
#[tokio::test]
async fn a_login_that_is_elsewhere_names_its_address(#[case] status: u16) {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(status).insert_header("location", "/other"))
        .mount(&server)
        .await;
    let error = fetch(&client(&server.uri(), &oauth(&server)))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.ends_with("look at token_url"), "{text}");
}

#[rstest]
#[case(
    "<html>Log in</html>",
    "is not JSON; it looks like a web page (text/html): look at token_url"
)]
#[case("{\"jwt\":", "is not JSON: look at token_url")]
#[tokio::test]
async fn a_login_that_returns_something_else_says_what_it_looks_like(
    #[case] body: &str,
    #[case] says: &str,
) {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(body, "text/html"))
        .mount(&server)
        .await;
    let error = fetch(&client(&server.uri(), &oauth(&server)))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.ends_with(says) && !text.contains("Log in"), "{text}");
}

#[tokio::test]
async fn a_fetched_token_may_have_the_word_of_its_scheme() {
    let server = MockServer::start().await;
    grant(&server, "bearer t1", json!({}), 9).await;
    trips_for(&server, "t1").await;
    ready(fetch(&client(&server.uri(), &oauth(&server))).await);
}
