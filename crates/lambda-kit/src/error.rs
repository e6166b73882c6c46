//! How a failed invocation is reported, to Lambda and to the log.

use chrono::{DateTime, Utc};
use lambda_runtime::Diagnostic;
use pipeline::PipelineError;
use tracing::Span;
use trips::block::Stage;

use crate::metrics;

/// Why an invocation failed, and the span of the step that it did.
#[derive(Debug)]
pub struct FunctionError {
    error: PipelineError,
    span: Span,
}

impl FunctionError {
    /// The error of a step.
    pub(crate) fn of_step(error: PipelineError, span: Span) -> Self {
        Self { error, span }
    }

    /// Writes the error to the log, once, with the fields of the step, and counts it.
    pub(crate) fn report(&self, request_id: &str, began: DateTime<Utc>) {
        metrics::error_returned(stage(), began, self.error.name);
        self.span.in_scope(|| {
            tracing::error!(
                error.name = %self.error.name,
                error.message = %self.error.message,
                request_id,
                "function failed"
            );
        });
    }
}

/// The stage's name as the template's alarms have it, also if the rest of the configuration cannot
/// be read.
fn stage() -> Stage {
    std::env::var("ATD_MDS_RUN_MODE")
        .ok()
        .and_then(|mode| mode.trim().parse().ok())
        .unwrap_or(Stage::Staging)
}

impl From<PipelineError> for FunctionError {
    fn from(error: PipelineError) -> Self {
        Self {
            error,
            span: Span::none(),
        }
    }
}

/// `errorType` is the name that the state machine matches on.
impl From<FunctionError> for Diagnostic {
    fn from(FunctionError { error, .. }: FunctionError) -> Self {
        Self {
            error_type: error.name.as_str().to_owned(),
            error_message: error.message,
        }
    }
}
