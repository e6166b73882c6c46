//! What differs between the versions of the MDS Provider API, as a server sees it.

use std::fmt;
use std::str::FromStr;

/// A version of MDS that the sandbox's provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MdsVersion {
    /// 0.2: asked by `start_time` and `end_time`, times in seconds.
    V0_2,
    /// 0.3: asked by `min_end_time` and `max_end_time` in milliseconds.
    V0_3,
    /// 0.4: asked by the hour.
    V0_4,
    /// 1.0: another media type, `propulsion_types`.
    V1_0,
    /// 1.1: a past hour without trips is an empty list.
    V1_1,
    /// 1.2: a past hour that is not ready is a 102.
    V1_2,
    /// 2.0: flat trips, vehicles and telemetry with addresses of their own, 202 for an hour that is
    /// not ready.
    V2_0,
}

/// How the hour is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryStyle {
    /// Trips wholly inside a window of seconds.
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

    /// Major and minor number, as in a media type.
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

    /// What stands as `version` in an answer. Of 0.4 only the first release has pages.
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

    /// What a request must accept and an answer has, where the version has a media type.
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

    /// Whether times in an answer are seconds with fractions, not whole milliseconds.
    pub(super) fn has_seconds(self) -> bool {
        self == Self::V0_2
    }

    /// Whether trips are flat and vehicles stand elsewhere.
    pub(super) fn is_flat(self) -> bool {
        self >= Self::V2_0
    }

    pub(super) fn may_page(self) -> bool {
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

    /// What answers for an hour in the past whose trips are not ready; none where the version has
    /// no word for it but an empty list.
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

/// No version that the sandbox's provider speaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no MDS version of the sandbox's provider: 0.2, 0.3, 0.4, 1.0, 1.1, 1.2 and 2.0 are"
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
