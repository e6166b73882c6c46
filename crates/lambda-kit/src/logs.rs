use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Our own variable, and Lambda's (set by the function's logging configuration), in this order.
const LEVELS: [&str; 2] = ["MDS_LOG", "AWS_LAMBDA_LOG_LEVEL"];

/// Log lines as JSON on standard output, where Lambda collects them; each carries the fields of the
/// invocation's span.
pub(crate) fn init() {
    let level = LEVELS
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::registry()
        .with(filter)
        .with(telemetry::our_lines())
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .with_target(false)
                .with_writer(std::io::stdout),
        )
        .init();
}
