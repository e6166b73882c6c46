//! Responses that cannot be read to their end.

use std::error::Error;
use std::io::{self, Read};

use rstest::rstest;
use serde_json::value::RawValue;

use super::fixture::*;
use crate::envelope::read::read_window;
use crate::envelope::{EnvelopeError, TripVisitor, read_envelope};
use crate::json::window::{WINDOW_BYTES, Window};

#[rstest]
#[case("")]
#[case("   ")]
#[case("<html>Bad gateway</html>")]
#[case("{")]
#[case(r#"{"trips""#)]
#[case(r#"{"trips":"#)]
#[case(r#"{"trips":[1 2]}"#)]
#[case(r#"{"trips":[1,]}"#)]
#[case(r#"{"trips":[,1]}"#)]
#[case(r#"{"trips":[]}}"#)]
#[case(r#"{"trips":[]} {"trips":[]}"#)]
#[case(r#"{"trips":[]}x"#)]
#[case(r#"{"trips":[],}"#)]
#[case(r#"{"trips":[] "version":"1"}"#)]
#[case(r#"{trips:[]}"#)]
#[case(r#"{1:[]}"#)]
#[case(r#"{"trips":[]"#)]
#[case(r#"{"trips":[nul]}"#)]
#[case(r#"{"trips":[01]}"#)]
#[case("{\"trips\":[\"\u{1}\"]}")]
#[case("[")]
fn text_that_is_not_json_is_malformed(#[case] json: &str) {
    let error = read(json).unwrap_err();
    assert!(
        matches!(error, EnvelopeError::Malformed { .. }),
        "{error:?}"
    );
}

/// Outside of the trips, or of their texts. What is cut off stays cut off, also within a character.
#[rstest]
#[case::a_key(b"{\"trips\":[],\"caf\xe9\":1}", 12)]
#[case::a_member(b"{\"trips\":[],\"name\":[\"caf\xe9\"]}", 19)]
#[case::a_link(b"{\"trips\":[],\"links\":{\"next\":\"/\xe9\"}}", 28)]
#[case::an_error(b"{\"trips\":[],\"error\":\"\xe9\"}", 20)]
#[case::a_version(b"{\"version\":\"\xe9\",\"trips\":[]}", 11)]
#[case::between_trips(b"{\"trips\":[1,\xff 2]}", 12)]
#[case::in_place_of_a_trip(b"{\"trips\":[\xff]}", 10)]
#[case::after_a_number(b"{\"trips\":[1\xff]}", 10)]
#[case::with_a_mistake_as_well(b"{\"trips\":[[\"\xff\" 1]]}", 10)]
#[case::latin_1_page(b"<html>caf\xe9</html>", 0)]
#[case::utf_16(b"\xff\xfe{\0\"\0t\0", 0)]
#[case::utf_16_without_a_mark(b"{\0\"\0t\0r\0", 1)]
#[case::cut_off_in_a_text(b"{\"trips\":[{\"a\":\"caf\xe9", 10)]
#[case::cut_off_in_a_character(b"{\"trips\":[{\"a\":\"caf\xc3", 10)]
#[case::cut_off_in_a_trip(b"{\"trips\":[{\"a\":\"caf\xe9\"", 10)]
fn text_that_is_not_utf_8_is_malformed(#[case] json: &[u8], #[case] place: u64) {
    for sizes in [vec![usize::MAX], vec![1]] {
        let mut collected = Collected::default();
        let error = read_envelope(Pieces::new(json, sizes), &mut collected).unwrap_err();
        let EnvelopeError::Malformed { at, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(at, place);
        assert!(collected.trips.is_empty() || collected.trips == ["1"]);
    }
}

/// The trip itself is whole, but not what follows it.
#[rstest]
#[case(b"{\"trips\":[{\"a\":\"caf\xe9\"}")]
#[case(b"{\"trips\":[{\"a\":\"caf\xe9\"},")]
#[case(b"{\"trips\":[{\"a\":\"caf\xe9\"}]")]
fn a_text_that_is_cut_off_after_a_trip_that_is_not_utf_8_is_malformed(#[case] json: &[u8]) {
    let error = read(json).unwrap_err();
    assert!(
        matches!(error, EnvelopeError::Malformed { .. }),
        "{error:?}"
    );
}

#[rstest]
#[case(r#"{"error":"bad_param","error_description":"no such hour"}"#)]
#[case(r#"{"version":"1.0.0","data":{"status_changes":[]}}"#)]
#[case(r#"{"trips":null,"error":"bad_param"}"#)]
#[case(r#"{"error_description":"no such hour","data":{"trips":null}}"#)]
#[case(r#"{"data":{"trips":null,"errors":["no such hour"]}}"#)]
#[case(r#"{"trips":null,"data":{"trips":{}}}"#)]
#[case(r#"{"trips":null,"trips":[],"error":"bad_param"}"#)]
#[case(r#"{"error":"internal_error","error_description":"database down","data":{"trips":[]}}"#)]
#[case(r#"{"trips":[],"errors":[{"code":0},{"message":"shard 3 timed out"}]}"#)]
#[case(r#"{"trips":[],"error":true}"#)]
#[case(r#"{"trips":[],"error":NaN}"#)]
#[case(r#"{"data":{"trips":{}}}"#)]
#[case(r#"{"trips":"none"}"#)]
#[case("[]")]
#[case(r#"[{"trips":[]}]"#)]
#[case("null")]
#[case("{}")]
fn json_without_a_list_of_trips_is_not_an_envelope(#[case] json: &str) {
    let error = read(json).unwrap_err();
    assert!(
        matches!(error, EnvelopeError::NotAnEnvelope { .. }),
        "{error:?}"
    );
}

/// As an empty list is written by some languages. With an error beside it, it is none.
#[rstest]
#[case(
    r#"{"trips":null,"error":"bad_param"}"#,
    "its `trips` is null, and it names an error"
)]
#[case(
    r#"{"trips":[],"error":"bad_param"}"#,
    "its `trips` is empty, and it names an error"
)]
#[case(
    r#"{"trips":null,"data":{"trips":"none"}}"#,
    "its `trips` is neither a list nor null"
)]
#[case(
    r#"{"data":{}}"#,
    "it has no list `trips`, neither at the top nor in `data`"
)]
fn an_envelope_that_is_refused_says_what_its_list_is(#[case] json: &str, #[case] why: &str) {
    let error = read(json).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the answer holds no trips: {why}")
    );
}

