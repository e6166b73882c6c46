use super::*;
use chrono::TimeZone as _;
use reqwest::header::HeaderValue;
use rstest::rstest;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[rstest]
#[case("https://mds.example.com/", true)]
#[case("http://mds.example.com/", false)]
#[case("http://127.0.0.1:8080/", true)]
#[case("http://127.9.9.9/", true)]
#[case("http://[::1]:80/", true)]
#[case("http://LOCALHOST/", true)]
#[case("http://localhost.example.com/", false)]
#[case("http://127.0.0.1.example.com/", false)]
#[case("http://10.0.0.1/", false)]
#[case("ftp://localhost/", false)]
fn credentials_travel_over_tls_or_stay_here(#[case] text: &str, #[case] may: bool) {
    assert_eq!(may_carry_credentials(&url(text)), may);
}

#[rstest]
#[case("https://a.example/x?y", "https://a.example:443/z", true)]
#[case("https://a.example/", "https://b.example/", false)]
#[case("https://a.example/", "http://a.example/", false)]
#[case("https://a.example/", "https://a.example:8443/", false)]
#[case("https://a.example/", "https://A.EXAMPLE/", true)]
fn an_origin_is_scheme_host_and_port(#[case] a: &str, #[case] b: &str, #[case] same: bool) {
    assert_eq!(same_origin(&url(a), &url(b)), same);
}

#[rstest]
#[case("120", Some(120))]
#[case(" 0 ", Some(0))]
#[case("Wed, 01 Jan 2020 00:01:30 GMT", Some(90))]
#[case("Tue, 31 Dec 2019 23:00:00 GMT", Some(0))]
#[case("soon", None)]
#[case("-5", None)]
fn retry_after_is_seconds_or_a_date(#[case] text: &str, #[case] seconds: Option<u64>) {
    let now = Utc.with_ymd_and_hms(2020, 1, 1, 0, 0, 0).unwrap();
    let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
    assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs));
}
