//! What stands in an archive for a trip with a fault that JSON does not allow.

use serde::Serialize;
use serde_json::value::RawValue;

use super::sent::Sent;
use crate::json::faulty::readable_members;

/// The members that say whose trip it is and when it was.
const KEPT: [&str; 5] = [
    "provider_id",
    "device_id",
    "trip_id",
    "start_time",
    "end_time",
];

/// The trip's ids and times as far as they are readable, with what was sent as the first member, by
/// which the load knows and rejects the trip.
pub(super) fn in_place_of_not_json(sent: &[u8]) -> serde_json::Result<Box<RawValue>> {
    #[derive(Serialize)]
    struct Marker {
        mds_etl_not_json: Sent,
    }
    let mut marker = serde_json::to_string(&Marker {
        mds_etl_not_json: Sent::of(sent),
    })?;
    marker.pop();
    for (name, value) in readable_members(sent, &KEPT) {
        marker.extend([",\"", name, "\":", value]);
    }
    marker.push('}');
    RawValue::from_string(marker)
}
