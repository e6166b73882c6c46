use rstest::rstest;

use super::*;

#[rstest]
#[case::in_front(r#"{"a":1,"trip_id":"x","route":[1,"#, Some("\"x\""))]
#[case::a_number(r#"{"trip_id": 104865 ,"r"#, Some("104865"))]
#[case::cut_off(r#"{"trip_id":"x"#, None)]
#[case::within_another(r#"{"a":{"trip_id":"x"},"b":[1"#, None)]
#[case::an_object(r#"{"trip_id":{"of":1},"b":[1"#, None)]
#[case::no_object("[1,2", None)]
fn the_id_is_found_at_the_start(#[case] start: &str, #[case] expected: Option<&str>) {
    let found = trip_id_in(start.as_bytes());
    assert_eq!(found.as_deref().map(RawValue::get), expected);
}

#[test]
fn a_marker_is_read_again() {
    let skipped = Skipped {
        bytes: 5,
        sha256: [0xab; 32],
        start: br#"{"trip_id":"x","#.to_vec(),
    };
    let json = TooLargeTrip::of(&skipped).to_json().unwrap();
    let marker = TooLargeTrip::read(json.get()).unwrap();
    assert_eq!(marker.text.bytes, 5);
    assert_eq!(marker.text.sha256, "ab".repeat(32));
    assert_eq!(marker.trip_id.unwrap().get(), "\"x\"");
    assert!(TooLargeTrip::read(r#"{"trip_id":"x"}"#).is_none());
}
