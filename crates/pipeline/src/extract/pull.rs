//! The request to the provider for the trips of an hour.

use std::io::Write;

use chrono::{DateTime, Utc};
use mds_client::{HourReport, HourResponse, MdsClient};
use trips::block::Block;

use super::sink::ArchiveSink;
use crate::error::{ErrorName, PipelineError};

/// The status of a response that has no content.
pub(crate) const NO_CONTENT: u16 = 204;

/// An hour that the provider has returned.
pub(super) struct PulledHour<W: Write> {
    pub(super) sink: ArchiveSink<W>,
    pub(super) report: HourReport,
    /// Whether only a status says that there are no trips: 404 or 410, "no service", or 204. Any
    /// server on the way may return these.
    pub(super) is_status_alone: bool,
}

/// Requests the block's trips and returns them in the last sink that `make_sink` made: each new
/// attempt at the whole hour starts with a new sink.
pub(super) async fn pull<W: Write + Send + 'static>(
    client: &MdsClient,
    block: &Block,
    now: DateTime<Utc>,
    make_sink: impl FnMut() -> ArchiveSink<W> + Send,
) -> Result<PulledHour<W>, PipelineError> {
    if block.hour.end() > now {
        return Err(PipelineError::new(
            ErrorName::InvalidInput,
            format!(
                "the hour that ends {} has not ended yet",
                block.hour.end().to_rfc3339()
            ),
        ));
    }
    match client.fetch_hour(block.hour, now, make_sink).await? {
        HourResponse::Ready { sink, report } => Ok(PulledHour {
            is_status_alone: report.http_status == NO_CONTENT,
            sink,
            report,
        }),
        HourResponse::NotOperating { sink, report } => Ok(PulledHour {
            sink,
            report,
            is_status_alone: true,
        }),
        HourResponse::NotYet { http_status } => Err(PipelineError::new(
            ErrorName::ProviderNotReady,
            format!(
                "{} has not published the hour yet (HTTP {http_status})",
                block.provider
            ),
        )),
    }
}
