//! Any trips, read in pieces of any size.

use std::io;

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::fixture::*;
use crate::envelope::{ArchiveWriter, EnvelopeError, TripVisitor, is_version, read_envelope};
use crate::json::window::WINDOW_BYTES;

/// JSON texts that would change in a parser that rewrites numbers or members.
fn any_trip() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1.50".to_owned()),
        Just("1e5".to_owned()),
        Just("-0.0".to_owned()),
        Just(r#""\u00e9\/""#.to_owned()),
        "-?[1-9][0-9]{0,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?",
        ".{0,20}".prop_map(|text| Value::from(text).to_string()),
        "[\\\\\"{}\\[\\],: ]{0,8}".prop_map(|text| Value::from(text).to_string()),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let key = ".{0,6}".prop_map(|text| Value::from(text).to_string());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|values| format!("[ {} ]", values.join(" ,\n"))),
            prop::collection::vec((key, inner), 0..4).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(k, v)| format!("{k} : {v}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn archive(version: &str, trips: &[String]) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Vec::new(), version).unwrap();
    for trip in trips {
        writer
            .push(serde_json::from_str::<&RawValue>(trip).unwrap())
            .unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn an_hour_with_null_is_archived_as_an_empty_list() {
    let (_, read) = read(r#"{"version":"1.2.0","data":{"trips":null}}"#).unwrap();
    let stored = archive("1.2.0", &read.trips);
    assert_eq!(stored, br#"{"version":"1.2.0","data":{"trips":[]}}"#);
}

proptest! {
    #[test]
    fn trips_survive_reading_and_archiving_byte_for_byte(
        trips in prop::collection::vec(any_trip(), 0..6),
        version in prop_oneof!["[0-9]\\.[0-9]{1,2}(\\.[0-9])?", ".{0,8}"],
        is_2_0 in any::<bool>(),
    ) {
        let list = trips.join(" , ");
        let version_text = Value::from(version.as_str());
        let answer = if is_2_0 {
            format!("{{\"trips\": [{list}], \"version\": {version_text}}}")
        } else {
            format!("{{\"version\": {version_text}, \"data\": {{\"trips\": [{list}]}}}}")
        };
        let (summary, first) = read(&answer).unwrap();
        prop_assert_eq!(&first.trips, &trips);
        let named = Some(version.clone()).filter(|version| is_version(version));
        prop_assert_eq!(&summary.version, &named);

        let stored = archive(&version, &first.trips);
        let (summary, second) = read(&stored).unwrap();
        prop_assert_eq!(second.trips, trips);
        prop_assert_eq!(second.version, named);
        prop_assert_eq!(summary.trips, first.trips.len() as u64);
    }

    /// A text that ends too early is an error, wherever it ends and whatever the pieces.
    #[test]
    fn a_text_cut_short_is_never_taken_for_fewer_trips(
        trips in prop::collection::vec(any_trip(), 1..6),
        cut in any::<prop::sample::Index>(),
        sizes in prop::collection::vec(1_usize..64, 1..8),
    ) {
        let stored = archive("1.2.0", &trips);
        let mut whole = Collected::default();
        let summary = read_envelope(Pieces::new(&stored, sizes.clone()), &mut whole).unwrap();
        prop_assert_eq!(&whole.trips, &trips);
        prop_assert_eq!(summary.trips, trips.len() as u64);

        let cut = &stored[..cut.index(stored.len())];
        let mut part = Collected::default();
        let error = read_envelope(Pieces::new(cut, sizes), &mut part).unwrap_err();
        let is_malformed = matches!(error, EnvelopeError::Malformed { .. });
        prop_assert!(is_malformed, "{:?}", error);
        // Half of a number may be a number. The error shows that it is not complete.
        let complete = part.trips.len().saturating_sub(1);
        prop_assert!(trips.starts_with(&part.trips[..complete]));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(read(&bytes).is_err());
    }

    /// After a change of one byte: an error, or as many values as the changed text has.
    #[test]
    fn a_changed_byte_does_no_harm(
        trips in prop::collection::vec(any_trip(), 1..4),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut stored = archive("1.2.0", &trips);
        let at = at.index(stored.len());
        stored[at] = byte;
        if let Ok((summary, collected)) = read(&stored) {
            let parsed: Value = serde_json::from_slice(&stored).unwrap_or(Value::Null);
            prop_assert_eq!(summary.trips, collected.trips.len() as u64);
            if let Some(list) = parsed["data"]["trips"].as_array() {
                prop_assert_eq!(list.len(), collected.trips.len());
            }
        }
    }
}

/// Trips and numbers that end with the window, or need several windows.
#[test]
fn trips_across_the_end_of_the_window_are_complete() {
    for padding in (262_144 - 40)..(262_144 + 4) {
        let long = "x".repeat(padding);
        let answer = format!(r#"{{"x":"{long}","trips":[12345678,{{"a":1}},true]}}"#);
        assert_eq!(
            read(answer).unwrap().1.trips,
            ["12345678", r#"{"a":1}"#, "true"]
        );
    }
    let large = json!({"route": "y".repeat(3_000_000)}).to_string();
    let trips = vec![large.clone(), "1".to_owned(), large];
    assert_eq!(read(archive("1.2.0", &trips)).unwrap().1.trips, trips);
}

#[test]
fn a_hundred_thousand_trips_are_read() {
    let trips: Vec<_> = (0..100_000)
        .map(|n| format!(r#"{{"trip_id":{n}}}"#))
        .collect();
    assert_eq!(read(archive("1.2.0", &trips)).unwrap().1.trips, trips);
}

#[test]
fn an_archive_is_written_in_the_older_form() {
    assert_eq!(
        archive("2.0.0", &[]),
        br#"{"version":"2.0.0","data":{"trips":[]}}"#
    );
    let trips = ["1".to_owned(), "{}".to_owned()];
    let expected = br#"{"version":"a\"b","data":{"trips":[1,{}]}}"#;
    assert_eq!(archive("a\"b", &trips), expected);
}

#[test]
fn an_archive_that_was_not_finished_does_not_read_as_one() {
    let mut out = Vec::new();
    {
        let mut writer = ArchiveWriter::new(&mut out, "1.2.0").unwrap();
        writer.push(serde_json::from_str("{}").unwrap()).unwrap();
        assert_eq!(writer.trips(), 1);
    }
    assert!(read(out).is_err());
}

/// A value is read as it was sent, wherever the end of the window cuts it.
#[test]
fn a_value_may_be_cut_off_anywhere() {
    let trip = "{\"a\":[-1.5e-3,0.25E+7,true,null],\n\"b\":\"\\u00e9\\n\u{20ac}\"}";
    for ahead in 0..=trip.len() {
        let before = "{\"trips\":[";
        let padding = " ".repeat(WINDOW_BYTES - before.len() - ahead);
        let json = format!("{before}{padding}{trip}]}}");
        let (_, collected) = read(&json).unwrap_or_else(|e| panic!("cut at byte {ahead}: {e}"));
        assert_eq!(collected.trips, [trip]);
    }
}

/// Takes two of three trips in the pass that finds their end, if possible, and the others complete.
#[derive(Default)]
struct Greedy {
    trips: Vec<String>,
    ahead: usize,
}

impl TripVisitor for Greedy {
    fn trip(&mut self, trip: &RawValue) -> io::Result<()> {
        self.trips.push(trip.get().to_owned());
        Ok(())
    }

    fn trip_ahead(&mut self, text: &[u8]) -> io::Result<Option<usize>> {
        if self.trips.len() % 3 == 2 {
            return Ok(None);
        }
        let mut values = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
        let Some(Ok(trip)) = values.next() else {
            return Ok(None);
        };
        self.trips.push(trip.get().to_owned());
        self.ahead += 1;
        Ok(Some(values.byte_offset()))
    }
}

#[test]
fn trips_taken_ahead_or_not_keep_their_order() {
    let trips: Vec<String> = (0..60)
        .map(|number| {
            format!(
                "{{\"n\":{number},\"text\":\"{}\"}}",
                "x".repeat(number * 700)
            )
        })
        .collect();
    let answer = archive("1.2.0", &trips);
    assert!(answer.len() > 4 * WINDOW_BYTES);
    for sizes in [vec![usize::MAX], vec![1000, 7, 100_000]] {
        let mut greedy = Greedy::default();
        let summary = read_envelope(Pieces::new(&answer, sizes), &mut greedy).unwrap();
        assert_eq!(greedy.trips, trips);
        assert_eq!(summary.trips, 60);
        assert!((30..=40).contains(&greedy.ahead), "{}", greedy.ahead);
    }
}

#[test]
fn a_visitor_that_claims_too_many_bytes_gets_the_complete_trip() {
    struct Liar(Vec<String>);
    impl TripVisitor for Liar {
        fn trip(&mut self, trip: &RawValue) -> io::Result<()> {
            self.0.push(trip.get().to_owned());
            Ok(())
        }
        fn trip_ahead(&mut self, text: &[u8]) -> io::Result<Option<usize>> {
            Ok(Some(text.len() + 1))
        }
    }
    let mut liar = Liar(Vec::new());
    read_envelope(&b"{\"trips\":[{},{}]}"[..], &mut liar).unwrap();
    assert_eq!(liar.0, ["{}", "{}"]);
}
