//! Responses that fail on purpose, because of a fault or a quirk.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::{TimeDelta, Utc};

use super::page::other_host_url;
use super::refusal::Refusal;
use crate::fault::Fault;
use crate::quirk::{Quirk, Quirks};

/// The response of a provider whose quirks make it unavailable. `earlier_requests` is how many
/// requests there were for the hour before this one.
pub(super) fn quirk_response(
    quirks: Quirks,
    earlier_requests: u32,
    headers: &HeaderMap,
) -> Option<Response> {
    let has = |quirk| quirks.has(quirk);
    let (status, header) = if has(Quirk::RedirectElsewhere) {
        let address = format!("{}/trips", other_host_url(headers));
        (302, Some((header::LOCATION, address)))
    } else if has(Quirk::ThrottledSeconds) && earlier_requests == 0 {
        (429, Some((header::RETRY_AFTER, "1".to_owned())))
    } else if has(Quirk::ThrottledDate) && earlier_requests == 0 {
        let date = Utc::now() + TimeDelta::seconds(1);
        let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        (429, Some((header::RETRY_AFTER, date)))
    } else if has(Quirk::ThrottledHour) && earlier_requests == 0 {
        (429, Some((header::RETRY_AFTER, "3600".to_owned())))
    } else if has(Quirk::NoContent) {
        return Some(StatusCode::NO_CONTENT.into_response());
    } else if has(Quirk::NotFound) {
        (404, None)
    } else if has(Quirk::DownAtFirst) && earlier_requests < 2 {
        (503, None)
    } else {
        return None;
    };
    let mut response = Refusal::status(status).into_response();
    if let Some((name, value)) = header
        && let Ok(value) = HeaderValue::try_from(value)
    {
        response.headers_mut().insert(name, value);
    }
    Some(response)
}

/// The fault that the quirks cause.
pub(super) fn quirk_fault(quirks: Quirks, earlier_requests: u32) -> Option<Fault> {
    let has = |quirk| quirks.has(quirk);
    if has(Quirk::Truncated) {
        Some(Fault::TruncatedJson)
    } else if has(Quirk::Html) {
        Some(Fault::HtmlPage200)
    } else if has(Quirk::ErrorObject) {
        Some(Fault::ErrorObject200)
    } else if has(Quirk::ResetAtFirst) && earlier_requests == 0 {
        Some(Fault::DropConnection)
    } else {
        None
    }
}

/// The response for a fault that replaces the trips.
pub(super) fn fault_response(fault: &Fault) -> Option<Response> {
    match fault {
        Fault::NotOperating => Some(Refusal::status(404).into_response()),
        Fault::Status {
            status,
            retry_after,
        } => {
            let mut response = Refusal::status(*status).into_response();
            if let Some(seconds) = retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, (*seconds).into());
            }
            Some(response)
        }
        Fault::ErrorObject200 => Some(Json(Refusal::status(500).body()).into_response()),
        Fault::HtmlPage200 => Some(Html("<html><body>Please log in</body></html>").into_response()),
        _ => None,
    }
}
