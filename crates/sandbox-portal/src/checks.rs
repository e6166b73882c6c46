//! Checks of requests, and the responses that refuse them.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::PortalOptions;

pub(super) fn check_dataset(options: &PortalOptions, file: &str) -> Result<(), Refusal> {
    if file.strip_suffix(".json") == Some(options.dataset.as_str()) {
        return Ok(());
    }
    Err(refused(
        StatusCode::NOT_FOUND,
        "dataset.missing",
        "Not found",
    ))
}

/// An upload needs credentials. A query does not, but if it has some, they must be right.
pub(super) fn check_credentials(
    options: &PortalOptions,
    headers: &HeaderMap,
    required: bool,
) -> Result<(), Refusal> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match header("x-app-token") {
        Some(token) if token != options.app_token => {
            return Err(refused(
                StatusCode::FORBIDDEN,
                "permission_denied",
                "Invalid app_token specified",
            ));
        }
        None if required => {
            return Err(refused(
                StatusCode::FORBIDDEN,
                "permission_denied",
                "No app_token specified",
            ));
        }
        _ => {}
    }
    let key = BASE64_STANDARD.encode(format!("{}:{}", options.key_id, options.key_secret));
    match header("authorization") {
        Some(given) if given.strip_prefix("Basic ") != Some(&key) => Err(refused(
            StatusCode::UNAUTHORIZED,
            "authentication_required",
            "Invalid credentials",
        )),
        None if required => Err(refused(
            StatusCode::FORBIDDEN,
            "authentication_required",
            "You must be logged in to write",
        )),
        _ => Ok(()),
    }
}

/// A portal takes a body without a type for JSON, as many clients send it.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let content_type = content_type.to_str().unwrap_or_default();
    if content_type.split(';').next().map(str::trim) == Some("application/json") {
        return Ok(());
    }
    let message = "Content-Type must be application/json";
    Err(refused(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        message,
    ))
}

/// An error response, in the form of Socrata.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"code": self.code, "error": true, "message": self.message});
        (self.status, Json(body)).into_response()
    }
}

pub(super) fn refused(
    status: StatusCode,
    code: &'static str,
    message: impl Into<String>,
) -> Refusal {
    Refusal {
        status,
        code,
        message: message.into(),
    }
}
