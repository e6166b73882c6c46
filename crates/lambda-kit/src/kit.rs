//! The loop over events.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::Environment;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::{Context, PipelineError};
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::error::FunctionError;
use crate::logs;

/// An environment works on one event at a time. A step holds a connection for its claim and one for
/// its work; the dataset's lock and the outcome take one more each.
const CONNECTIONS: usize = 5;

/// What is kept of an invocation's time to write down how it ended: a tenth, within these bounds.
const MIN_RESERVE: Duration = Duration::from_secs(1);
const MAX_RESERVE: Duration = Duration::from_secs(10);

/// The longest that Lambda lets an invocation take.
const LONGEST_INVOCATION: Duration = Duration::from_secs(900);
/// An event is never handed out so long after its deadline. `cargo lambda watch` gives 1970 with
/// every event, which is to say none.
const NEVER_SO_LATE: Duration = Duration::from_secs(24 * 60 * 60);

/// One event, and what there is to work on it with.
#[derive(Clone)]
pub struct Invocation {
    /// The event as it came.
    pub event: Value,
    /// Configuration and clients.
    pub ctx: Arc<Context>,
    /// When the work must have ended, a little before Lambda would cut it off.
    pub deadline: Instant,
}

/// Asks for events until the environment is shut down, and hands each to `handle`.
///
/// Configuration and clients are made once. That begins at once, while the first event is waited
/// for; if it fails the next event tries again and answers what is wrong, so that a mistake in the
/// configuration is an error with a name and not a process that ends.
///
/// # Errors
///
/// The Lambda Runtime API does not answer as it should.
pub async fn serve<H, F>(handle: H) -> Result<(), Error>
where
    H: Fn(Invocation) -> F + Send + Sync,
    F: Future<Output = Result<Value, PipelineError>> + Send,
{
    logs::init();
    // Nothing is left to do when Lambda takes the environment away: no event is under way then, and
    // connections close with the process.
    lambda_runtime::spawn_graceful_shutdown_handler(|| async {
        tracing::info!("environment shut down");
    })
    .await;
    let context = Arc::new(OnceCell::new());
    tokio::spawn(warm_up(Arc::clone(&context)));
    lambda_runtime::run(service_fn(|event| -> Answer<'_> {
        Box::pin(answer(event, &handle, &context))
    }))
    .await
}

/// Boxed, so that the runtime's own types do not nest around all that a step does.
type Answer<'a> = Pin<Box<dyn Future<Output = Result<Value, FunctionError>> + Send + 'a>>;

async fn answer<H, F>(
    event: LambdaEvent<Value>,
    handle: &H,
    context: &OnceCell<Arc<Context>>,
) -> Result<Value, FunctionError>
where
    H: Fn(Invocation) -> F + Sync,
    F: Future<Output = Result<Value, PipelineError>> + Send,
{
    let deadline = deadline(event.context.deadline(), SystemTime::now());
    let answer = async {
        let ctx = connected(context).await?;
        handle(Invocation {
            event: event.payload,
            ctx,
            deadline,
        })
        .await
    };
    answer.await.map_err(|error| {
        tracing::error!(
            error.name = %error.name,
            error.message = %error.message,
            request_id = %event.context.request_id,
            "failed"
        );
        FunctionError(error)
    })
}

async fn warm_up(context: Arc<OnceCell<Arc<Context>>>) {
    if let Err(error) = connected(&context).await {
        tracing::warn!(
            error.name = %error.name,
            error.message = %error.message,
            "configuration could not be read yet"
        );
    }
}

async fn connected(context: &OnceCell<Arc<Context>>) -> Result<Arc<Context>, PipelineError> {
    let context = context
        .get_or_try_init(|| async {
            let ctx = Context::connect(Environment::from_process()?, CONNECTIONS).await?;
            tracing::info!(stage = %ctx.config().env.stage, "configured");
            Ok::<_, PipelineError>(Arc::new(ctx))
        })
        .await?;
    Ok(Arc::clone(context))
}

fn deadline(lambda: SystemTime, now: SystemTime) -> Instant {
    let left = match lambda.duration_since(now) {
        Ok(left) => left,
        Err(past) if past.duration() > NEVER_SO_LATE => LONGEST_INVOCATION,
        Err(_) => Duration::ZERO,
    };
    let reserve = (left / 10).clamp(MIN_RESERVE, MAX_RESERVE);
    Instant::now() + left.saturating_sub(reserve)
}

#[cfg(test)]
mod tests;
