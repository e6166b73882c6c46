use super::*;
use reqwest::header::HeaderValue;
use rstest::rstest;

const YEAR: u64 = 365 * 24 * 3600;

#[rstest]
#[case("120", Some(120))]
#[case(" 0 ", Some(0))]
#[case("Wed, 01 Jan 2020 00:01:30 GMT", Some(90))]
#[case("Tue, 31 Dec 2019 23:00:00 GMT", Some(0))]
#[case("18446744073709551615", Some(YEAR))]
#[case("99999999999999999999999", Some(YEAR))]
#[case("Fri, 31 Dec 9999 23:59:59 GMT", Some(YEAR))]
#[case("soon", None)]
#[case("-5", None)]
fn retry_after_is_seconds_or_a_date(#[case] text: &str, #[case] seconds: Option<u64>) {
    let now = httpdate::parse_http_date("Wed, 01 Jan 2020 00:00:00 GMT").unwrap();
    let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
    assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs));
}

#[test]
fn without_the_header_no_wait_is_requested() {
    assert_eq!(retry_after(&HeaderMap::new(), SystemTime::now()), None);
}
