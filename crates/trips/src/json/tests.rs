//! Arrays of every form, whole and broken.

use std::io::{self, Read};

use proptest::prelude::*;
use rstest::rstest;
use serde_json::Value;

use super::window::WINDOW_BYTES;
use super::*;

fn elements_of(reader: impl Read) -> Result<Vec<String>, JsonError> {
    let mut elements = Elements::new(reader);
    let mut seen = Vec::new();
    while let Some(element) = elements.next_with(|element| element.get().to_owned())? {
        seen.push(element);
    }
    Ok(seen)
}

#[rstest]
#[case("[]", &[])]
#[case(" [ \n ] \r\n\t", &[])]
#[case("\u{feff}[1]", &["1"])]
#[case(r#"[{"a": 1.10} , null,"]",[ ] ]"#, &[r#"{"a": 1.10}"#, "null", "\"]\"", "[ ]"])]
fn elements_come_exactly_as_they_stand(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(elements_of(text.as_bytes()).unwrap(), expected);
}

#[rstest]
#[case::nothing("", 0)]
#[case::only_a_byte_order_mark("\u{feff}", 3)]
#[case::object("{}", 0)]
#[case::without_comma("[1 2]", 3)]
#[case::comma_at_the_end("[1,]", 3)]
#[case::comma_at_the_start("[,1]", 1)]
#[case::without_end("[1", 2)]
#[case::text_after_it("[1] []", 4)]
#[case::crossed_brackets(r#"[{"canary":[}]}]"#, 1)]
fn other_texts_are_malformed(#[case] text: &str, #[case] place: u64) {
    let error = elements_of(text.as_bytes()).unwrap_err();
    assert!(!error.to_string().contains("canary"), "{error}");
    let JsonError::Malformed { at, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(at, place);
}

#[test]
fn elements_read_as_a_type() {
    let mut elements = Elements::new(&b"[[1,2],[3],7]"[..]);
    assert_eq!(elements.next_as().unwrap(), Some(vec![1, 2]));
    assert_eq!(elements.next_as().unwrap(), Some(vec![3]));
    let error = elements.next_as::<Vec<u8>>().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the text is malformed: after byte 11, invalid type"),
        "{error}"
    );
    assert_eq!(elements.next_as::<Vec<u8>>().unwrap(), None);
}

#[test]
fn an_element_has_at_most_so_many_bytes() {
    for (bytes, fits) in [(7, true), (6, false)] {
        let mut elements = Elements::new(&br#"["12345"]"#[..]).max_element_bytes(bytes);
        assert_eq!(elements.next_with(|_| ()).is_ok(), fits, "{bytes}");
    }
}

/// A limit above the size of the window, reached exactly.
#[test]
fn an_element_larger_than_the_window_has_at_most_so_many_bytes() {
    let limit = WINDOW_BYTES * 3;
    for (length, fits) in [(limit, true), (limit + 1, false)] {
        let element = format!("\"{}\"", "x".repeat(length - 2));
        let text = format!("[{element},1]");
        let mut elements = Elements::new(text.as_bytes()).max_element_bytes(limit);
        match elements.next_with(|element| element.get().len()) {
            Ok(seen) => assert!(fits && seen == Some(length)),
            Err(error) => {
                assert!(
                    !fits && matches!(error, JsonError::TooLarge { at: 1, .. }),
                    "{error}"
                );
            }
        }
    }
}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("gone"))
    }
}

#[rstest]
#[case("[1,2,")]
#[case("[1,2,3")]
#[case("[1,2]")]
fn elements_before_a_failure_of_the_reader_are_read(#[case] text: &str) {
    let mut elements = Elements::new(text.as_bytes().chain(Failing));
    assert_eq!(elements.next_as().unwrap(), Some(1));
    assert_eq!(elements.next_as().unwrap(), Some(2));
    let error = elements.next_as::<i32>().unwrap_err();
    assert!(matches!(error, JsonError::Read(_)), "{error:?}");
    assert!(elements.next_as::<i32>().unwrap().is_none());
}

/// Unlike a number, a value with an end of its own is complete without the text that follows.
#[test]
fn an_object_directly_before_a_failure_of_the_reader_is_read() {
    let mut elements = Elements::new(b"[{}".chain(Failing));
    assert_eq!(elements.next_with(|_| ()).unwrap(), Some(()));
    assert!(matches!(
        elements.next_with(|_| ()),
        Err(JsonError::Read(_))
    ));
}

#[test]
fn an_array_is_written_line_by_line_or_on_one_line() {
    let write = |mut array: ArrayWriter<Vec<u8>>| {
        array.push(&1).unwrap();
        array.push("b").unwrap();
        assert_eq!(array.elements(), 2);
        String::from_utf8(array.finish().unwrap()).unwrap()
    };
    assert_eq!(write(ArrayWriter::new(Vec::new()).unwrap()), "[1,\n\"b\"]");
    assert_eq!(
        write(ArrayWriter::new(Vec::new()).unwrap().on_one_line()),
        "[1,\"b\"]"
    );
    let empty = ArrayWriter::new(Vec::new()).unwrap();
    assert_eq!(empty.finish().unwrap(), b"[]");
}

/// Returns its bytes in portions, with interruptions.
struct Trickle<'a> {
    bytes: &'a [u8],
    portion: usize,
    interrupted: bool,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = self.portion.min(buffer.len());
        self.bytes.read(&mut buffer[..length])
    }
}

/// Elements of about a fifth of the window, so that its end cuts many of them.
fn elements() -> impl Strategy<Value = Vec<String>> {
    let element = prop_oneof![
        "-?[1-9][0-9]{0,20}(\\.[0-9]{1,5})?",
        r#"[a-z"\\\[\]{},: \n]{0,12}"#.prop_map(|text| Value::from(text).to_string()),
        (1..WINDOW_BYTES / 5).prop_map(|length| format!("{{\"x\": \"{}\"}}", "y".repeat(length))),
    ];
    prop::collection::vec(element, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_again(elements in elements(), portion in 1..100_000usize) {
        let mut array = ArrayWriter::new(Vec::new()).unwrap();
        for element in &elements {
            array.push(serde_json::from_str::<&serde_json::value::RawValue>(element).unwrap()).unwrap();
        }
        let text = array.finish().unwrap();
        let reader = Trickle { bytes: &text, portion, interrupted: false };
        prop_assert_eq!(elements_of(reader).unwrap(), elements);
    }

    #[test]
    fn an_array_cut_short_is_an_error(
        elements in elements(),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = format!("[{}]", elements.join(","));
        let error = elements_of(&text.as_bytes()[..cut.index(text.len())]).unwrap_err();
        let is_malformed = matches!(error, JsonError::Malformed { .. });
        prop_assert!(is_malformed, "{:?}", error);
    }

    #[test]
    fn no_text_makes_it_panic(text in r#"[\[\]{}",:a0 \\]{0,40}"#) {
        let _ = elements_of(text.as_bytes());
    }
}
