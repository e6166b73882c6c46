//! Trips with bytes that are not UTF-8. They do not keep the others from being read.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::fixture::*;
use crate::envelope::{ArchiveWriter, TooLargeTrip, read_envelope, read_list};
use crate::fixtures::{PROVIDER_ID, rules};
use crate::json::window::WINDOW_BYTES;
use crate::trip::RejectReason;
use crate::vehicle::Vehicle;

const MEMBER: &str = "mds_etl_not_utf8";

#[rstest]
#[case::latin_1(b"{\"trip_id\":\"t\",\"vehicle_id\":\"caf\xe9\"}", json!({"trip_id": "t", "vehicle_id": "caf\u{fffd}"}))]
#[case::half_a_character(b"{\"a\":\"\xc3\",\"b\":\"\xc3\xa4\"}", json!({"a": "\u{fffd}", "b": "\u{e4}"}))]
#[case::a_surrogate(b"{\"a\":\"\xed\xa0\x80\"}", json!({"a": "\u{fffd}\u{fffd}\u{fffd}"}))]
#[case::a_key(b"{\"\xff\":1}", json!({"\u{fffd}": 1}))]
#[case::beside_a_quote(b"{\"a\":\"\xe4\\\"}\"}", json!({"a": "\u{fffd}\"}"}))]
#[case::with_nan(b"{\"a\":NaN,\"b\":\"\xff\"}", json!({"a": null, "b": "\u{fffd}"}))]
#[case::spaced_out(b"{ \"a\" :\n\"\xff\" }", json!({"a": "\u{fffd}"}))]
#[case::no_object(b"[\"\xff\"]", json!({}))]
#[case::a_text(b"\"\xff\"", json!({}))]
fn such_a_trip_is_replaced_by_what_is_readable_and_can_be_restored(
    #[case] trip: &[u8],
    #[case] members: Value,
) {
    let sent = envelope(&[b"{\"n\":1}", trip, b"{\"n\":2}"]);
    for sizes in [vec![usize::MAX], vec![1]] {
        let mut collected = Collected::default();
        let summary = read_envelope(Pieces::new(&sent, sizes), &mut collected).unwrap();
        assert_eq!((summary.trips, summary.trips_too_large), (3, 0));
        assert_eq!(collected.non_finite, []);
        assert_eq!(collected.trips[0], "{\"n\":1}");
        assert_eq!(collected.trips[2], "{\"n\":2}");
        let mut marker: Value = serde_json::from_str(&collected.trips[1]).unwrap();
        assert_eq!(restored(&marker, MEMBER), trip);
        marker.as_object_mut().unwrap().remove(MEMBER);
        assert_eq!(marker, members);
    }
}

/// An archive of an older tool has the bytes themselves, and one of this tool what replaces them.
#[test]
fn an_archive_with_such_a_trip_reads_the_same_again() {
    let trip = b"{\"trip_id\":\"t\",\"vehicle_id\":\"caf\xe9\"}";
    let (_, first) = read(envelope(&[trip])).unwrap();
    let mut archive = ArchiveWriter::new(Vec::new(), "0.4.0").unwrap();
    let marker: &RawValue = serde_json::from_str(&first.trips[0]).unwrap();
    archive.push(marker).unwrap();
    let (_, second) = read(String::from_utf8(archive.finish().unwrap()).unwrap()).unwrap();
    assert_eq!(second.trips, first.trips);
    let reject = rules().check(&second.trips[0]).unwrap_err();
    assert_eq!(reject.reasons, [RejectReason::NotUtf8]);
    assert_eq!(reject.trip_id.as_deref(), Some("t"));
}

/// A trip is loaded without them, and with them if they are readable.
#[test]
fn of_such_a_record_of_a_vehicle_the_rest_is_used() {
    let device = "0309585e-599f-4e57-ac85-0123456789ab";
    let (before, after) = (
        format!("{{\"vehicles\":[{{\"device_id\":\"{device}\",\"vehicle_id\":\"7"),
        "\",\"vehicle_type\":\"moped\"}]}",
    );
    let sent = [before.as_bytes(), b"\xe9", after.as_bytes()].concat();
    let mut collected = Collected::default();
    read_list(&sent[..], "vehicles", &mut collected).unwrap();
    let record: &RawValue = serde_json::from_str(&collected.trips[0]).unwrap();
    let vehicle = Vehicle::read(record, &[PROVIDER_ID]).unwrap();
    assert_eq!(vehicle.device_id.to_string(), device);
    assert_eq!(vehicle.vehicle_id.as_deref(), Some("7\u{fffd}"));
    assert_eq!(vehicle.vehicle_type.as_deref(), Some("moped"));
    assert_eq!(vehicle.record, record.get());
}

