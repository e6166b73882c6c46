use reqwest::header::HeaderValue;
use rstest::rstest;

use super::*;

#[rstest]
#[case::page(
    "<html>canary",
    Some("text/html; charset=utf-8"),
    Some("a web page (text/html)")
)]
#[case::spaces("\u{feff}\n <!DOCTYPE html>canary", None, Some("a web page"))]
#[case::xml(
    "<?xml version='1.0'?>",
    Some("application/xml"),
    Some("XML (application/xml)")
)]
#[case::empty(" \n", Some("application/json"), Some("an empty body"))]
#[case::text("canary", Some("text/plain"), Some("a body of the type text/plain"))]
#[case::json("canary", Some("application/vnd.mds+json;version=1.0"), None)]
#[case::part_of_json("{\"trips\":", Some("text/plain"), None)]
#[case::unknown("canary", None, None)]
#[case::no_type("canary", Some("canary"), None)]
#[case::odd_type("canary", Some("text/<b>canary</b>"), None)]
fn the_words_hold_nothing_of_the_body(
    #[case] body: &str,
    #[case] content_type: Option<&'static str>,
    #[case] words: Option<&str>,
) {
    let content_type = content_type.map(|it| (CONTENT_TYPE, HeaderValue::from_static(it)));
    let headers = HeaderMap::from_iter(content_type);
    assert_eq!(looks_like(&headers, body.as_bytes()).as_deref(), words);
}

#[test]
fn a_type_with_a_long_name_is_not_shown() {
    let name = format!("text/{}", "x".repeat(100));
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::try_from(name).unwrap())]);
    assert_eq!(looks_like(&headers, b"x"), None);
}
