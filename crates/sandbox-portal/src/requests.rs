//! The request handlers of the portal.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query as QueryParameters, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use sandbox_server::drop_connection;
use serde_json::{Value, json};
use uuid::Uuid;

use super::PortalOptions;
use super::checks::{Refusal, check_content_type, check_credentials, check_dataset, refused};
use super::fault::{Fault, Faults, RefusedRows};
use super::metadata::view;
use super::rows::{DELETED, Outcome, Row, Rows};
use super::soql::Query;

/// The largest body of an upload.
const MAX_BODY_BYTES: usize = 256 << 20;

/// The state that the handlers share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) options: PortalOptions,
    pub(super) rows: Mutex<Rows>,
    pub(super) faults: Faults,
    pub(super) refused: Mutex<Option<RefusedRows>>,
    /// The most rows of an answer to a query.
    pub(super) max_page_rows: AtomicUsize,
    /// The upload that is being processed holds this lock.
    pub(super) lock: tokio::sync::Mutex<()>,
    pub(super) tickets: Mutex<HashMap<String, Ticket>>,
}

/// An upload whose counts have not been requested yet.
#[derive(Debug)]
pub(super) struct Ticket {
    polls_left: u32,
    counts: Counts,
}

pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/resource/{file}", get(query).post(upload))
        .route("/resource/{dataset}/{file}", delete(delete_row))
        .route("/api/views/{file}", get(metadata))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(Arc::clone(&state), take_time))
        .with_state(state)
}

async fn take_time(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    tokio::time::sleep(state.options.request_time).await;
    next.run(request).await
}

async fn metadata(
    Shared(state): Shared<Arc<State>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    check_dataset(&state.options, &file)?;
    check_credentials(&state.options, &headers, false)?;
    Ok(Json(view(&state.options)).into_response())
}

/// Deletes the row whose identifier is the file's name.
async fn delete_row(
    Shared(state): Shared<Arc<State>>,
    Path((dataset, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    check_dataset(&state.options, &format!("{dataset}.json"))?;
    check_credentials(&state.options, &headers, true)?;
    let identifier = file.strip_suffix(".json").unwrap_or(&file);
    let mut rows = state.rows.lock().unwrap_or_else(PoisonError::into_inner);
    if !state.options.has_row_identifier || rows.get(identifier).is_none() {
        return Err(refused(
            StatusCode::NOT_FOUND,
            "row.missing",
            "Cannot find the row",
        ));
    }
    let mut deletion = Row::new();
    deletion.insert(state.options.row_id.clone(), Value::from(identifier));
    deletion.insert(DELETED.to_owned(), Value::Bool(true));
    rows.upsert(deletion)
        .and_then(|_| rows.flush())
        .map_err(|error| internal(&error))?;
    Ok(StatusCode::OK.into_response())
}

async fn upload(
    Shared(state): Shared<Arc<State>>,
    Path(file): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let fault = state.faults.next();
    process(&state, &file, &headers, &body, fault.as_ref()).await
}

/// The steps of an upload. The first one that refuses it determines the response.
async fn process(
    state: &State,
    file: &str,
    headers: &HeaderMap,
    body: &[u8],
    fault: Option<&Fault>,
) -> Result<Response, Refusal> {
    if let Some(response) = fault.and_then(fault_response) {
        return Ok(response);
    }
    check_dataset(&state.options, file)?;
    check_credentials(&state.options, headers, true)?;
    check_content_type(headers)?;
    let rows = parse_rows(state, body)?;
    let Ok(_locked) = state.lock.try_lock() else {
        return Err(refused(
            StatusCode::CONFLICT,
            "conflict",
            "Another write to this dataset is in progress",
        ));
    };
    tokio::time::sleep(state.options.upload_time.max(delay(fault))).await;
    let counts = apply(state, rows, fault).map_err(|error| internal(&error))?;
    Ok(match fault {
        Some(Fault::DropConnection { .. }) => drop_connection(),
        Some(Fault::Accepted202 { polls }) => ticket(state, file, *polls, counts),
        _ => Json(counts.report()).into_response(),
    })
}

/// The response for a fault that leaves the dataset unchanged.
fn fault_response(fault: &Fault) -> Option<Response> {
    match fault {
        Fault::Status {
            status,
            retry_after,
        } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response =
                refused(status, "sandbox-fault", "A fault of the sandbox").into_response();
            if let Some(seconds) = retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, (*seconds).into());
            }
            Some(response)
        }
        Fault::DropConnection { applied: false } => Some(drop_connection()),
        Fault::HtmlPage200 => Some(
            axum::response::Html("<html><body>Down for maintenance</body></html>").into_response(),
        ),
        _ => None,
    }
}

