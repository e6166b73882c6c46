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
    /// Whether the provider says that it had no service in the hour, by 404 or 410.
    pub(super) has_no_service: bool,
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
            sink,
            report,
            has_no_service: false,
        }),
        HourResponse::NotOperating { sink, report } => Ok(PulledHour {
            sink,
            report,
            has_no_service: true,
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
