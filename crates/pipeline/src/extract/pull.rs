//! The request to the provider for the trips of an hour.

use std::io::Write;

use chrono::{DateTime, Utc};
use mds_client::{HourReport, HourResponse, MdsClient, MdsError};
use trips::block::Block;

use super::sink::ArchiveSink;
use crate::error::{ErrorName, PipelineError};

/// The status of a response that has no content.
pub(crate) const NO_CONTENT: u16 = 204;

/// An hour that the provider has returned.
pub(super) struct PulledHour<W: Write> {
    pub(super) sink: ArchiveSink<W>,
    pub(super) report: HourReport,
    /// Whether the provider says that it had no service in the hour, by 404 or 410.
    pub(super) has_no_service: bool,
}

/// Why an hour could not be pulled.
pub(super) enum PullError {
    /// What the client says.
    Client(Box<MdsError>),
    /// The hour has not ended, or is not published yet.
    Hour(PipelineError),
}

impl PullError {
    /// What came in place of MDS, if the client keeps it.
    pub(super) fn malformed_body(&self) -> Option<&[u8]> {
        match self {
            Self::Client(error) => error.body(),
            Self::Hour(_) => None,
        }
    }
}

impl From<PullError> for PipelineError {
    fn from(error: PullError) -> Self {
        match error {
            PullError::Client(error) => (*error).into(),
            PullError::Hour(error) => error,
        }
    }
}

/// Requests the block's trips and returns them in the last sink that `make_sink` made: each new
/// attempt at the whole hour starts with a new sink.
pub(super) async fn pull<W: Write + Send + 'static>(
    client: &MdsClient,
    block: &Block,
    now: DateTime<Utc>,
    make_sink: impl FnMut() -> ArchiveSink<W> + Send,
) -> Result<PulledHour<W>, PullError> {
    if block.hour.end() > now {
        return Err(PullError::Hour(PipelineError::new(
            ErrorName::InvalidInput,
            format!(
                "the hour that ends {} has not ended yet",
                block.hour.end().to_rfc3339()
            ),
        )));
    }
    let response = client.fetch_hour(block.hour, now, make_sink).await;
    match response.map_err(|error| PullError::Client(Box::new(error)))? {
        HourResponse::Ready { sink, report } => Ok(PulledHour {
            sink,
            report,
            has_no_service: false,
        }),
        HourResponse::NotOperating { sink, report } => Ok(PulledHour {
            sink,
            report,
            has_no_service: true,
        }),
        HourResponse::NotYet { http_status } => Err(PullError::Hour(PipelineError::new(
            ErrorName::ProviderNotReady,
            format!(
                "{} has not published the hour yet (HTTP {http_status})",
                block.provider
            ),
        ))),
    }
}
