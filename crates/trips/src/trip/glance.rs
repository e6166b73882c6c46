//! [`TripGlance`]: whose trip it is and when it ended, for a look at a file before it is loaded.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::scalar::{Scalar, Stamp};
use crate::json::object_in;

/// Whose trip it is, and when it ended.
///
/// ```
/// use trips::trip::TripGlance;
///
/// let trip = r#"{
///     "provider_id": "5eed0000-0000-4000-8000-000000000001",
///     "end_time": 1579111200000
/// }"#;
/// let glance = TripGlance::of(trip).unwrap();
/// assert_eq!(glance.end_time.to_rfc3339(), "2020-01-15T18:00:00+00:00");
/// assert!(TripGlance::of(r#"{"end_time": "soon"}"#).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TripGlance {
    /// The provider that the trip names.
    pub provider_id: Uuid,
    /// When the trip ended.
    pub end_time: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    provider_id: &'a RawValue,
    #[serde(borrow)]
    end_time: &'a RawValue,
}

impl TripGlance {
    /// Reads a trip's JSON text; `None` if it does not say both.
    #[must_use]
    pub fn of(json: &str) -> Option<Self> {
        let fields: Fields<'_> = object_in(json).ok()?;
        let Scalar::Text(provider_id) = Scalar::of(fields.provider_id) else {
            return None;
        };
        Some(Self {
            provider_id: Uuid::try_parse(&provider_id).ok()?,
            end_time: Stamp::of(&Scalar::of(fields.end_time)).ok()?.time,
        })
    }
}
