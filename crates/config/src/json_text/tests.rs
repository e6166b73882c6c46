//! What stays as it was written, and what changes.

use rstest::rstest;
use serde_json::json;

use super::*;

const FILE: &str = "{\n    \"lime\": {\"token\": \"b\", \"enabled\": true },\n    \"bird\": {\n        \"version\":   \"0.4\",\n        \"delay\": 1.50\n    }\n}\n";

#[test]
fn a_value_is_replaced_where_it_stands() {
    let text = with_member(FILE, &["bird", "version"], Some(&json!("1.2"))).unwrap();
    assert_eq!(text, FILE.replace("\"0.4\"", "\"1.2\""));
    let text = with_member(FILE, &["lime", "enabled"], Some(&json!(false))).unwrap();
    assert_eq!(text, FILE.replace("true", "false"));
}

#[test]
fn a_new_member_is_written_as_its_neighbours_are() {
    let text = with_member(FILE, &["bird", "enabled"], Some(&json!(false))).unwrap();
    assert_eq!(
        text,
        FILE.replace("1.50", "1.50,\n        \"enabled\": false")
    );
    let text = with_member(FILE, &["lime", "delay"], Some(&json!(2))).unwrap();
    assert_eq!(text, FILE.replace("true }", "true, \"delay\": 2 }"));
    let text = with_member(FILE, &["jump"], Some(&json!({"version": "2.0"}))).unwrap();
    let entry = ",\n    \"jump\": {\n      \"version\": \"2.0\"\n    }\n}";
    assert_eq!(text, FILE.replace("\n}", entry));
}

#[rstest]
#[case("{}", "{\n  \"a\": {\n    \"b\": 1\n  }\n}")]
#[case("\u{feff}{ }", "\u{feff}{\n  \"a\": {\n    \"b\": 1\n  }\n}")]
#[case(r#"{"a":{}}"#, "{\"a\":{\n    \"b\": 1\n  }}")]
#[case(r#"{"a":{"b":2},"a":{"b":3}}"#, r#"{"a":{"b":2},"a":{"b":1}}"#)]
#[case(r#"{"a":{"\u0062":2}}"#, r#"{"a":{"\u0062":1}}"#)]
fn an_object_on_the_way_is_found_or_added(#[case] text: &str, #[case] expected: &str) {
    let found = with_member(text, &["a", "b"], Some(&json!(1))).unwrap();
    assert_eq!(found, expected);
    let read: Value = serde_json::from_str(found.trim_start_matches('\u{feff}')).unwrap();
    assert_eq!(read["a"]["b"], 1);
}

#[rstest]
#[case(&["lime"], r#"{"bird": 1, "jump": 2}"#)]
#[case(&["bird"], r#"{"lime": {"a": "}"}, "jump": 2}"#)]
#[case(&["jump"], r#"{"bird": 1, "lime": {"a": "}"}}"#)]
#[case(&["lime", "a"], r#"{"bird": 1, "lime": {}, "jump": 2}"#)]
#[case(&["heron"], r#"{"bird": 1, "lime": {"a": "}"}, "jump": 2}"#)]
fn a_member_is_removed_with_its_comma(#[case] path: &[&str], #[case] expected: &str) {
    let text = r#"{"bird": 1, "lime": {"a": "}"}, "jump": 2}"#;
    assert_eq!(with_member(text, path, None).unwrap(), expected);
}

#[test]
fn what_is_no_object_is_left_alone() {
    assert_eq!(with_member("[]", &["a"], Some(&json!(1))), None);
    assert_eq!(
        with_member("{\"a\": 1}", &["a", "b"], Some(&json!(1))),
        None
    );
}

#[test]
fn members_that_stand_twice_are_named() {
    let text = br#"{"bird": {"token": "a", "token": "b", "token": "c"}, "lime": {}, "lime": 1}"#;
    assert_eq!(repeated_members(text), ["lime", "bird.token"]);
    assert!(repeated_members(b"no JSON").is_empty());
}
