//! What providers are known to do otherwise than MDS says, each to be played at will.

use std::fmt;
use std::str::FromStr;

/// One thing that a provider does otherwise than MDS says, in every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Oddity {
    /// The query's parameters have other names: `from` and `to`, or `hour`.
    RenamedParameters,
    /// Times are whole seconds where the version has milliseconds.
    SecondsForMilliseconds,
    /// Times are milliseconds where the version (0.2) has seconds.
    MillisecondsForSeconds,
    /// Times are texts that hold the number.
    TextTimes,
    /// Times have a fraction.
    FractionalTimes,
    /// Ids of trips and devices are whole numbers.
    IntegerIds,
    /// UUIDs are in upper case.
    UpperCaseIds,
    /// Optional fields that are not known are null.
    NullFields,
    /// No optional field is there.
    AbsentFields,
    /// Trips have keys that no version knows.
    UnknownKeys,
    /// Every fourth trip ended an hour before the one asked for.
    OutsideHour,
    /// Whichever hour is asked for, the answer is the first one (UTC) of its day.
    IgnoresHour,
    /// Every trip comes a second time, later and with another price.
    ChangedDuplicates,
    /// Latitude and longitude stand in each other's place.
    SwappedCoordinates,
    /// Routes have one point.
    OnePointRoute,
    /// Trips have no route.
    NoRoute,
    /// The points of a route come last first.
    UnorderedRoute,
    /// 2.0: the trip type is a list.
    TripTypeList,
    /// The list of trips stands where another version has it.
    OtherEnvelope,
    /// The Content-Type is text/plain.
    PlainContentType,
    /// The body begins with a byte order mark.
    ByteOrderMark,
    /// The body is packed with gzip, asked or not.
    Gzip,
    /// The body ends in the middle, though the connection says that it is whole.
    Truncated,
    /// A page of HTML with status 200.
    Html,
    /// An error object with status 200.
    ErrorObject,
    /// Answers have pages, whatever the version says of them.
    ForbiddenPages,
    /// The link to the next page leads back to the first.
    NextLoops,
    /// The link to the next page leads to another host.
    NextElsewhere,
    /// There is always a next page.
    NextEndless,
    /// The body goes on for ever, a byte at a time.
    Trickle,
    /// The body has 2 GiB.
    HugeBody,
    /// A redirect to another host.
    RedirectElsewhere,
    /// The first request for an hour is a 429 with Retry-After in seconds.
    ThrottledSeconds,
    /// The first request for an hour is a 429 with Retry-After as a date.
    ThrottledDate,
    /// The first two requests for an hour are a 503.
    DownAtFirst,
    /// The first answer for an hour is reset amid its body.
    ResetAtFirst,
}

/// Names and descriptions, in the order of the variants.
const TEXTS: [(&str, &str); 36] = [
    (
        "renamed-parameters",
        "the query's parameters have other names: `from` and `to`, or `hour`",
    ),
    (
        "seconds-for-milliseconds",
        "times are whole seconds where the version has milliseconds",
    ),
    (
        "milliseconds-for-seconds",
        "times are milliseconds where the version (0.2) has seconds",
    ),
    ("text-times", "times are texts that hold the number"),
    ("fractional-times", "times have a fraction"),
    ("integer-ids", "ids of trips and devices are whole numbers"),
    ("upper-case-ids", "UUIDs are in upper case"),
    ("null-fields", "optional fields that are not known are null"),
    ("absent-fields", "no optional field is there"),
    ("unknown-keys", "trips have keys that no version knows"),
    (
        "outside-hour",
        "every fourth trip ended an hour before the one asked for",
    ),
    (
        "ignores-hour",
        "whichever hour is asked for, the answer is the first one (UTC) of its day",
    ),
    (
        "changed-duplicates",
        "every trip comes a second time, later and with another price",
    ),
    (
        "swapped-coordinates",
        "latitude and longitude stand in each other's place",
    ),
    ("one-point-route", "routes have one point"),
    ("no-route", "trips have no route"),
    ("unordered-route", "the points of a route come last first"),
    ("trip-type-list", "2.0: the trip type is a list"),
    (
        "other-envelope",
        "the list of trips stands where another version has it",
    ),
    ("plain-content-type", "the Content-Type is text/plain"),
    ("byte-order-mark", "the body begins with a byte order mark"),
    ("gzip", "the body is packed with gzip, asked or not"),
    (
        "truncated",
        "the body ends in the middle, though the connection says that it is whole",
    ),
    ("html", "a page of HTML with status 200"),
    ("error-object", "an error object with status 200"),
    (
        "forbidden-pages",
        "answers have pages, whatever the version says of them",
    ),
    (
        "next-loops",
        "the link to the next page leads back to the first",
    ),
    (
        "next-elsewhere",
        "the link to the next page leads to another host",
    ),
    ("next-endless", "there is always a next page"),
    ("trickle", "the body goes on for ever, a byte at a time"),
    ("huge-body", "the body has 2 GiB"),
    ("redirect-elsewhere", "a redirect to another host"),
    (
        "throttled-seconds",
        "the first request for an hour is a 429 with Retry-After in seconds",
    ),
    (
        "throttled-date",
        "the first request for an hour is a 429 with Retry-After as a date",
    ),
    (
        "down-at-first",
        "the first two requests for an hour are a 503",
    ),
    (
        "reset-at-first",
        "the first answer for an hour is reset amid its body",
    ),
];

