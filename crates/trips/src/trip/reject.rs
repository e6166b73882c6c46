//! Why a trip is rejected.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use super::lenient::OUT_OF_RANGE;

/// One of the two ends of a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TripEnd {
    /// Where it began.
    Start,
    /// Where it ended.
    End,
}

/// A reason to reject a trip (docs/CONTRACT.md, "Reject reasons").
///
/// It names fields, never their values, so that a log or a count does not show where somebody rode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum RejectReason {
    /// The trip is not a JSON object, or an invalid one.
    Unreadable {
        /// What makes it so: `member_twice`, `number_out_of_range`, `not_an_object` or
        /// `broken_text`.
        why: &'static str,
    },
    /// The trip has `NaN`, `Infinity` or `-Infinity`, which JSON does not have.
    NonFiniteNumber,
    /// The trip has more than 64 MiB, or 10 MiB and is not UTF-8 or no JSON. It is not kept, only
    /// its size and hash are.
    TooLarge,
    /// A text of the trip has bytes that are not UTF-8.
    NotUtf8,
    /// The trip has a fault that JSON does not allow: a control character in a text, a number with
    /// leading zeros, a comma too much.
    NotJson,
    /// A required field is absent, `null` or an empty string.
    MissingField {
        /// The field's name in MDS.
        field: &'static str,
    },
    /// A required field has a value of another JSON type than MDS specifies.
    MistypedField {
        /// The field's name in MDS.
        field: &'static str,
        /// What MDS specifies.
        expected: &'static str,
    },
    /// A required id is neither a UUID nor an integer id.
    NotAUuid {
        /// The field's name in MDS.
        field: &'static str,
    },
    /// The route has no usable point for this end of the trip, or the location of this end is not a
    /// pair of numbers.
    NoUsablePoint {
        /// Which end of the trip.
        end: TripEnd,
    },
    /// The coordinates of this end do not exist on the globe.
    OffTheGlobe {
        /// Which end of the trip.
        end: TripEnd,
        /// Whether the service area covers the point with latitude and longitude exchanged. The
        /// provider then needs `swap_coordinates`.
        swapped_fits: bool,
    },
    /// A time before 2010 or after tomorrow, after its unit was repaired.
    TimeOutOfRange {
        /// The field's name in MDS.
        field: &'static str,
    },
    /// The trip ends before it starts.
    EndBeforeStart,
    /// The provider's id is none under which its trips arrive (`provider_id` and `provider_ids` of
    /// its entry).
    ForeignProvider,
}

impl RejectReason {
    /// The reason's short name, the `code` of its JSON.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::NonFiniteNumber => "non_finite_number",
            Self::TooLarge => "too_large",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::MissingField { .. } => "missing_field",
            Self::MistypedField { .. } => "mistyped_field",
            Self::NotAUuid { .. } => "not_a_uuid",
            Self::NoUsablePoint { .. } => "no_usable_point",
            Self::OffTheGlobe { .. } => "off_the_globe",
            Self::TimeOutOfRange { .. } => "time_out_of_range",
            Self::EndBeforeStart => "end_before_start",
            Self::ForeignProvider => "foreign_provider",
        }
    }
}

impl RejectReason {
    /// Why this trip is unreadable: `error` says what its parser found.
    pub(super) fn unreadable(json: &str, error: &serde_json::Error) -> Self {
        // The errors of serde_json have no kinds, only texts.
        let text = error.to_string();
        let why = if !json.trim_start().starts_with('{') {
            "not_an_object"
        } else if text.starts_with("duplicate field") {
            "member_twice"
        } else if text.starts_with(OUT_OF_RANGE) {
            "number_out_of_range"
        } else {
            "broken_text"
        };
        Self::Unreadable { why }
    }

    /// The names of the fields in question; empty if the whole trip is unreadable.
    pub fn fields(&self) -> Vec<&'static str> {
        match self {
            Self::Unreadable { .. }
            | Self::NonFiniteNumber
            | Self::TooLarge
            | Self::NotUtf8
            | Self::NotJson => Vec::new(),
            Self::EndBeforeStart => vec!["start_time", "end_time"],
            Self::ForeignProvider => vec!["provider_id"],
            Self::MissingField { field }
            | Self::MistypedField { field, .. }
            | Self::NotAUuid { field }
            | Self::TimeOutOfRange { field } => vec![field],
            Self::NoUsablePoint { end } | Self::OffTheGlobe { end, .. } => match end {
                TripEnd::Start => vec!["route", "start_location"],
                TripEnd::End => vec!["route", "end_location"],
            },
        }
    }
}

/// The code, with the cause, the field or the end after a colon: `missing_field:route`.
impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())?;
        match self {
            Self::NonFiniteNumber
            | Self::TooLarge
            | Self::NotUtf8
            | Self::NotJson
            | Self::EndBeforeStart
            | Self::ForeignProvider => Ok(()),
            Self::Unreadable { why } => write!(f, ":{why}"),
            Self::MissingField { field }
            | Self::MistypedField { field, .. }
            | Self::NotAUuid { field }
            | Self::TimeOutOfRange { field } => write!(f, ":{field}"),
            Self::NoUsablePoint { end } | Self::OffTheGlobe { end, .. } => match end {
                TripEnd::Start => f.write_str(":start"),
                TripEnd::End => f.write_str(":end"),
            },
        }
    }
}

/// A rejected trip, as `rejects.json` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// The trip's id as it was sent, if it is readable; at most 64 characters.
    pub trip_id: Option<String>,
    /// Every reason, in the order of the trip's fields. Never empty.
    pub reasons: Vec<RejectReason>,
    /// The ids that a row of this trip can have in the database: none if the id is not readable,
    /// and several if it is a whole number and the provider's id is not known.
    #[serde(skip)]
    pub row_ids: Vec<Uuid>,
}

#[cfg(test)]
mod tests;
