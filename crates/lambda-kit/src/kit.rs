//! The loop over a function's events, and what they share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::Environment;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::{Context, PipelineError};
use serde_json::Value;
use telemetry::LogFormat;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::error::FunctionError;

/// An environment works on one event at a time. A step holds a connection for its claim and one for
/// its work; the dataset's lock and the outcome take one more each.
const CONNECTIONS: usize = 5;

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
    /// Configuration and clients.
    pub ctx: Arc<Context>,
    /// When the work must have ended, a little before Lambda would end it.
    pub deadline: Instant,
}

/// Requests events until Lambda shuts the environment down, and passes each to `handle`.
///
/// Configuration and clients are built once, while the first event is waited for. If that fails,
/// the next event tries again and returns the error. So a mistake in the configuration is an error
/// with a name and does not end the process.
///
/// # Errors
///
/// The Lambda Runtime API does not respond as documented.
pub async fn serve<H, F>(handle: H) -> Result<(), Error>
where
    H: Fn(Invocation) -> F + Send + Sync,
    F: Future<Output = Result<Value, FunctionError>> + Send,
{
    telemetry::init_logs(LogFormat::Json, "info", std::io::stdout);
    // There is nothing to finish at shutdown: no event is being worked on then, and the connections
    // close with the process.
    lambda_runtime::spawn_graceful_shutdown_handler(|| async {
        tracing::info!("execution environment shut down");
    })
    .await;
    let context = Arc::new(OnceCell::new());
    tokio::spawn(warm_up(Arc::clone(&context)));
    lambda_runtime::run(service_fn(|event| -> Response<'_> {
        Box::pin(respond(event, &handle, &context))
    }))
    .await
}

/// Boxed, so that the runtime's own types do not nest around everything that a step does.
type Response<'a> = Pin<Box<dyn Future<Output = Result<Value, FunctionError>> + Send + 'a>>;

async fn respond<H, F>(
    event: LambdaEvent<Value>,
    handle: &H,
    context: &OnceCell<Arc<Context>>,
) -> Result<Value, FunctionError>
where
    H: Fn(Invocation) -> F + Sync,
    F: Future<Output = Result<Value, FunctionError>> + Send,
{
    let deadline = deadline(event.context.deadline(), SystemTime::now());
    let response = async {
        let ctx = connected(context).await?;
        handle(Invocation {
            event: event.payload,
            ctx,
            deadline,
        })
        .await
    };
    response
        .await
        .inspect_err(|error| error.log(&event.context.request_id))
}

async fn warm_up(context: Arc<OnceCell<Arc<Context>>>) {
    if let Err(error) = connected(&context).await {
        tracing::warn!(
            error.name = %error.name,
            error.message = %error.message,
            "configuration could not be loaded yet"
        );
    }
}

async fn connected(context: &OnceCell<Arc<Context>>) -> Result<Arc<Context>, PipelineError> {
    let context = context
        .get_or_try_init(|| async {
            let ctx = Context::connect(Environment::from_process()?, CONNECTIONS).await?;
            tracing::info!(stage = %ctx.config().env.stage, "configuration loaded");
            Ok::<_, PipelineError>(Arc::new(ctx))
        })
        .await?;
    Ok(Arc::clone(context))
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
