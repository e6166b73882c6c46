//! What differs between the versions of MDS: the only place that knows.

use std::str::FromStr;
use std::time::Duration;

use trips::named_enum;

named_enum! {
    /// A version of the MDS Provider API, major and minor; a patch number changes nothing for us.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum MdsVersion {
        /// 0.2: windows of start and end, times in seconds.
        V0_2 => "0.2",
        /// 0.3: windows of the end, times in milliseconds.
        V0_3 => "0.3",
        /// 0.4: one clock hour a request.
        V0_4 => "0.4",
        /// 1.0: another media type.
        V1_0 => "1.0",
        /// 1.1: an empty list now surely means an hour without trips.
        V1_1 => "1.1",
        /// 1.2: 102 for an hour that is not ready.
        V1_2 => "1.2",
        /// 2.0: 202 for an hour that is not ready, trips at the top of the body.
        V2_0 => "2.0",
    }
}

/// How an hour is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryStyle {
    /// `start_time` and `end_time`: trips that lie wholly inside (0.2). Asked with a look-back and
    /// a look-ahead, since a trip over an edge of the window would be lost; what ended in another
    /// hour is then left out by us.
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
}

/// The unit of the timestamps in a body, as the version has it. Providers mix the two up, so
/// readers tell them apart by magnitude as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds, with fractions at times.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// Where the list of trips stands in a body. Readers accept both at any version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// `{"data": {"trips": […]}}`.
    Data,
    /// `{"trips": […]}`.
    TopLevel,
}

/// What 404 and 410 mean for an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// The version knows no such answer: the URL is wrong.
    WrongUrl,
    /// No data or not ready, nobody can tell which. Every later version says "not operating", but
    /// providers go on using 404 for "still processing" and for plain faults, so a young hour is
    /// taken as not ready and only one older than the grace period as an hour without service.
    NotReadyWhileYoung,
}

/// The differences that a client has to know about, for one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRules {
    /// How an hour is asked for.
    pub query: QueryStyle,
    /// How the query writes an instant.
    pub time_format: TimeFormat,
    /// The `Accept` header.
    pub accept: &'static str,
    /// Where the trips stand.
    pub envelope: Envelope,
    /// The unit of the timestamps in the body.
    pub body_unit: TimeUnit,
    /// What 404 and 410 mean.
    pub not_found: NotFound,
    /// Whether trips name only the device, whose type and number `/vehicles` tells, and routes are
    /// `/telemetry`'s.
    pub vehicles_apart: bool,
    /// Whether "not ready" may come as the interim status 102, which HTTP libraries swallow.
    pub interim_not_ready: bool,
}

/// What a status says about an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusMeaning {
    /// The trips are in the body.
    Ready,
    /// The hour is not published yet: ask again later.
    NotYet,
    /// The provider says it offered no service in that hour.
    NotOperating,
    /// The credentials were refused.
    Unauthorized,
    /// Too many requests.
    Throttled,
    /// A fault of the provider's that can pass.
    Unavailable,
    /// The answer is elsewhere.
    Redirect,
    /// The request is refused and will be refused again.
    Rejected,
    /// A status that says success but carries no trips.
    Senseless,
}

/// A version number that is none of the supported ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is none of the supported MDS versions {}",
    MdsVersion::ALL.map(MdsVersion::as_str).join(", ")
)]
pub struct UnknownVersion;

impl MdsVersion {
    /// The number in the form that bodies carry, for a body that carries none: `0.3.0`.
    pub fn body_number(self) -> String {
        format!("{}.0", self.as_str())
    }

    /// What a client has to know about this version.
    pub const fn rules(self) -> VersionRules {
        VersionRules {
            query: self.query(),
            time_format: self.time_format(),
            accept: self.accept(),
            envelope: match self {
                Self::V2_0 => Envelope::TopLevel,
                _ => Envelope::Data,
            },
            body_unit: match self {
                Self::V0_2 => TimeUnit::Seconds,
                _ => TimeUnit::Milliseconds,
            },
            not_found: match self {
                Self::V0_2 | Self::V0_3 => NotFound::WrongUrl,
                _ => NotFound::NotReadyWhileYoung,
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
            // 0.2 has no media type of its own.
            Self::V0_2 => "application/json",
            Self::V0_3 => "application/vnd.mds.provider+json;version=0.3",
            Self::V0_4 => "application/vnd.mds.provider+json;version=0.4",
            Self::V1_0 => "application/vnd.mds+json;version=1.0",
            Self::V1_1 => "application/vnd.mds+json;version=1.1",
            Self::V1_2 => "application/vnd.mds+json;version=1.2",
            Self::V2_0 => "application/vnd.mds+json;version=2.0",
        }
    }

    /// What `status` says about an hour that ended `age` ago (zero if it has not ended), where a
    /// 404 is believed once the hour is `grace` old.
    pub fn meaning(self, status: u16, age: Duration, grace: Duration) -> StatusMeaning {
        match status {
            200 => StatusMeaning::Ready,
            102 | 202 => StatusMeaning::NotYet,
            300..=303 | 307 | 308 => StatusMeaning::Redirect,
            401 | 403 => StatusMeaning::Unauthorized,
            404 | 410 => match self.rules().not_found {
                NotFound::WrongUrl => StatusMeaning::Rejected,
                NotFound::NotReadyWhileYoung if age < grace => StatusMeaning::NotYet,
                NotFound::NotReadyWhileYoung => StatusMeaning::NotOperating,
            },
            408 | 500..=599 => StatusMeaning::Unavailable,
            429 => StatusMeaning::Throttled,
            400..=499 => StatusMeaning::Rejected,
            _ => StatusMeaning::Senseless,
        }
    }
}

impl FromStr for MdsVersion {
    type Err = UnknownVersion;

    /// Reads `1.2`, `1.2.0` or any other patch of it.
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
