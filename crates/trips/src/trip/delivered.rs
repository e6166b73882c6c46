//! The id of a trip alone, whether the trip can be loaded or not.

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::scalar::{Id, Scalar};
use crate::ids::integer_id_to_uuid;
use crate::json::object_in;

/// The id of a trip as a row of the table has it. `None` if it cannot be read from the text.
///
/// ```
/// let trip = r#"{"trip_id": "bb5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d", "route": "none"}"#;
/// let id = trips::trip::delivered_id(trip).expect("it is a UUID");
/// assert_eq!(id.to_string(), "bb5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d");
/// ```
#[must_use]
pub fn delivered_id(json: &str) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Ids<'a> {
        #[serde(borrow)]
        provider_id: Option<&'a RawValue>,
        #[serde(borrow)]
        trip_id: Option<&'a RawValue>,
    }
    let sent: Ids<'_> = object_in(json).ok()?;
    match id(sent.trip_id)? {
        Id::Uuid(uuid) => Some(uuid),
        Id::Integer(number) => match id(sent.provider_id)? {
            Id::Uuid(provider) => Some(integer_id_to_uuid(provider, number)),
            Id::Integer(_) => None,
        },
    }
}

fn id(sent: Option<&RawValue>) -> Option<Id> {
    Id::of(&Scalar::of(sent?))
}

#[cfg(test)]
mod tests;
