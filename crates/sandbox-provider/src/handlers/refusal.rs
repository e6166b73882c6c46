//! Responses that refuse a request.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sandbox_server::drop_connection;
use serde_json::{Value, json};

/// An error response, in the form of MDS.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    description: String,
}

impl Refusal {
    pub(super) fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let description = status.canonical_reason().unwrap_or("Refused").to_owned();
        Self {
            status,
            description,
        }
    }

    pub(super) fn bad_request(description: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            description,
        }
    }

    pub(super) fn body(&self) -> Value {
        let error = match self.status.as_u16() {
            400 => "bad_param",
            401 => "unauthorized",
            404 => "not_found",
            406 => "not_acceptable",
            _ => "server_error",
        };
        json!({"error": error, "error_description": self.description, "error_details": []})
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if self.status.is_informational() {
            return drop_connection();
        }
        (self.status, Json(self.body())).into_response()
    }
}