#[test]
fn an_error_says_where_and_quotes_nothing() {
    let error = read(r#"{"trips":[{"name":"Rider"},{"name":"Rider" 1]}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the answer is not JSON: after byte 27, expected `,` or `}` at line 1 column 17"
    );
}

struct Breaking<'a>(&'a [u8]);

impl Read for Breaking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone")),
            read => Ok(read),
        }
    }
}

/// Even if the text seems complete, because its end was not read.
#[rstest]
#[case(r#"{"trips":[{"a":1},{"a":"#)]
#[case(r#"{"trips":[{"a":1}]}"#)]
fn a_broken_connection_is_distinguished_from_broken_json(#[case] json: &str) {
    let mut collected = Collected::default();
    let error = read_envelope(Breaking(json.as_bytes()), &mut collected).unwrap_err();
    assert!(matches!(error, EnvelopeError::Read(_)), "{error:?}");
    assert_eq!(error.source().unwrap().to_string(), "gone");
}

struct Full;

impl TripVisitor for Full {
    fn trip(&mut self, _: &RawValue) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::StorageFull, "full"))
    }
}

#[test]
fn a_visitor_that_fails_ends_the_reading() {
    let error = read_envelope(&br#"{"trips":[1,2,oops"#[..], &mut Full).unwrap_err();
    assert!(matches!(error, EnvelopeError::Sink(_)), "{error:?}");
    assert_eq!(error.source().unwrap().to_string(), "full");
}

#[test]
fn a_value_without_end_does_not_fill_the_memory() {
    let endless = br#"{"trips":[""#.chain(io::repeat(b'x'));
    let window = Window::new(endless)
        .max_value_bytes(WINDOW_BYTES * 2)
        .skip_up_to(4 << 20);
    let error = read_window(window, "trips", &mut Full).unwrap_err();
    assert!(
        matches!(error, EnvelopeError::TooLarge { at: 10, .. }),
        "{error:?}"
    );
}
