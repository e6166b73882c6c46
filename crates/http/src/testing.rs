//! Servers for tests, and everything that an error prints.

mod scripted;

use std::error::Error;
use std::fmt::Write as _;

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

pub use scripted::{ScriptedServer, Step, cut_off, status, whole};

/// wiremock's default is 5, the highest priority 1.
const LOW_PRIORITY: u8 = 9;

/// A server with the same response to every request, except those that a test mounts another
/// response for.
pub async fn always(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(response)
        .with_priority(LOW_PRIORITY)
        .mount(&server)
        .await;
    server
}

/// A server that fails with `first` for `times` requests, and responds with `then` after them.
pub async fn failing(first: ResponseTemplate, times: u64, then: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(first)
        .up_to_n_times(times)
        .mount(&server)
        .await;
    Mock::given(any()).respond_with(then).mount(&server).await;
    server
}

/// How many requests the server has received.
#[expect(clippy::expect_used, reason = "a test may panic")]
pub async fn requests(server: &MockServer) -> usize {
    let requests = server.received_requests().await;
    requests.expect("the server records requests").len()
}

/// Everything that anyone could print of an error and of its sources.
#[must_use]
pub fn printed(error: &dyn Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, " {error} {error:?}");
        source = error.source();
    }
    text
}
