//! The kinds of authentication.

use mds_client::{HourAnswer, MdsClient, MdsError, ProviderConfig, http_client};
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::matchers::{any, body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::*;

async fn serving() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_string(envelope(&["{}"])))
        .mount(&server)
        .await;
    server
}

async fn sent(settings: &Value, name: &str) -> Option<String> {
    let server = serving().await;
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

#[rstest]
#[case(json!({"token": null}), "token")]
#[case(json!({"token": "a\nb"}), "token")]
#[case(json!({"auth_type": "Basic"}), "auth_data.username")]
#[case(json!({"auth_type": "Basic", "auth_data": {"username": "u"}}), "auth_data.password")]
#[case(json!({"auth_type": "Custom"}), "request.auth.headers")]
#[case(json!({"auth_type": "OAuth"}), "auth_data")]
#[case(json!({"auth_type": "OAuth", "auth_data": {"client_id": "i"}}), "token_url")]
#[case(json!({"headers": {"bad name": "x"}}), "headers.bad name")]
#[case(json!({"headers": {"X-Key": "canary\n"}}), "headers.X-Key")]
#[case(json!({"accept": "a\nb"}), "accept")]
fn what_cannot_work_is_said_at_once(#[case] settings: Value, #[case] wrong: &str) {
    let config = ProviderConfig::from_value(entry("https://mds.example.com", &settings)).unwrap();
    let client = MdsClient::new(http_client().unwrap(), "bird".parse().unwrap(), config);
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
    let mut answer = more;
    answer["jwt"] = token.into();
    Mock::given(method("POST"))
        .and(path("/token"))
        .and(body_string_contains(
            "client_id=id&client_secret=s%26s&scope=mds",
        ))
        .and(body_string_contains("grant_type=client_credentials"))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
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
async fn a_token_is_fetched_once_and_used_again() {
    let server = MockServer::start().await;
    grant(&server, "t1", json!({"expires_in": "3600"}), 9).await;
    trips_for(&server, "t1").await;
    let client = client(&server.uri(), &oauth(&server));
    ready(fetch(&client).await);
    ready(fetch(&client).await);
    assert_eq!(count(&server, "/token").await, 1);
}

#[tokio::test]
async fn a_token_is_fetched_once_for_many_hours_at_a_time() {
    let server = MockServer::start().await;
    grant(&server, "t1", json!({}), 9).await;
    trips_for(&server, "t1").await;
    let client = client(&server.uri(), &oauth(&server));
    let (a, b, c) = tokio::join!(fetch(&client), fetch(&client), fetch(&client));
    for answer in [a, b, c] {
        ready(answer);
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
    let answer = fetch(&client(&server.uri(), &oauth(&server))).await;
    assert!(
        matches!(answer, Err(MdsError::Rejected { status: 403, .. })),
        "{answer:?}"
    );
    assert_eq!(count(&server, "/trips").await, 2);
    assert_eq!(count(&server, "/token").await, 2);
}

#[rstest]
#[case::refused(ResponseTemplate::new(400).set_body_string("canary"), "Rejected", 1)]
#[case::down(ResponseTemplate::new(503).set_body_string("canary"), "Unavailable", 3)]
#[case::throttled(ResponseTemplate::new(429), "Throttled", 3)]
#[case::no_json(ResponseTemplate::new(200).set_body_string("canary"), "Malformed", 1)]
#[case::no_token(ResponseTemplate::new(200).set_body_json(json!({"access_token": "canary"})),
    "Malformed", 1)]
#[case::odd_token(ResponseTemplate::new(200).set_body_json(json!({"jwt": "canary\n\u{7}"})),
    "Malformed", 1)]
#[case::moved(ResponseTemplate::new(302).insert_header("location", "/canary"), "Rejected", 1)]
#[tokio::test]
async fn no_token_is_an_error(
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
async fn a_token_that_comes_late_is_waited_for() {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(502))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    grant(&server, "t", json!({}), 9).await;
    trips_for(&server, "t").await;
    let answer = fetch(&client(&server.uri(), &oauth(&server))).await;
    assert!(matches!(answer, Ok(HourAnswer::Ready { .. })), "{answer:?}");
}
