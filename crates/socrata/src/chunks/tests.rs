//! Rows of every form, whole and broken.

use std::io::Cursor;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn chunks(text: &str, rows: usize) -> Result<Vec<Chunk>, ChunkError> {
    Chunks::new(text.as_bytes(), rows).collect()
}

fn bodies(text: &str, rows: usize) -> Vec<String> {
    chunks(text, rows)
        .unwrap()
        .iter()
        .map(|chunk| String::from_utf8(chunk.body.to_vec()).unwrap())
        .collect()
}

#[rstest]
#[case("[]")]
#[case(" [ \n ] \r\n\t")]
fn an_array_without_rows_has_no_chunk(#[case] text: &str) {
    assert!(chunks(text, 2).unwrap().is_empty());
}

#[test]
fn rows_stay_as_they_are() {
    let text = r#" [ {"a":1.10,"b":1e3} , {"n":12345678901234567890,"s":"]},{\"\\"},
        {"x" : [1, {"y":null}]}]"#;
    assert_eq!(
        bodies(text, 2),
        [
            r#"[{"a":1.10,"b":1e3},{"n":12345678901234567890,"s":"]},{\"\\"}]"#,
            r#"[{"x" : [1, {"y":null}]}]"#,
        ]
    );
}

#[rstest]
#[case(0, &[1, 1, 1])]
#[case(1, &[1, 1, 1])]
#[case(2, &[2, 1])]
#[case(3, &[3])]
#[case(usize::MAX, &[3])]
fn a_chunk_has_at_most_so_many_rows(#[case] max: usize, #[case] rows: &[usize]) {
    let counts: Vec<_> = chunks("[{},{},{}]", max)
        .unwrap()
        .iter()
        .map(|chunk| chunk.rows)
        .collect();
    assert_eq!(counts, rows);
}

#[test]
fn no_chunk_has_more_rows_than_the_portal_takes() {
    let text = format!("[{}]", vec!["{}"; MAX_CHUNK_ROWS + 1].join(","));
    let counts: Vec<_> = chunks(&text, usize::MAX)
        .unwrap()
        .iter()
        .map(|chunk| chunk.rows)
        .collect();
    assert_eq!(counts, [MAX_CHUNK_ROWS, 1]);
}

#[rstest]
#[case(0, &["[{\"n\":0},{\"n\":1}]", "[{\"n\":2}]"])]
#[case(1, &["[{\"n\":1},{\"n\":2}]"])]
#[case(2, &["[{\"n\":2}]"])]
#[case(3, &[])]
#[case(9, &[])]
fn rows_that_were_sent_are_left_out(#[case] skip: u64, #[case] expected: &[&str]) {
    let text = r#"[{"n":0},{"n":1},{"n":2}]"#;
    let bodies: Vec<_> = Chunks::new(text.as_bytes(), 2)
        .skip_rows(skip)
        .map(|chunk| String::from_utf8(chunk.unwrap().body.to_vec()).unwrap())
        .collect();
    assert_eq!(bodies, expected);
}

#[test]
fn a_chunk_has_at_most_so_many_bytes() {
    let text = r#"[{"n":0},{"n":1},{"n":2},{"n":"long, long"}]"#;
    let chunks = Chunks::new(text.as_bytes(), 10).chunk_bytes(20);
    let bodies: Vec<_> = chunks
        .map(|chunk| String::from_utf8(chunk.unwrap().body.to_vec()).unwrap())
        .collect();
    assert_eq!(
        bodies,
        [
            r#"[{"n":0},{"n":1}]"#,
            r#"[{"n":2}]"#,
            r#"[{"n":"long, long"}]"#
        ]
    );
    assert!(bodies.iter().all(|body| body.len() <= 20));
}

#[test]
fn a_row_that_fits_no_chunk_is_an_error() {
    for bytes in [16, 17, 18, 19] {
        let mut chunks = Chunks::new(&br#"[{"n":"long, long"}]"#[..], 10).chunk_bytes(bytes);
        let error = chunks.next().unwrap().unwrap_err();
        assert!(error.to_string().contains("larger than"), "{error}");
        assert!(chunks.next().is_none());
    }
}

#[rstest]
#[case::nothing("", 0)]
#[case::object("{}", 0)]
#[case::no_rows(r#"["canary"]"#, 0)]
#[case::later_no_row(r#"[{},7]"#, 1)]
#[case::no_comma("[{}{}]", 1)]
#[case::comma_at_the_end("[{},]", 1)]
#[case::comma_at_the_start("[,{}]", 0)]
#[case::no_end("[{}", 1)]
#[case::row_without_end(r#"[{},{"canary":"}"#, 1)]
#[case::row_that_is_no_json(r#"[{},{"canary" 1}]"#, 1)]
#[case::brackets_crossed(r#"[{},{"canary":[}]}]"#, 1)]
#[case::text_behind("[{}] []", 1)]
#[case::html("<html>canary", 0)]
fn other_texts_are_refused(#[case] text: &str, #[case] before: u64) {
    let error = chunks(text, 10).unwrap_err();
    let messages = format!("{error} {error:?}");
    assert!(!messages.contains("canary"), "{messages}");
    let ChunkError::Malformed { rows, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(rows, before);
}

#[test]
fn a_reader_that_fails_is_reported() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let reader = Cursor::new(b"[{},{}").chain(Failing);
    let mut chunks = Chunks::new(reader, 1);
    assert_eq!(chunks.next().unwrap().unwrap().rows, 1);
    assert_eq!(chunks.next().unwrap().unwrap().rows, 1);
    assert!(matches!(chunks.next(), Some(Err(ChunkError::Read(_)))));
    assert!(chunks.next().is_none());
}

/// Returns its bytes in small portions, with interruptions.
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
        let length = self.portion.min(buffer.len()).min(self.bytes.len());
        buffer[..length].copy_from_slice(&self.bytes[..length]);
        self.bytes = &self.bytes[length..];
        Ok(length)
    }
}

fn row() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        r#"[a-z"\\\[\]{},: \n]{0,12}"#.prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(r#"[a-z"{}]{0,4}"#, inner, 0..4)
                .prop_map(|map| json!(map)),
        ]
    });
    proptest::collection::btree_map("[a-z]{1,4}", value, 0..4).prop_map(|map| json!(map))
}

proptest! {
    #[test]
    fn no_row_is_lost_changed_or_moved(
        rows in proptest::collection::vec(row(), 0..20),
        max in 1..6usize,
        portion in 1..9usize,
        pretty in any::<bool>(),
        skip in 0..25u64,
    ) {
        let text = if pretty {
            serde_json::to_string_pretty(&rows).unwrap()
        } else {
            serde_json::to_string(&rows).unwrap()
        };
        let reader = Trickle { bytes: text.as_bytes(), portion, interrupted: false };
        let mut seen: Vec<Value> = Vec::new();
        for chunk in Chunks::new(reader, max).skip_rows(skip) {
            let chunk = chunk.unwrap();
            let values: Vec<Value> = serde_json::from_slice(&chunk.body).unwrap();
            prop_assert_eq!(values.len(), chunk.rows);
            prop_assert!((1..=max).contains(&chunk.rows));
            seen.extend(values);
        }
        let expected: Vec<Value> = rows.into_iter().skip(usize::try_from(skip).unwrap()).collect();
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn no_text_makes_it_panic(text in r#"[\[\]{}",:a0 \\]{0,40}"#) {
        let _ = chunks(&text, 2);
    }
}