impl Oddity {
    /// Every oddity.
    pub const ALL: [Self; 36] = [
        Self::RenamedParameters,
        Self::SecondsForMilliseconds,
        Self::MillisecondsForSeconds,
        Self::TextTimes,
        Self::FractionalTimes,
        Self::IntegerIds,
        Self::UpperCaseIds,
        Self::NullFields,
        Self::AbsentFields,
        Self::UnknownKeys,
        Self::OutsideHour,
        Self::IgnoresHour,
        Self::ChangedDuplicates,
        Self::SwappedCoordinates,
        Self::OnePointRoute,
        Self::NoRoute,
        Self::UnorderedRoute,
        Self::TripTypeList,
        Self::OtherEnvelope,
        Self::PlainContentType,
        Self::ByteOrderMark,
        Self::Gzip,
        Self::Truncated,
        Self::Html,
        Self::ErrorObject,
        Self::ForbiddenPages,
        Self::NextLoops,
        Self::NextElsewhere,
        Self::NextEndless,
        Self::Trickle,
        Self::HugeBody,
        Self::RedirectElsewhere,
        Self::ThrottledSeconds,
        Self::ThrottledDate,
        Self::DownAtFirst,
        Self::ResetAtFirst,
    ];

    /// The name by which it is chosen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        TEXTS[self as usize].0
    }

    /// What the provider does, in words.
    #[must_use]
    pub const fn description(self) -> &'static str {
        TEXTS[self as usize].1
    }

    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No oddity of the sandbox's provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no oddity of the sandbox's provider")]
pub struct UnknownOddity(String);

impl FromStr for Oddity {
    type Err = UnknownOddity;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|oddity| oddity.name() == name)
            .ok_or_else(|| UnknownOddity(name.to_owned()))
    }
}

/// A set of oddities, small enough to copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities(u64);

impl Oddities {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether it is in the set.
    #[must_use]
    pub const fn has(self, oddity: Oddity) -> bool {
        self.0 & oddity.bit() != 0
    }

    /// Whether one of them is in the set.
    #[must_use]
    pub fn has_any(self, oddities: &[Oddity]) -> bool {
        oddities.iter().any(|oddity| self.has(*oddity))
    }

    /// The oddities of the set.
    pub fn iter(self) -> impl Iterator<Item = Oddity> {
        Oddity::ALL
            .into_iter()
            .filter(move |oddity| self.has(*oddity))
    }
}

impl FromIterator<Oddity> for Oddities {
    fn from_iter<I: IntoIterator<Item = Oddity>>(oddities: I) -> Self {
        Self(
            oddities
                .into_iter()
                .fold(0, |bits, oddity| bits | oddity.bit()),
        )
    }
}

impl<const N: usize> From<[Oddity; N]> for Oddities {
    fn from(oddities: [Oddity; N]) -> Self {
        oddities.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
