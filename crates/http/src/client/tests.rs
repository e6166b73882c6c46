//! Which requests go through a proxy of the environment.

use rstest::rstest;
use wiremock::ResponseTemplate;

use super::*;
use crate::testing::{always, requests};

#[rstest]
#[case("HTTP_PROXY")]
#[case("http_proxy")]
#[case("HTTPS_PROXY")]
#[case("ALL_PROXY")]
#[tokio::test]
async fn plain_requests_to_this_machine_never_go_to_a_proxy(#[case] name: &str) {
    let (proxy, server) = tokio::join!(
        always(ResponseTemplate::new(502)),
        always(ResponseTemplate::new(200))
    );
    // The usual exception for the address is missing, and the name has none.
    let client = client_with(|asked| (asked == name).then(|| proxy.uri())).unwrap();
    let port = server.address().port();
    for host in ["127.0.0.1", "localhost"] {
        let response = client
            .get(format!("http://{host}:{port}/trips"))
            .send()
            .await;
        assert_eq!(response.unwrap().status(), 200, "{host}");
    }
    assert_eq!(requests(&proxy).await, 0);
}

#[rstest]
#[case("HTTPS_PROXY")]
#[case("all_proxy")]
fn a_proxy_that_is_no_address_is_named_by_its_variable_alone(#[case] name: &str) {
    let value = "http://user:secret@proxy.example.gov:port";
    let error = client_with(|asked| (asked == name).then(|| value.to_owned())).unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with(name), "{said}");
    for hidden in ["user", "secret", ":port"] {
        assert!(!said.contains(hidden), "{said}");
    }
}

#[tokio::test]
async fn requests_over_tls_go_to_the_proxy_of_the_environment() {
    let proxy = always(ResponseTemplate::new(502)).await;
    let variables = |name: &str| match name {
        "https_proxy" => Some(proxy.uri()),
        "NO_PROXY" => Some("direct.invalid".to_owned()),
        _ => None,
    };
    let client = client_with(variables).unwrap();
    client
        .get("https://direct.invalid/")
        .send()
        .await
        .unwrap_err();
    assert_eq!(requests(&proxy).await, 0);
    client.get("https://mds.invalid/").send().await.unwrap_err();
    assert_eq!(requests(&proxy).await, 1);
}
