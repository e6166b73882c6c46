//! Envelopes that are well-formed.

use rstest::rstest;

use super::fixture::*;
use crate::envelope::{EnvelopeSummary, NextPage};

#[rstest]
#[case::up_to_1_2(r#"{"version":"1.2.0","data":{"trips":[{"a":1},{"a":2}]}}"#)]
#[case::of_2_0(r#"{"version":"1.2.0","trips":[{"a":1},{"a":2}]}"#)]
#[case::version_last(r#"{"data":{"trips":[{"a":1},{"a":2}]},"version":"1.2.0"}"#)]
#[case::more_members(
    r#"{"ttl":0,"x":[{"trips":[1]}],"data":{"x":{"trips":[1]},"trips":[{"a":1},{"a":2}],"y":null},"version":"1.2.0","last_updated":1e3}"#
)]
#[case::data_null(r#"{"data":null,"version":"1.2.0","trips":[{"a":1},{"a":2}]}"#)]
#[case::data_a_list(r#"{"data":[],"version":"1.2.0","trips":[{"a":1},{"a":2}]}"#)]
#[case::trips_in_both_places(r#"{"data":{"trips":[{"a":1}]},"version":"1.2.0","trips":[{"a":2}]}"#)]
#[case::trips_twice(r#"{"version":"1.2.0","trips":[{"a":1}],"trips":[{"a":2}]}"#)]
#[case::trips_null_in_one_place(
    r#"{"version":"1.2.0","data":{"trips":null},"trips":[{"a":1},{"a":2}]}"#
)]
#[case::spaced_out(
    "\r\n { \"version\" : \"1.2.0\" ,\n\t\"trips\" : [ {\"a\":1} ,\n {\"a\":2} ] } \n"
)]
#[case::byte_order_mark("\u{feff}{\"version\":\"1.2.0\",\"trips\":[{\"a\":1},{\"a\":2}]}")]
#[case::escaped_keys(r#"{"\u0076ersion":"1.2.0","tr\u0069ps":[{"a":1},{"a":2}]}"#)]
fn trips_are_found_wherever_they_are(#[case] json: &str) {
    let (summary, collected) = read(json).unwrap();
    assert_eq!(collected.trips, [r#"{"a":1}"#, r#"{"a":2}"#]);
    assert_eq!(collected.version.as_deref(), Some("1.2.0"));
    let expected = EnvelopeSummary {
        version: Some("1.2.0".to_owned()),
        next: NextPage::None,
        trips: 2,
        trips_too_large: 0,
        names_error: false,
    };
    assert_eq!(summary, expected);
}

#[rstest]
#[case(r#"{"trips":[]}"#)]
#[case(r#"{"data":{"trips":[ ]}}"#)]
#[case(r#"{"trips":null}"#)]
#[case(r#"{"version":"1.2.0","data":{"trips":null}}"#)]
#[case(r#"{"trips":null,"data":{"trips":null}}"#)]
#[case(r#"{"trips":null,"trips":[],"error":"none"}"#)]
#[case(r#"{"trips":[],"error":0,"errors":[{}],"error_description":"OK"}"#)]
#[case(r#"{"trips":[],"error":{"code":0,"message":""},"error_details":" "}"#)]
#[case(r#"{"data":{"trips":null},"error":null,"errors":[],"error_description":""}"#)]
fn an_hour_without_trips_is_an_envelope(#[case] json: &str) {
    let (summary, collected) = read(json).unwrap();
    assert_eq!((summary.trips, collected.trips.len()), (0, 0));
    assert_eq!(summary.next, NextPage::None);
}

#[rstest]
#[case(r#"{"trips":[1],"errors":[{"message":"shard 3 timed out"}]}"#, true)]
#[case(r#"{"error":"partial","data":{"trips":[1]}}"#, true)]
#[case(r#"{"error":0,"errors":[],"data":{"trips":[1]}}"#, false)]
fn an_error_beside_trips_is_told(#[case] json: &str, #[case] expected: bool) {
    let (summary, _) = read(json).unwrap();
    assert_eq!((summary.trips, summary.names_error), (1, expected));
}

#[test]
fn a_trip_is_passed_on_byte_for_byte() {
    let trip = "{ \"b\" : 1.50e+2,\n\"a\":\"\\u00e9\\/é\", \"b\":-0.0, \"big\":123456789012345678901234567890 }";
    let (_, collected) = read(format!("{{\"trips\":[ {trip} ]}}")).unwrap();
    assert_eq!(collected.trips, [trip]);
}

/// A value that is not a trip is passed on too, because it has to be counted as a reject.
#[test]
fn values_that_are_not_objects_are_passed_on() {
    let (summary, collected) = read(r#"{"trips":[null,1,"x",[],true]}"#).unwrap();
    assert_eq!(collected.trips, ["null", "1", "\"x\"", "[]", "true"]);
    assert_eq!(summary.trips, 5);
}

#[rstest]
#[case(r#""1.2.0""#, Some("1.2.0"))]
#[case("1.0", Some("1.0"))]
#[case("null", None)]
#[case("{}", None)]
#[case(r#""1.0\u001b]0;owned""#, None)]
#[case(r#""1.0\", \"x\":\"""#, None)]
#[case(r#""30.26721,-97.74306""#, None)]
#[case(r#""111111111111111111""#, None)]
#[case(r#""home""#, None)]
fn a_version_may_be_a_number(#[case] version: &str, #[case] expected: Option<&str>) {
    let (summary, _) = read(format!("{{\"trips\":[],\"version\":{version}}}")).unwrap();
    assert_eq!(summary.version.as_deref(), expected);
}
