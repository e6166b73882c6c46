//! What stands in an archive for a trip that is too large to be kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::json::element::Skipped;

/// An id of more bytes than this is none.
const MAX_ID_BYTES: usize = 128;

/// A trip of more than 64 MiB, or of more than 10 MiB that is not UTF-8 or no JSON. It is not kept;
/// this marker takes its place, is counted as a trip, and is rejected by the load.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TooLargeTrip {
    /// What is known of the trip's text.
    #[serde(rename = "mds_etl_too_large")]
    pub text: TextFacts,
    /// The trip's id, as it was sent, if it stands at the start of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trip_id: Option<Box<RawValue>>,
}

/// What is known of a text that is not kept as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextFacts {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
}

impl TextFacts {
    pub(super) fn of(bytes: u64, sha256: &[u8]) -> Self {
        Self {
            bytes,
            sha256: sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

impl TooLargeTrip {
    /// Reads a marker; `None` for a trip.
    #[must_use]
    pub fn read(json: &str) -> Option<Self> {
        json.starts_with("{\"mds_etl_too_large\":")
            .then(|| serde_json::from_str(json).ok())
            .flatten()
    }

    pub(super) fn of(skipped: &Skipped) -> Self {
        Self {
            text: TextFacts::of(skipped.bytes, &skipped.sha256),
            trip_id: trip_id_in(&skipped.start),
        }
    }

    pub(super) fn to_json(&self) -> serde_json::Result<Box<RawValue>> {
        to_raw_value(self)
    }
}

/// The member `trip_id` of an object whose text may be cut off after it.
fn trip_id_in(start: &[u8]) -> Option<Box<RawValue>> {
    let mut found = None;
    // The text is cut off, so this ends with an error, but only after what was found.
    let _ = TripId(&mut found).deserialize(&mut serde_json::Deserializer::from_slice(start));
    found.filter(|id| {
        let text = id.get();
        let is_scalar = text.starts_with(|c: char| c == '"' || c.is_ascii_digit());
        is_scalar && text.len() <= MAX_ID_BYTES
    })
}

struct TripId<'f>(&'f mut Option<Box<RawValue>>);

impl<'de> DeserializeSeed<'de> for TripId<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TripId<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a trip")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<String>()? {
            if key == "trip_id" {
                *self.0 = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
