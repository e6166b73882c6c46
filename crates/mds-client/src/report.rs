//! What a provider returned for an hour.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// What a provider returned for an hour.
#[derive(Debug)]
pub enum HourResponse<S> {
    /// The hour is published. It may have no trips.
    Ready {
        /// The sink, which has all trips of the hour.
        sink: S,
        /// How the fetch went.
        report: HourReport,
    },
    /// The hour is not published yet.
    NotYet {
        /// The status that says so.
        http_status: u16,
    },
    /// The provider had no service in that hour, so there are no trips.
    NotOperating {
        /// A sink that was begun and got no trip.
        sink: S,
        /// How the fetch went; its `http_status` is the one that says "no service".
        report: HourReport,
    },
}

/// How the fetch of an hour went. Holds no secret and no trip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HourReport {
    /// Pages read.
    pub pages: u32,
    /// Trips passed to the sink.
    pub trips: u64,
    /// Trips that were left out because they ended in another hour: 0.2 is queried with a wider
    /// window.
    pub trips_outside_window: u64,
    /// Trips of more than 64 MiB. The sink got a marker in the place of each, which counts as a
    /// trip.
    #[serde(skip_serializing_if = "is_zero")]
    pub trips_too_large: u64,
    /// Whether a page names an error beside its trips, so that some may be missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub names_error: bool,
    /// Status of the pages, 200; 204 if that was the whole response; or the status that says "no
    /// service".
    pub http_status: u16,
    /// The version that the body names. If it names none: the version of the `Content-Type`, or the
    /// configured one.
    pub version_served: String,
    /// The configured version, if trips of another one were served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_expected: Option<&'static str>,
    /// Size of the bodies after decompression.
    pub bytes: u64,
    /// Requests sent, failed ones included.
    pub requests: u32,
    /// Whether the last page names a next page that was not requested, since `paging` is off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub next_page_left: bool,
    /// Whether the reading ended at empty pages that have no end, with a next page left.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty_pages_left: bool,
    /// The query of the first page, without the parameters of the configured URL.
    #[serde(rename = "asked")]
    pub query: String,
    /// When the fetch began, by our clock.
    pub started_at: DateTime<Utc>,
    /// When the last byte had been read, by our clock.
    pub ended_at: DateTime<Utc>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
