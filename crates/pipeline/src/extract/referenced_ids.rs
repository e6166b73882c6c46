//! The ids in an hour's trips for which 2.0 keeps more data elsewhere.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use trips::trip::instant;
use uuid::Uuid;

/// The devices and trips of an hour, and when the first trip began.
#[derive(Debug, Clone, Default)]
pub(super) struct ReferencedIds {
    pub(super) devices: HashSet<Uuid>,
    pub(super) trips: HashSet<Uuid>,
    pub(super) earliest: Option<DateTime<Utc>>,
}

impl ReferencedIds {
    /// Adds a trip's ids. A trip that cannot be read is skipped here; the load rejects it with a
    /// reason.
    pub(super) fn push(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Sent<'a> {
            #[serde(borrow)]
            device_id: Option<&'a RawValue>,
            #[serde(borrow)]
            trip_id: Option<&'a RawValue>,
            #[serde(borrow)]
            start_time: Option<&'a RawValue>,
        }
        let Ok(sent) = serde_json::from_str::<Sent<'_>>(raw.get()) else {
            return;
        };
        let id = |raw: Option<&RawValue>| serde_json::from_str::<Uuid>(raw?.get()).ok();
        self.devices.extend(id(sent.device_id));
        self.trips.extend(id(sent.trip_id));
        let start = sent.start_time.and_then(instant);
        self.earliest = match (self.earliest, start) {
            (Some(earliest), Some(start)) => Some(earliest.min(start)),
            (earliest, start) => earliest.or(start),
        };
    }
}
