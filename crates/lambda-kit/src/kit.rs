//! The loop over a function's events, and what they share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::Scope;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use telemetry::LogFormat;
use tokio::time::Instant;

use crate::contexts::Contexts;
use crate::error::FunctionError;
use crate::shutdown::at_shutdown;

/// A tenth of an invocation's time, within these bounds, is reserved to record how it ended.
const MIN_RESERVE: Duration = Duration::from_secs(1);
const MAX_RESERVE: Duration = Duration::from_secs(10);

/// The longest time that Lambda gives an invocation.
const MAX_INVOCATION: Duration = Duration::from_secs(900);
/// A deadline this far in the past means none: `cargo lambda watch` always sends one in 1970.
const MAX_LATENESS: Duration = Duration::from_secs(24 * 60 * 60);

/// One event, with what a handler needs to work on it.
#[derive(Clone)]
pub struct Invocation {
    /// The event as Lambda sent it.
    pub event: Value,
    /// Configurations and clients.
    pub contexts: Arc<Contexts>,
    /// When the work must have ended, a little before Lambda would end it.
    pub deadline: Instant,
}

/// Requests events until Lambda shuts the environment down, and passes each to `handle`.
///
/// Configuration and clients of `scope` are built while the first event is waited for. If that
/// fails, the first event tries again and returns the error. So a mistake in the configuration is
/// an error with a name and does not end the process. A later event may need another version of the
/// configuration, see [`Contexts`].
///
/// # Errors
///
/// The Lambda Runtime API does not respond as documented.
pub async fn serve<H, F>(scope: Scope, handle: H) -> Result<(), Error>
where
    H: Fn(Invocation) -> F + Send + Sync,
    F: Future<Output = Result<Value, FunctionError>> + Send,
{
    telemetry::init_logs(LogFormat::Json, "info", std::io::stdout);
    let contexts = Arc::new(Contexts::default());
    let idle = Arc::clone(&contexts);
    // No event is being worked on then.
    at_shutdown(async move { idle.close_idle().await }).await;
    tokio::spawn(warm_up(scope, Arc::clone(&contexts)));
    lambda_runtime::run(service_fn(|event| -> Response<'_> {
        Box::pin(respond(event, &handle, &contexts))
    }))
    .await
}

/// Boxed, so that the runtime's own types do not nest around everything that a step does.
type Response<'a> = Pin<Box<dyn Future<Output = Result<Value, FunctionError>> + Send + 'a>>;

async fn respond<H, F>(
    event: LambdaEvent<Value>,
    handle: &H,
    contexts: &Arc<Contexts>,
) -> Result<Value, FunctionError>
where
    H: Fn(Invocation) -> F + Sync,
    F: Future<Output = Result<Value, FunctionError>> + Send,
{
    let began = SystemTime::now();
    let deadline = deadline(event.context.deadline(), began);
    let invocation = Invocation {
        event: event.payload,
        contexts: Arc::clone(contexts),
        deadline,
    };
    let response = handle(invocation)
        .await
        .inspect_err(|error| error.report(&event.context.request_id, began.into()));
    // Lambda freezes the environment right after the response, with everything that is open.
    contexts.close_idle().await;
    response
}

async fn warm_up(scope: Scope, contexts: Arc<Contexts>) {
    if let Err(error) = contexts.current(scope).await {
        tracing::warn!(
            error.name = %error.name,
            error.message = %error.message,
            "configuration could not be loaded yet"
        );
    }
}

fn deadline(lambda: SystemTime, now: SystemTime) -> Instant {
    let left = match lambda.duration_since(now) {
        Ok(left) => left,
        Err(past) if past.duration() > MAX_LATENESS => MAX_INVOCATION,
        Err(_) => Duration::ZERO,
    };
    let reserve = (left / 10).clamp(MIN_RESERVE, MAX_RESERVE);
    Instant::now() + left.saturating_sub(reserve)
}

#[cfg(test)]
mod tests;