fn delay(fault: Option<&Fault>) -> Duration {
    match fault {
        Some(Fault::Slow(time)) => *time,
        _ => Duration::ZERO,
    }
}

fn parse_rows(state: &State, body: &[u8]) -> Result<Vec<Row>, Refusal> {
    let rows: Vec<Row> = serde_json::from_slice(body).map_err(|_| {
        refused(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The body is not a JSON array of rows",
        )
    })?;
    if rows.len() > state.options.max_rows {
        return Err(refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_many_rows",
            "Too many rows in one request",
        ));
    }
    Ok(rows)
}

fn apply(state: &State, mut rows: Vec<Row>, fault: Option<&Fault>) -> io::Result<Counts> {
    let sent = rows.len();
    let mut counts = Counts::default();
    match fault {
        Some(Fault::ErrorsIn200 { rows: refused }) => {
            rows.truncate(sent.saturating_sub(*refused));
            counts.errors = sent - rows.len();
        }
        Some(Fault::LosesRows { rows: lost }) => rows.truncate(sent.saturating_sub(*lost)),
        _ => {}
    }
    let refused = state.refused.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(RefusedRows { column, prefix }) = &*refused {
        let before = rows.len();
        let begins_so = |row: &Row| {
            let text = row.get(column).and_then(serde_json::Value::as_str);
            text.is_some_and(|text| text.starts_with(prefix))
        };
        rows.retain(|row| !begins_so(row));
        counts.errors += before - rows.len();
    }
    drop(refused);
    let mut dataset = state.rows.lock().unwrap_or_else(PoisonError::into_inner);
    for row in rows {
        counts.add(dataset.upsert(row)?);
    }
    dataset.flush()?;
    Ok(match fault {
        Some(Fault::ZeroCounts) => Counts::default(),
        _ => counts,
    })
}

/// The counts of one upload.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    created: usize,
    updated: usize,
    deleted: usize,
    errors: usize,
}

impl Counts {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::Deleted => self.deleted += 1,
            Outcome::Refused => self.errors += 1,
        }
    }

    fn report(self) -> Value {
        json!({
            "By RowIdentifier": self.created + self.updated + self.deleted,
            "Rows Updated": self.updated,
            "Rows Deleted": self.deleted,
            "Rows Created": self.created,
            "Errors": self.errors,
            "By SID": 0,
        })
    }
}

fn ticket(state: &State, file: &str, polls: u32, counts: Counts) -> Response {
    let name = Uuid::new_v4().to_string();
    let ticket = Ticket {
        polls_left: polls,
        counts,
    };
    state
        .tickets
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(name.clone(), ticket);
    pending(file, &name)
}

fn pending(file: &str, ticket: &str) -> Response {
    let location = format!("/resource/{file}?ticket={ticket}");
    let headers = [
        (header::LOCATION, location),
        (header::RETRY_AFTER, "1".to_owned()),
    ];
    let body =
        json!({"code": "accepted", "error": false, "message": "Processing", "ticket": ticket});
    (StatusCode::ACCEPTED, headers, Json(body)).into_response()
}

async fn query(
    Shared(state): Shared<Arc<State>>,
    Path(file): Path<String>,
    QueryParameters(parameters): QueryParameters<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    check_dataset(&state.options, &file)?;
    check_credentials(&state.options, &headers, false)?;
    if let Some((_, name)) = parameters.iter().find(|(name, _)| name == "ticket") {
        return poll(&state, &file, name);
    }
    let query = Query::parse(&parameters, &state.options.columns)
        .map_err(|error| refused(StatusCode::BAD_REQUEST, error.code, error.to_string()))?;
    let rows = state.rows.lock().unwrap_or_else(PoisonError::into_inner);
    let mut page = query.run(rows.iter());
    page.truncate(state.max_page_rows.load(Ordering::Relaxed));
    Ok(Json(page).into_response())
}

fn poll(state: &State, file: &str, name: &str) -> Result<Response, Refusal> {
    let mut tickets = state.tickets.lock().unwrap_or_else(PoisonError::into_inner);
    let ticket = tickets
        .get_mut(name)
        .ok_or_else(|| refused(StatusCode::NOT_FOUND, "not_found", "No such ticket"))?;
    if ticket.polls_left > 0 {
        ticket.polls_left -= 1;
        return Ok(pending(file, name));
    }
    Ok(Json(ticket.counts.report()).into_response())
}

fn internal(error: &io::Error) -> Refusal {
    let message = format!("The portal cannot keep its rows: {error}");
    refused(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
}
