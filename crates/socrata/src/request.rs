//! One request to the portal, and what its status means.

use std::time::SystemTime;

use bytes::Bytes;
use http_kit::{BodyError, Transient, is_web_page, looks_like, read_body, retry_after};
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::SocrataError;
use crate::outline::read_outline;

/// A response with status 200 or 202.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// How much of a body is kept.
#[derive(Clone, Copy)]
pub(crate) enum Kept {
    /// All of it, which may have at most so many bytes.
    Whole(usize),
    /// The outline of an object, which may have at most so many bytes.
    Outline(usize),
}

/// Sends a request and reads the response.
pub(crate) async fn send(request: RequestBuilder, kept: Kept) -> Result<Response, SocrataError> {
    let response = request.send().await.map_err(SocrataError::transport)?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = match kept {
        Kept::Whole(max_bytes) => read_body(response, max_bytes).await,
        Kept::Outline(max_bytes) => read_outline(response, max_bytes).await,
    };
    match status {
        200 | 202 => {
            let body = body.map_err(|error| unreadable(status, error))?;
            let is_page = is_web_page(&body);
            if is_page || (status == 200 && !is_whole_json(&body)) {
                let looks = looks_like(&headers, &body);
                return Err(match looks {
                    Some(looks) => not_json(status, &format!("{looks} instead of JSON")),
                    None => not_json(status, "no JSON, or a part of it"),
                });
            }
            Ok(Response {
                status,
                headers,
                body,
            })
        }
        // The body of a failure helps, but the status is enough.
        _ => Err(failure(status, &headers, &body.unwrap_or_default())),
    }
}

fn unreadable(status: u16, error: BodyError) -> SocrataError {
    match error {
        BodyError::Transport(source) => SocrataError::transport(source),
        BodyError::Encoding(_) => not_json(status, "a body that is not the gzip that it names"),
        BodyError::TooLarge { max_bytes } => SocrataError::malformed(format!(
            "its response is larger than the cap of {max_bytes} bytes"
        )),
    }
}

/// A proxy may send an empty body, or a sentence, and a connection may end in the middle of a body
/// whose length nobody has said. The ends tell without reading all of a long one.
fn is_whole_json(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    match (body.first(), body.last()) {
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) => true,
        (Some(b'{' | b'['), _) => false,
        _ => serde_json::from_slice::<IgnoredAny>(body).is_ok(),
    }
}

fn not_json(status: u16, what: &str) -> SocrataError {
    SocrataError::Unavailable {
        why: format!("it returned status {status} with {what}"),
        status: Some(status),
        retry_after: None,
        source: None,
    }
}

fn failure(status: u16, headers: &HeaderMap, body: &[u8]) -> SocrataError {
    let retry_after = retry_after(headers, SystemTime::now());
    let unavailable = |why: String| SocrataError::Unavailable {
        why,
        status: Some(status),
        retry_after,
        source: None,
    };
    match Transient::from_status(status) {
        Some(Transient::Throttled) => SocrataError::Throttled { retry_after },
        Some(Transient::Unavailable) => unavailable(format!("it returned status {status}")),
        None if status == 409 => {
            unavailable("another client is writing to the dataset (status 409)".to_owned())
        }
        None => SocrataError::Rejected {
            status,
            code: error_code(body),
            why: format!("it returned status {status}: {}", advice(status, body)),
        },
    }
}

/// What people should look at after a refusal.
fn advice(status: u16, body: &[u8]) -> &'static str {
    match status {
        403 if is_synced_copy(body) => {
            "SOCRATA_DATASET is the id of a copy that the portal keeps by itself; a dataset may have two ids, take the \
             other one"
        }
        300..=399 => "it redirects, look at SOCRATA_DATA_ENDPOINT",
        400 => "a row or a query does not fit the dataset's columns",
        401 | 403 => {
            "look at SOCRATA_KEY_ID, SOCRATA_KEY_SECRET, SOCRATA_APP_TOKEN and the key's role"
        }
        404 => "look at SOCRATA_DATASET and SOCRATA_DATA_ENDPOINT",
        413 => "lower SOCRATA_CHUNK_ROWS",
        _ => "repeating the request changes nothing",
    }
}

/// Whether the portal refuses the write because the dataset is the copy of another one.
fn is_synced_copy(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    text.contains("synced") || text.contains("no manual update")
}

/// Socrata's `code`. Its `message` may quote a row, so it is dropped.
fn error_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Failure {
        code: String,
    }
    let Failure { code } = serde_json::from_slice(body).ok()?;
    let is_name = !code.is_empty()
        && code.len() <= 80
        && code
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_' | b'-'));
    is_name.then_some(code)
}

#[cfg(test)]
mod tests;
