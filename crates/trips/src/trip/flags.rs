//! The flags of trips that are odd but loaded nevertheless.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::named_enum;

named_enum! {
    /// Something odd about a trip that is loaded nevertheless (docs/CONTRACT.md, "Flags"). Its name
    /// stands in `api.trips.flags`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u8)]
    pub enum Flag {
        /// The end time lies outside the block's hour.
        OutsideHour => "outside_hour",
        /// The start or the end lies outside the service area.
        OutsideArea => "outside_area",
        /// A distance of zero metres, or a negative one.
        ZeroDistance => "zero_distance",
        /// More than 500 miles.
        LongDistance => "long_distance",
        /// More than 24 hours.
        LongDuration => "long_duration",
        /// Less than 60 seconds, which MDS 2.0 leaves out of its analyses.
        ShortDuration => "short_duration",
        /// The device was on another trip at the same time. The store sets it, because it sees the
        /// whole block.
        Overlap => "overlap",
        /// The points of the route are not in the order of their times.
        UnorderedRoute => "unordered_route",
        /// The route has one point, which is taken for start and end.
        SinglePoint => "single_point",
        /// A timestamp is in seconds, but the version has milliseconds.
        SecondsForMilliseconds => "seconds_for_milliseconds",
        /// The start or the end lies outside the service area, but inside it with latitude and
        /// longitude exchanged.
        SwappedCoordinatesSuspected => "swapped_coordinates_suspected",
        /// A cost below zero.
        NegativeCost => "negative_cost",
        /// A cost has a fraction of the minor unit: its unit is not the configured one. It is
        /// loaded as null.
        FractionalCost => "fractional_cost",
        /// An optional field has a wrong type or is out of range, and is loaded as null; or a point
        /// of the route has a time or coordinates that cannot be read.
        UnusableField => "unusable_field",
        /// The duration differs from the times by more than a minute and by more than a tenth.
        DurationMismatch => "duration_mismatch",
        /// The vehicle type is none of MDS.
        UnknownVehicleType => "unknown_vehicle_type",
        /// The vehicle moved without a customer: for rebalancing, for maintenance, to a customer,
        /// or as a delivery robot.
        NotARiderTrip => "not_a_rider_trip",
    }
}

impl Flag {
    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// A flag name that the project does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a trip flag; the flags are {flags}",
    flags = Flag::ALL.map(Flag::as_str).join(", ")
)]
pub struct UnknownFlag(pub String);

impl FromStr for Flag {
    type Err = UnknownFlag;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|flag| flag.as_str() == name)
            .ok_or_else(|| UnknownFlag(name.to_owned()))
    }
}

/// A set of flags, small enough to copy.
///
/// ```
/// use trips::trip::{Flag, Flags};
///
/// let flags: Flags = [Flag::NegativeCost, Flag::OutsideHour].into_iter().collect();
/// assert!(flags.contains(Flag::NegativeCost));
/// assert_eq!(flags.names(), ["outside_hour", "negative_cost"]);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(u32);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);

    /// Adds the flag.
    pub fn insert(&mut self, flag: Flag) {
        self.0 |= flag.bit();
    }

    /// Adds the flag if `condition` holds.
    pub(crate) fn set_if(&mut self, flag: Flag, condition: bool) {
        if condition {
            self.insert(flag);
        }
    }

    /// Whether the flag is in the set.
    pub fn contains(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// Whether the set has no flag.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The flags of the set, in the order of [`Flag::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL
            .into_iter()
            .filter(move |flag| self.contains(*flag))
    }

    /// The names of the set's flags, in the order of [`Flag::ALL`].
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Flag::as_str).collect()
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        let mut set = Self::NONE;
        flags.into_iter().for_each(|flag| set.insert(flag));
        set
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Flag::as_str))
    }
}

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|name| name.parse::<Flag>())
            .collect::<Result<_, _>>()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
