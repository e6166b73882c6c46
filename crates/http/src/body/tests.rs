use std::time::Duration;

use wiremock::ResponseTemplate;

use super::*;
use crate::testing::{ScriptedServer, Step, always, cut_off, printed};

async fn get(url: &str) -> Response {
    let http = crate::client().unwrap();
    let request = http.get(format!("{url}/?key=canary"));
    let request = request.timeout(Duration::from_millis(400));
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_body_up_to_the_cap_is_read_and_a_larger_one_is_not() {
    let server = always(ResponseTemplate::new(200).set_body_string("ten bytes!")).await;
    let body = read_body(get(&server.uri()).await, 10).await.unwrap();
    assert_eq!(body, "ten bytes!");
    let error = read_body(get(&server.uri()).await, 9).await.unwrap_err();
    assert!(error.to_string().contains("cap of 9 bytes"), "{error}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_incomplete() {
    let server = ScriptedServer::start(vec![cut_off("ten bytes!", 4)]).await;
    let error = read_body(get(&server.url()).await, 10).await.unwrap_err();
    assert!(error.to_string().contains("broke off"), "{error}");
    assert!(!printed(&error).contains("canary"), "{error:?}");
}

#[tokio::test]
async fn the_timeout_of_the_request_bounds_the_body() {
    let mut stalled = cut_off("ten bytes!", 4);
    stalled.push(Step::Pause(Duration::from_secs(30)));
    let server = ScriptedServer::start(vec![stalled]).await;
    let error = read_body(get(&server.url()).await, 10).await.unwrap_err();
    assert!(error.to_string().contains("timed out"), "{error}");
}
