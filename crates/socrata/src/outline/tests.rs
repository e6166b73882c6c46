use rstest::rstest;
use serde_json::Value;

use super::Outline;

#[rstest]
#[case(
    r#"{"Rows Created": 2, "Errors":0}"#,
    r#"{"Rows Created": 2, "Errors":0}"#
)]
#[case(r#"{"a":[1,{"Errors":9}],"Errors":0}"#, r#"{"a":null,"Errors":0}"#)]
#[case(r#"{"a":{"b":{}},"c":[[]]}"#, r#"{"a":null,"c":null}"#)]
#[case(
    r#"{"a}]":"\"}","b":["}","\\"],"c":1}"#,
    r#"{"a}]":"\"}","b":null,"c":1}"#
)]
#[case(r#"{"a":[1"#, r#"{"a":null"#)]
fn lists_and_objects_within_an_object_are_null(#[case] text: &str, #[case] outline: &str) {
    // In whatever pieces it arrives.
    for length in 1..=text.len() {
        let mut read = Outline::default();
        for piece in text.as_bytes().chunks(length) {
            read.push(piece);
        }
        assert_eq!(read.text, outline.as_bytes());
    }
    let is_whole = |text: &str| serde_json::from_str::<Value>(text).is_ok();
    assert_eq!(is_whole(text), is_whole(outline));
}
