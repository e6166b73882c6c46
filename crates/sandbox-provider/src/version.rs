//! The differences between the versions of the MDS Provider API, from a server's point of view.
//!
//! `mds-client` has an enum of the same name, with the same differences from a client's point of
//! view. Both are written from the specification, independently of each other, on purpose: the
//! sandbox is the oracle of the tests, and a mistake in shared code would make client and server
//! agree on something wrong.

use std::fmt;
use std::str::FromStr;

/// A version of MDS that the sandbox's provider supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MdsVersion {
    /// 0.2: queried by `start_time` and `end_time`; times are seconds.
    V0_2,
    /// 0.3: queried by `min_end_time` and `max_end_time` in milliseconds.
    V0_3,
    /// 0.4: queried by the hour.
    V0_4,
    /// 1.0: another media type, `propulsion_types`.
    V1_0,
    /// 1.1: a past hour without trips is an empty list.
    V1_1,
    /// 1.2: a past hour that is not ready gets a 102.
    V1_2,
    /// 2.0: flat trips; separate endpoints for vehicles and telemetry; 202 for a past hour that is
    /// not ready.
    V2_0,
}

/// How an hour is queried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryStyle {
    /// Trips that start and end inside a window of seconds.
    StartAndEnd,
    /// Trips that end inside a half-open window of milliseconds.
    EndBetween,
    /// Trips that end in one clock hour.
    EndHour,
}

impl MdsVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 7] = [
        Self::V0_2,
        Self::V0_3,
        Self::V0_4,
        Self::V1_0,
        Self::V1_1,
        Self::V1_2,
        Self::V2_0,
    ];

    /// The major and minor number, as in a media type.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::V0_2 => "0.2",
            Self::V0_3 => "0.3",
            Self::V0_4 => "0.4",
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V2_0 => "2.0",
        }
    }

    /// The value of `version` in a body. In 0.4 only the first release has pages.
    pub(super) fn in_body(self, paged: bool) -> &'static str {
        match self {
            Self::V0_2 => "0.2.1",
            Self::V0_3 => "0.3.2",
            Self::V0_4 if paged => "0.4.0",
            Self::V0_4 => "0.4.1",
            Self::V1_0 => "1.0.0",
            Self::V1_1 => "1.1.1",
            Self::V1_2 => "1.2.0",
            Self::V2_0 => "2.0.2",
        }
    }

    /// The media type of requests and responses, in the versions that have one.
    pub(super) fn media_type(self) -> Option<String> {
        let kind = match self {
            Self::V0_2 => return None,
            Self::V0_3 | Self::V0_4 => "vnd.mds.provider+json",
            Self::V1_0 | Self::V1_1 | Self::V1_2 | Self::V2_0 => "vnd.mds+json",
        };
        Some(format!("application/{kind};version={}", self.short()))
    }

    pub(super) fn query_style(self) -> QueryStyle {
        match self {
            Self::V0_2 => QueryStyle::StartAndEnd,
            Self::V0_3 => QueryStyle::EndBetween,
            _ => QueryStyle::EndHour,
        }
    }

    /// Whether times in a body are seconds with fractions instead of whole milliseconds.
    pub(super) fn has_seconds(self) -> bool {
        self == Self::V0_2
    }

    /// Whether trips are flat, without the vehicle's properties and without a route.
    pub(super) fn is_flat(self) -> bool {
        self >= Self::V2_0
    }

    pub(super) fn has_pages(self) -> bool {
        self <= Self::V0_4
    }

    pub(super) fn has_publication_time(self) -> bool {
        self >= Self::V0_3
    }

    pub(super) fn has_currency(self) -> bool {
        self >= Self::V0_4
    }

    pub(super) fn has_propulsion_types(self) -> bool {
        self >= Self::V1_0
    }

    /// The status for a past hour that is not ready. In versions with `None` the response is an
    /// empty list.
    pub(super) fn not_ready_status(self) -> Option<u16> {
        match self {
            Self::V0_2 | Self::V0_3 => None,
            Self::V0_4 | Self::V1_0 | Self::V1_1 => Some(404),
            Self::V1_2 => Some(102),
            Self::V2_0 => Some(202),
        }
    }
}

impl fmt::Display for MdsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

/// The version is not one that the sandbox's provider supports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the sandbox's provider does not support MDS version {0:?}, only 0.2, 0.3, 0.4, 1.0, 1.1, 1.2 and 2.0"
)]
pub struct UnknownVersion(String);

impl FromStr for MdsVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let short: Vec<&str> = text.trim().splitn(3, '.').take(2).collect();
        let short = short.join(".");
        Self::ALL
            .into_iter()
            .find(|version| version.short() == short)
            .ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
