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

#[test]
fn a_key_tells_no_more_than_a_text() {
    let long = "x".repeat(5_000);
    let trip = serde_json::value::to_raw_value(&serde_json::json!({
        "route": {"30.26721,-97.74306 home of J. Doe": 1, "\u{1b}]0;owned\u{7}": 2, long: 3, "type": 4}
    }))
    .unwrap();
    let shape = shapes(&trip, &["route"]);
    assert_eq!(
        shape,
        format!(
            "route is an object of ?]9;aaaaa?, 99.99999,-99.99999 aaaa aa a. aaa, type, {}",
            "a".repeat(40)
        )
    );
}
