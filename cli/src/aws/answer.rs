//! What a service has answered to a request that failed, in one line.

use std::error::Error;

use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use vault::root_cause;

/// The service's own words, or why there are none. The SDK's own display has the whole response in
/// it.
pub(super) fn refusal<E>(error: &SdkError<E>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let words = match (error.code(), error.message(), status) {
        (Some(code), Some(message), _) => format!("{code}: {message}"),
        (Some(code), None, _) => code.to_owned(),
        (None, _, Some(status)) => format!("HTTP status {status}"),
        (None, _, None) => root_cause(error),
    };
    anyhow::Error::msg(words)
}
