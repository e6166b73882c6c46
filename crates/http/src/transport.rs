//! Failures of the transport, in words.

use std::error::Error;
use std::io;

/// Why there is no complete response, with the server's host and port. Nothing else of the URL is
/// shown, since its path and query may hold a token.
#[must_use]
pub fn transport_cause(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "no connection"
    } else {
        "connection broke off"
    };
    let mut text = what.to_owned();
    if let Some(server) = server(error) {
        let word = if error.is_connect() { " to " } else { ", " };
        text.push_str(word);
        text.push_str(&server);
    }
    if let Some(reason) = reason(error).filter(|_| error.is_connect()) {
        text.push_str(&format!(" ({reason})"));
    }
    text
}

/// `host:port` of the request.
fn server(error: &reqwest::Error) -> Option<String> {
    let url = error.url()?;
    let host = url.host_str()?;
    Some(match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// The operating system's reason, such as "Connection refused", or that of the search for the name.
fn reason(error: &reqwest::Error) -> Option<String> {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .last()
        .map(ToString::to_string)
}

#[cfg(test)]
mod tests;
