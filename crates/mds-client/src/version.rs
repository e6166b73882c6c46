//! The differences between the versions of MDS. No other file knows them.

use std::str::FromStr;
use std::time::Duration;

use http_kit::Transient;
use trips::named_enum;

named_enum! {
    /// A version of the MDS Provider API, major and minor. Patch numbers make no difference.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum MdsVersion {
        /// 0.2: the query is a window of start and end, times are in seconds.
        V0_2 => "0.2",
        /// 0.3: the query is a window of the end, times are in milliseconds.
        V0_3 => "0.3",
        /// 0.4: one clock hour per request.
        V0_4 => "0.4",
        /// 1.0: another media type.
        V1_0 => "1.0",
        /// 1.1: an empty list always means an hour without trips.
        V1_1 => "1.1",
        /// 1.2: status 102 for an hour that is not ready.
        V1_2 => "1.2",
        /// 2.0: status 202 for an hour that is not ready, trips at the top of the body.
        V2_0 => "2.0",
    }
}

/// How an hour is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryStyle {
    /// `start_time` and `end_time`: trips that lie wholly inside the window (0.2). A trip across an
    /// edge of the window would be lost, so the window is wider than the hour, and the client
    /// leaves out trips that ended in another hour.
    WholeTripWindow,
    /// `min_end_time` and `max_end_time`: trips that ended in the half-open window (0.3).
    EndWindow,
    /// `end_time`: trips that ended in that UTC clock hour (0.4 and later).
    EndHour,
}

/// How an instant is written in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    /// Whole seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// `YYYY-MM-DDTHH`, UTC.
    Hour,
    /// `YYYY-MM-DDTHH:MM:SSZ`. No version of MDS has it, but some providers do.
    Rfc3339,
}

/// The unit of the timestamps in a body, as the version defines it. Providers confuse the two, so
/// readers also tell them apart by magnitude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds, sometimes with a fraction.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// The rules of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRules {
    /// How an hour is requested.
    pub query: QueryStyle,
    /// How the query writes an instant.
    pub time_format: TimeFormat,
    /// The `Accept` header.
    pub accept: &'static str,
    /// The unit of the timestamps in the body.
    pub body_unit: TimeUnit,
    /// Whether trips name only the device: its type and number are in `/vehicles`, routes are in
    /// `/telemetry`.
    pub vehicles_apart: bool,
    /// Whether "not ready" may be the interim status 102, which HTTP libraries skip.
    pub interim_not_ready: bool,
}

/// What a status says about an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusMeaning {
    /// The trips are in the body.
    Ready,
    /// The hour is not published yet: try again later.
    NotYet,
    /// There is nothing: no trips, or none yet.
    NoContent,
    /// The provider offered no service in that hour.
    NotOperating,
    /// The credentials were refused.
    Unauthorized,
    /// Too many requests.
    Throttled,
    /// A fault of the provider that can pass.
    Unavailable,
    /// The response is at another URL.
    Redirect,
    /// The request is refused, and would be refused again.
    Rejected,
    /// The status reports success but has no trips.
    Senseless,
}

/// The text is not one of the supported version numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not one of the supported MDS versions {}",
    MdsVersion::ALL.map(MdsVersion::as_str).join(", ")
)]
pub struct UnknownVersion;

impl MdsVersion {
    /// The number as bodies write it, for a body without one: `0.3.0`.
    pub fn body_number(self) -> String {
        format!("{}.0", self.as_str())
    }

    /// Whether bodies of this version have timestamps in seconds.
    pub fn has_seconds(self) -> bool {
        self.rules().body_unit == TimeUnit::Seconds
    }

    /// The rules of this version.
    pub const fn rules(self) -> VersionRules {
        VersionRules {
            query: self.query(),
            time_format: self.time_format(),
            accept: self.accept(),
            body_unit: match self {
                Self::V0_2 => TimeUnit::Seconds,
                _ => TimeUnit::Milliseconds,
            },
            vehicles_apart: matches!(self, Self::V2_0),
            interim_not_ready: matches!(self, Self::V1_2),
        }
    }

    const fn query(self) -> QueryStyle {
        match self {
            Self::V0_2 => QueryStyle::WholeTripWindow,
            Self::V0_3 => QueryStyle::EndWindow,
            _ => QueryStyle::EndHour,
        }
    }

    const fn time_format(self) -> TimeFormat {
        match self {
            Self::V0_2 => TimeFormat::Seconds,
            Self::V0_3 => TimeFormat::Milliseconds,
            _ => TimeFormat::Hour,
        }
    }

    const fn accept(self) -> &'static str {
        match self {
            // 0.2 defines no media type.
            Self::V0_2 => "application/json",
            Self::V0_3 => "application/vnd.mds.provider+json;version=0.3",
            Self::V0_4 => "application/vnd.mds.provider+json;version=0.4",
            Self::V1_0 => "application/vnd.mds+json;version=1.0",
            Self::V1_1 => "application/vnd.mds+json;version=1.1",
            Self::V1_2 => "application/vnd.mds+json;version=1.2",
            Self::V2_0 => "application/vnd.mds+json;version=2.0",
        }
    }

    /// The number of this version, the configured one, if another one was served: its trips may
    /// lack what those of this version have.
    pub(crate) fn expected_instead_of(self, served: &str) -> Option<&'static str> {
        if served.parse() == Ok(self) {
            return None;
        }
        tracing::warn!(
            mds.version_served = served,
            mds.version_expected = self.as_str(),
            "provider serves another version than its entry has"
        );
        Some(self.as_str())
    }
}

impl StatusMeaning {
    /// What `status` says about an hour that ended `age` ago (zero if it has not ended).
    ///
    /// The later versions define 404 as "not operating", the first ones not at all. Providers also
    /// return it, or 410, while they still process the hour, and for plain faults. So a young hour
    /// counts as not ready in every version, and one that is `grace` old as one without service.
    pub(crate) fn of(status: u16, age: Duration, grace: Duration) -> Self {
        match Transient::from_status(status) {
            Some(Transient::Throttled) => return Self::Throttled,
            Some(Transient::Unavailable) => return Self::Unavailable,
            None => {}
        }
        match status {
            200 => Self::Ready,
            204 => Self::NoContent,
            102 | 202 => Self::NotYet,
            300..=303 | 307 | 308 => Self::Redirect,
            401 | 403 => Self::Unauthorized,
            404 | 410 if age < grace => Self::NotYet,
            404 | 410 => Self::NotOperating,
            400..=499 => Self::Rejected,
            _ => Self::Senseless,
        }
    }
}

impl FromStr for MdsVersion {
    type Err = UnknownVersion;

    /// Reads a version with or without a patch number: `1.2`, `1.2.0`.
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let mut parts = text.trim().splitn(3, '.');
        let major = parts.next().unwrap_or_default();
        let minor = parts.next().unwrap_or("0");
        if let Some(patch) = parts.next()
            && !patch.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err(UnknownVersion);
        }
        let number = format!("{major}.{minor}");
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == number)
            .ok_or(UnknownVersion)
    }
}

#[cfg(test)]
mod tests;
