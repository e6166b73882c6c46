#![allow(clippy::unwrap_used, reason = "a test may panic")]
use super::*;

#[test]
fn a_shape_tells_what_is_wrong_and_not_whose_trip_it_is() {
    let trip = serde_json::value::to_raw_value(&serde_json::json!({
        "trip_id": "TRIP-4711/ä",
        "start_time": 1_577_916_000,
        "duration": null,
        "route": {"type": "x", "features": [1.5]},
        "end_location": [30.2, -97.7]
    }))
    .unwrap();
    let fields = [
        "trip_id",
        "start_time",
        "duration",
        "route",
        "end_location",
        "device_id",
    ];
    assert_eq!(
        shapes(&trip, &fields),
        "trip_id is \"aaaa-9999/a\", start_time is 9999999999, duration is null, \
         route is an object of features, type, end_location is a list of 2"
    );
}
