//! One request to the portal and what its status says.

use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use crate::error::SocrataError;

/// A body with its status, 200 or 202.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Waits for a response and judges it; `most_bytes` bounds its body.
pub(crate) async fn answer_of(
    request: reqwest::RequestBuilder,
    most_bytes: usize,
) -> Result<Answer, SocrataError> {
    let response = request.send().await.map_err(SocrataError::transport)?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = body_of(response, most_bytes).await;
    match status {
        200 | 202 => Ok(Answer {
            status,
            headers,
            body: body?,
        }),
        // What a failure says besides is of use, but not needed.
        _ => Err(failure(status, &headers, &body.unwrap_or_default())),
    }
}

async fn body_of(mut response: Response, most: usize) -> Result<Bytes, SocrataError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(SocrataError::transport)? {
        if body.len() + chunk.len() > most {
            return Err(SocrataError::senseless(format!(
                "its answer is larger than the cap of {most} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn failure(status: u16, headers: &HeaderMap, body: &[u8]) -> SocrataError {
    let retry_after = retry_after(headers);
    let unavailable = |why: String| SocrataError::Unavailable {
        why,
        status: Some(status),
        retry_after,
        source: None,
    };
    match status {
        429 => SocrataError::Throttled { retry_after },
        409 => unavailable("another client is writing the dataset (409)".to_owned()),
        408 | 500..=599 => unavailable(format!("it answers {status}")),
        _ => SocrataError::Rejected {
            status,
            code: error_code(body),
            why: format!("it answers {status}: {}", look_at(status)),
        },
    }
}

/// What a refusal asks people to look at.
fn look_at(status: u16) -> &'static str {
    match status {
        300..=399 => "it redirects, look at SOCRATA_DATA_ENDPOINT",
        400 => "a row or a query does not fit the dataset's columns",
        401 | 403 => {
            "look at SOCRATA_KEY_ID, SOCRATA_KEY_SECRET, SOCRATA_APP_TOKEN and the key's role"
        }
        404 => "look at SOCRATA_DATASET and SOCRATA_DATA_ENDPOINT",
        413 => "lower SOCRATA_CHUNK_ROWS",
        _ => "trying again changes nothing",
    }
}

/// Socrata's `code`; its `message` may quote a row and is left out.
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

/// The wait that `Retry-After` asks for, in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests;
