use lambda_runtime::Diagnostic;
use pipeline::PipelineError;

/// How a failed invocation is reported: `errorType` is the name that the state machine matches on.
#[derive(Debug)]
pub(crate) struct FunctionError(pub(crate) PipelineError);

impl From<FunctionError> for Diagnostic {
    fn from(FunctionError(error): FunctionError) -> Self {
        Self {
            error_type: error.name.as_str().to_owned(),
            error_message: error.message,
        }
    }
}
