//! The end of an execution environment.

use lambda_extension::Extension;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Lambda announces the end of an environment with SIGTERM only if the environment has an
/// extension. This one subscribes to no event.
const EXTENSION: &str = "mds-etl-shutdown";

/// Awaits `at_shutdown` when Lambda ends the environment, and exits.
///
/// It has to be called before the first event is requested. An environment without the Extensions
/// API gets a warning and works on: `lambda_runtime::spawn_graceful_shutdown_handler` would panic
/// there.
pub(crate) async fn at_shutdown<F>(at_shutdown: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let extension = Extension::new()
        .with_events(&[])
        .with_extension_name(EXTENSION);
    match extension.register().await {
        Ok(extension) => {
            tokio::spawn(async move {
                // The start of the environment ends once this requests an event. None ever comes,
                // and an error takes nothing away.
                let _ = extension.run().await;
            });
        }
        Err(error) => warn(&*error),
    }
    let (terminate, interrupt) = match signals() {
        Ok(signals) => signals,
        Err(error) => return warn(&error),
    };
    tokio::spawn(async move {
        first(terminate, interrupt).await;
        at_shutdown.await;
        tracing::info!("execution environment shut down");
        std::process::exit(0);
    });
}

fn warn(error: &dyn std::error::Error) {
    tracing::warn!(
        error.message = %error,
        "end of the execution environment will not be announced to this process"
    );
}

fn signals() -> std::io::Result<(Signal, Signal)> {
    Ok((
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    ))
}

async fn first(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
