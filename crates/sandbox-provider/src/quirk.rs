//! The known ways in which providers deviate from MDS. The sandbox can imitate each of them.

use std::str::FromStr;

use trips::named_enum;

named_enum! {
    /// One deviation of a provider from MDS. It applies to every response.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Quirk {
        /// The query's parameters have other names: `from` and `to`, or `hour`.
        RenamedParameters => (
            "renamed-parameters",
            "the query's parameters have other names: `from` and `to`, or `hour`"
        ),
        /// Times are whole seconds where the version has milliseconds.
        SecondsForMilliseconds => (
            "seconds-for-milliseconds",
            "times are whole seconds where the version has milliseconds"
        ),
        /// Times are milliseconds where the version (0.2) has seconds.
        MillisecondsForSeconds => (
            "milliseconds-for-seconds",
            "times are milliseconds where the version (0.2) has seconds"
        ),
        /// Times are texts that hold the number.
        TextTimes => ("text-times", "times are texts that hold the number"),
        /// Times have a fraction.
        FractionalTimes => ("fractional-times", "times have a fraction"),
        /// Ids of trips and devices are whole numbers.
        IntegerIds => ("integer-ids", "ids of trips and devices are whole numbers"),
        /// UUIDs are in upper case.
        UpperCaseIds => ("upper-case-ids", "UUIDs are in upper case"),
        /// Optional fields that are not known are null.
        NullFields => ("null-fields", "optional fields that are not known are null"),
        /// Optional fields are absent.
        AbsentFields => ("absent-fields", "optional fields are absent"),
        /// Trips have keys that no version knows.
        UnknownKeys => ("unknown-keys", "trips have keys that no version knows"),
        /// Every fourth trip ended an hour before the requested one.
        OutsideHour => ("outside-hour", "every fourth trip ended an hour before the requested one"),
        /// For every requested hour, the response is the first one (UTC) of its day.
        IgnoresHour => (
            "ignores-hour",
            "for every requested hour, the response is the first one (UTC) of its day"
        ),
        /// Every trip is sent a second time, later and with another price.
        ChangedDuplicates => (
            "changed-duplicates",
            "every trip is sent a second time, later and with another price"
        ),
        /// Latitude and longitude are swapped.
        SwappedCoordinates => (
            "swapped-coordinates",
            "latitude and longitude are swapped"
        ),
        /// Routes have one point.
        OnePointRoute => ("one-point-route", "routes have one point"),
        /// Trips have no route.
        NoRoute => ("no-route", "trips have no route"),
        /// The points of a route are in reverse order.
        UnorderedRoute => ("unordered-route", "the points of a route are in reverse order"),
        /// Every fourth trip has the id of another provider.
        ForeignProvider => (
            "foreign-provider",
            "every fourth trip has the id of another provider"
        ),
        /// Costs are in the currency's major unit, such as dollars.
        MajorCosts => ("major-costs", "costs are in the currency's major unit, such as dollars"),
        /// Optional fields have another type, or a value out of range.
        OddOptionalFields => (
            "odd-optional-fields",
            "optional fields have another type, or a value out of range"
        ),
        /// Durations are in milliseconds.
        DurationsInMilliseconds => (
            "durations-in-milliseconds",
            "durations are in milliseconds"
        ),
        /// The vehicle type is the provider's own text.
        OwnVehicleTypes => ("own-vehicle-types", "the vehicle type is the provider's own text"),
        /// 2.0: locations are features of GeoJSON.
        FeatureLocations => ("feature-locations", "2.0: locations are features of GeoJSON"),
        /// 2.0: the trip type is a list.
        TripTypeList => ("trip-type-list", "2.0: the trip type is a list"),
        /// 2.0: the number on a vehicle is sent as a number.
        NumericVehicleIds => (
            "numeric-vehicle-ids",
            "2.0: the number on a vehicle is sent as a number"
        ),
        /// 2.0: every vehicle is listed twice, at first with another type.
        RepeatedVehicles => (
            "repeated-vehicles",
            "2.0: every vehicle is listed twice, at first with another type"
        ),
        /// 2.0: every response about vehicles takes 2 seconds.
        SlowVehicles => ("slow-vehicles", "2.0: every response about vehicles takes 2 seconds"),
        /// 2.0: the first response with telemetry breaks off in the middle.
        TelemetryBreaksOff => (
            "telemetry-breaks-off",
            "2.0: the first response with telemetry breaks off in the middle"
        ),
        /// The list of trips is where another version has it.
        OtherEnvelope => (
            "other-envelope",
            "the list of trips is where another version has it"
        ),
        /// The Content-Type is text/plain.
        PlainContentType => ("plain-content-type", "the Content-Type is text/plain"),
        /// The body starts with a byte order mark.
        ByteOrderMark => ("byte-order-mark", "the body starts with a byte order mark"),
        /// The body is compressed with gzip, whatever the request accepts.
        Gzip => ("gzip", "the body is compressed with gzip, whatever the request accepts"),
        /// The body ends in the middle, but the connection ends as if it were complete.
        Truncated => (
            "truncated",
            "the body ends in the middle, but the connection ends as if it were complete"
        ),
        /// The response is a page of HTML with status 200.
        Html => ("html", "the response is a page of HTML with status 200"),
        /// The response is an error object with status 200.
        ErrorObject => ("error-object", "the response is an error object with status 200"),
        /// Responses have pages, even if the version forbids them.
        ForbiddenPages => (
            "forbidden-pages",
            "responses have pages, even if the version forbids them"
        ),
        /// The link to the next page leads back to the first.
        NextLoops => ("next-loops", "the link to the next page leads back to the first"),
        /// The link to the next page leads to another host.
        NextElsewhere => ("next-elsewhere", "the link to the next page leads to another host"),
        /// There is always a next page.
        NextEndless => ("next-endless", "there is always a next page"),
        /// The link to the next page has no other parameter than the page.
        NextWithoutQuery => (
            "next-without-query",
            "the link to the next page lacks the query; without an hour, other trips are returned"
        ),
        /// After the last page comes an empty one that links to itself.
        EmptyPageLoops => (
            "empty-page-loops",
            "after the last page comes an empty one that links to itself"
        ),
        /// After the last page come empty ones without end.
        EmptyPagesEndless => (
            "empty-pages-endless",
            "after the last page come empty ones without end"
        ),
        /// Every second page is empty.
        EmptyPagesBetween => ("empty-pages-between", "every second page is empty"),
        /// Every fourth trip has NaN and Infinity for numbers.
        NonFiniteNumbers => (
            "non-finite-numbers",
            "every fourth trip has NaN and Infinity for numbers"
        ),
        /// Every fourth trip has a letter in Latin-1, which is not UTF-8.
        Latin1 => (
            "latin-1",
            "every fourth trip has a letter in Latin-1, which is not UTF-8"
        ),
        /// The first trip of the hour has more than 64 MiB.
        HugeTrip => ("huge-trip", "the first trip of the hour has more than 64 MiB"),
        /// Every hour is a 204.
        NoContent => ("no-content", "every hour is a 204 without content"),
        /// Every hour is a 404.
        NotFound => ("not-found", "every hour is a 404"),
        /// The body never ends, and arrives one byte at a time.
        Trickle => ("trickle", "the body never ends, and arrives one byte at a time"),
        /// The body has 2 GiB.
        HugeBody => ("huge-body", "the body has 2 GiB"),
        /// The response is a redirect to another host.
        RedirectElsewhere => ("redirect-elsewhere", "the response is a redirect to another host"),
        /// The first request for an hour gets a 429 with Retry-After in seconds.
        ThrottledSeconds => (
            "throttled-seconds",
            "the first request for an hour gets a 429 with Retry-After in seconds"
        ),
        /// The first request for an hour gets a 429 with Retry-After as a date.
        ThrottledDate => (
            "throttled-date",
            "the first request for an hour gets a 429 with Retry-After as a date"
        ),
        /// The first request for an hour gets a 429 with a Retry-After of an hour.
        ThrottledHour => (
            "throttled-hour",
            "the first request for an hour gets a 429 with a Retry-After of an hour"
        ),
        /// The first two requests for an hour get a 503.
        DownAtFirst => ("down-at-first", "the first two requests for an hour get a 503"),
        /// The connection of the first response for an hour is reset in the middle of the body.
        ResetAtFirst => (
            "reset-at-first",
            "the connection of the first response for an hour is reset in the middle of the body"
        ),
    }
}

impl Quirk {
    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// The name is not that of a quirk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a quirk of the sandbox's provider")]
pub struct UnknownQuirk(String);

impl FromStr for Quirk {
    type Err = UnknownQuirk;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|quirk| quirk.as_str() == name)
            .ok_or_else(|| UnknownQuirk(name.to_owned()))
    }
}

/// A set of quirks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(u64);

impl Quirks {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// Whether the set contains `quirk`.
    #[must_use]
    pub const fn has(self, quirk: Quirk) -> bool {
        self.0 & quirk.bit() != 0
    }

    /// Whether the set contains one of `quirks`.
    #[must_use]
    pub fn has_any(self, quirks: &[Quirk]) -> bool {
        quirks.iter().any(|quirk| self.has(*quirk))
    }

    /// The quirks in the set.
    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.into_iter().filter(move |quirk| self.has(*quirk))
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        Self(quirks.into_iter().fold(0, |bits, quirk| bits | quirk.bit()))
    }
}

impl<const N: usize> From<[Quirk; N]> for Quirks {
    fn from(quirks: [Quirk; N]) -> Self {
        quirks.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
