//! Failures of the transport, in words.

/// Why there is no complete response, without the URL.
#[must_use]
pub fn transport_cause(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "no connection"
    } else {
        "connection broke off"
    }
}
