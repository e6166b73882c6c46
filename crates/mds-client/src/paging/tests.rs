use super::*;
use rstest::rstest;

const FIRST: &str = "https://mds.example.com/v1/trips?end_time=2020-01-01T22";

fn trail(max_pages: u32) -> (Trail, Url) {
    let first = Url::parse(FIRST).unwrap();
    (Trail::new(&first, max_pages), first)
}

#[rstest]
#[case(
    "https://mds.example.com/v1/trips?page=2",
    "https://mds.example.com/v1/trips?page=2"
)]
#[case("/v1/trips?page=2", "https://mds.example.com/v1/trips?page=2")]
#[case("?page=2", "https://mds.example.com/v1/trips?page=2")]
#[case("https://u:p@mds.example.com:443/x#f", "https://mds.example.com/x")]
fn a_link_is_absolute_or_relative(#[case] link: &str, #[case] page: &str) {
    let (mut trail, first) = trail(10);
    let next = trail.follow(&first, Some(link)).unwrap().unwrap();
    assert_eq!(next.as_str(), page);
}

#[rstest]
#[case(None)]
#[case(Some(""))]
#[case(Some("  "))]
fn no_link_is_the_end(#[case] link: Option<&str>) {
    let (mut trail, first) = trail(10);
    assert_eq!(trail.follow(&first, link), Ok(None));
}

#[rstest]
#[case("https://evil.example/?token=canary", "host evil.example")]
#[case("//evil.example/trips", "host evil.example")]
#[case("http://mds.example.com/v1/trips", "another origin")]
#[case("https://mds.example.com:444/", "another origin")]
#[case("https://mds.example.com.evil.example/", "another origin")]
#[case("file:///etc/passwd", "another origin")]
#[case("https://", "not a URL")]
fn a_link_to_another_origin_is_refused_and_only_its_host_is_named(
    #[case] link: &str,
    #[case] why: &str,
) {
    let (mut trail, first) = trail(10);
    let refusal = trail.follow(&first, Some(link)).unwrap_err();
    assert!(refusal.contains(why), "{refusal}");
    assert!(!refusal.contains("canary"), "{refusal}");
}

#[test]
fn a_circle_of_pages_is_refused() {
    let (mut trail, first) = trail(10);
    let second = trail.follow(&first, Some("?page=2")).unwrap().unwrap();
    assert!(trail.follow(&second, Some("?page=2")).is_err());
    let refusal = trail.follow(&second, Some(FIRST)).unwrap_err();
    assert!(refusal.contains("already read, after 2 pages"), "{refusal}");
}

#[test]
fn pages_are_limited() {
    let (mut trail, first) = trail(2);
    assert!(trail.follow(&first, Some("?page=2")).is_ok());
    let refusal = trail.follow(&first, Some("?page=3")).unwrap_err();
    assert_eq!(refusal, "it has more than 2 pages");
}
