//! The Runtime API of one function.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use sandbox_server::{ListenError, Server};

const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:sandbox";

/// The error that a function reports for an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionError {
    /// The name of the error, which a state machine matches on.
    pub error_type: String,
    /// The error in a sentence.
    pub error_message: String,
}

/// Why an invocation has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function reported an error.
    #[error("{}: {}", .0.error_type, .0.error_message)]
    Function(FunctionError),
    /// The function did not respond before the deadline.
    #[error("the function did not respond in time")]
    TimedOut,
    /// The response is not JSON.
    #[error("the function's response is not JSON")]
    Malformed,
}

/// How the Extensions API answers. Lambda serves it; an emulator that serves the Runtime API alone,
/// as its documentation describes it, does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extensions {
    /// As on Lambda.
    Served,
    /// With 404.
    NotServed,
    /// With a registration that names no function.
    WithoutName,
}

/// The Runtime API of one function. Dropping it closes the port.
#[derive(Debug)]
pub struct RuntimeApi {
    server: Server,
    shared: Arc<Shared>,
}

/// Invocations without a response, by request id.
type Pending = HashMap<String, oneshot::Sender<Result<Bytes, Bytes>>>;

#[derive(Debug)]
struct Shared {
    events: mpsc::UnboundedSender<Event>,
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    pending: Mutex<Pending>,
    requests: watch::Sender<u64>,
}

#[derive(Debug)]
struct Event {
    id: String,
    payload: String,
    deadline: SystemTime,
}

impl RuntimeApi {
    /// Starts the API on a free port of loopback.
    ///
    /// # Errors
    ///
    /// [`ListenError`]: no port is free.
    pub async fn start(extensions: Extensions) -> Result<Self, ListenError> {
        let (events, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            events,
            waiting: tokio::sync::Mutex::new(waiting),
            pending: Mutex::default(),
            requests: watch::Sender::new(0),
        });
        let router = router(Arc::clone(&shared)).merge(extension_routes(extensions));
        Ok(Self {
            server: Server::start_routes(0, router, Arc::default()).await?,
            shared,
        })
    }

    /// The value for `AWS_LAMBDA_RUNTIME_API`: host and port.
    #[must_use]
    pub fn address(&self) -> String {
        self.server.url().replace("http://", "")
    }

    /// Waits until the function has requested an event for the first time.
    pub async fn first_request(&self) {
        let mut requests = self.shared.requests.subscribe();
        // This cannot fail: the sender is a field of `self`.
        let _ = requests.wait_for(|n| *n > 0).await;
    }

    /// Sends an event to the function and waits for the result, at most for `timeout`.
    ///
    /// # Errors
    ///
    /// [`InvokeError`]: the function failed, or did not respond properly.
    pub async fn invoke(&self, event: &Value, timeout: Duration) -> Result<Value, InvokeError> {
        let id = Uuid::new_v4().to_string();
        let (sender, response) = oneshot::channel();
        self.shared.pending().insert(id.clone(), sender);
        let event = Event {
            id: id.clone(),
            payload: event.to_string(),
            deadline: SystemTime::now() + timeout,
        };
        // This cannot fail: the receiver is next to the sender.
        let _ = self.shared.events.send(event);
        let response = tokio::time::timeout(timeout, response).await;
        self.shared.pending().remove(&id);
        let parse = |body: &[u8]| serde_json::from_slice(body).map_err(|_| InvokeError::Malformed);
        match response {
            Ok(Ok(Ok(body))) => parse(&body),
            Ok(Ok(Err(body))) => Err(InvokeError::Function(
                serde_json::from_value(parse(&body)?).map_err(|_| InvokeError::Malformed)?,
            )),
            Ok(Err(_)) | Err(_) => Err(InvokeError::TimedOut),
        }
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, id: &str, result: Result<Bytes, Bytes>) -> StatusCode {
        match self.pending().remove(id).map(|sender| sender.send(result)) {
            Some(Ok(())) => StatusCode::ACCEPTED,
            Some(Err(_)) | None => StatusCode::BAD_REQUEST,
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/response",
            post(response),
        )
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route(
            "/2018-06-01/runtime/init/error",
            post(|| async { StatusCode::ACCEPTED }),
        )
        .with_state(shared)
}

fn extension_routes(extensions: Extensions) -> Router {
    let registered = match extensions {
        Extensions::NotServed => return Router::new(),
        Extensions::WithoutName => json!({}),
        Extensions::Served => json!({
            "functionName": "sandbox",
            "functionVersion": "$LATEST",
            "handler": "bootstrap",
        }),
    };
    let register = || async {
        let id = Uuid::new_v4().to_string();
        ([("Lambda-Extension-Identifier", id)], Json(registered))
    };
    Router::new()
        .route("/2020-01-01/extension/register", post(register))
        .route(
            "/2020-01-01/extension/event/next",
            get(std::future::pending::<()>),
        )
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.requests.send_modify(|n| *n += 1);
    let Some(event) = shared.waiting.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = event
        .deadline
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", event.id),
        ("Lambda-Runtime-Deadline-Ms", deadline.to_string()),
        (
            "Lambda-Runtime-Invoked-Function-Arn",
            FUNCTION_ARN.to_owned(),
        ),
        ("Content-Type", "application/json".to_owned()),
    ];
    (headers, event.payload).into_response()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    shared.end(&id, Ok(body))
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    shared.end(&id, Err(body))
}