/// Wherever the window ends: in the trip, before it or after it.
#[test]
fn such_bytes_and_whole_characters_may_stand_at_any_place_of_the_window() {
    let trip = b"{\"a\":\"\xe9\"}";
    let whole = "{\"b\":\"\u{20ac}\u{1f6b2}\"}";
    for padding in WINDOW_BYTES - 60..WINDOW_BYTES {
        let long = format!("\"{}\"", "x".repeat(padding));
        let sent = envelope(&[long.as_bytes(), trip, whole.as_bytes()]);
        let (_, collected) = read(sent).unwrap();
        let marker: Value = serde_json::from_str(&collected.trips[1]).unwrap();
        assert_eq!(restored(&marker, MEMBER), trip, "{padding}");
        assert_eq!(collected.trips[2], whole, "{padding}");
    }
}

#[test]
fn such_a_trip_may_be_larger_than_the_window() {
    let filling = "y".repeat(WINDOW_BYTES * 3);
    for trip in [
        [b"{\"a\":\"\xff", filling.as_bytes(), b"\"}"].concat(),
        [b"{\"a\":\"", filling.as_bytes(), b"\xff\"}"].concat(),
    ] {
        let (_, collected) = read(envelope(&[&trip, b"7"])).unwrap();
        let marker: Value = serde_json::from_str(&collected.trips[0]).unwrap();
        assert!(restored(&marker, MEMBER) == trip);
        assert_eq!(collected.trips[1], "7");
    }
}

/// What replaces it has several times its size, and has to be read again.
#[test]
fn of_a_large_one_only_size_and_hash_are_kept() {
    let filling = "y".repeat(13 << 20);
    let trip = [
        b"{\"trip_id\":\"t\",\"a\":\"\xff",
        filling.as_bytes(),
        b"\"}",
    ]
    .concat();
    let (summary, collected) = read(envelope(&[b"1", &trip, b"2"])).unwrap();
    assert_eq!((summary.trips, summary.trips_too_large), (3, 1));
    let marker = TooLargeTrip::read(&collected.trips[1]).unwrap();
    assert_eq!(marker.text.bytes, trip.len() as u64);
    assert_eq!(marker.trip_id.unwrap().get(), "\"t\"");
    assert_eq!(
        (collected.trips[0].as_str(), collected.trips[2].as_str()),
        ("1", "2")
    );

    let without_end = &trip[..trip.len() - 1];
    assert!(read(envelope(&[without_end])).is_err());
}

/// A text of JSON without its quotes, in some of which bytes stand that are not UTF-8.
fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[a-z{}\\[\\],: ]{0,4}".prop_map(String::into_bytes),
        2 => prop::sample::select(vec!["\u{e4}", "\u{20ac}", "\u{1f6b2}", "\\\"", "\\\\", "\\u00e4"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => (0x80..=0xff_u8).prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Such bytes in some trips change no other trip, whatever the pieces that arrive.
    #[test]
    fn such_bytes_cost_no_other_trip(
        texts in prop::collection::vec(any_text(), 1..8),
        sizes in prop::collection::vec(1_usize..64, 1..8),
    ) {
        let trips: Vec<Vec<u8>> = texts
            .iter()
            .map(|text| [b"{\"a\":[\"", &text[..], b"\"],\"b\":1.50}"].concat())
            .collect();
        let parts: Vec<&[u8]> = trips.iter().map(Vec::as_slice).collect();
        let mut collected = Collected::default();
        let sent = envelope(&parts);
        let summary = read_envelope(Pieces::new(&sent, sizes), &mut collected).unwrap();
        prop_assert_eq!(summary.trips, trips.len() as u64);
        prop_assert_eq!(collected.trips.len(), trips.len());
        for (received, sent) in collected.trips.iter().zip(&trips) {
            if str::from_utf8(sent).is_ok() {
                prop_assert_eq!(received.as_bytes(), &sent[..]);
            } else {
                let marker: Value = serde_json::from_str(received).unwrap();
                prop_assert_eq!(&restored(&marker, MEMBER), sent);
            }
        }
    }
}
