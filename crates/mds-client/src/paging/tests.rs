use super::*;
use rstest::rstest;

const FIRST: &str = "https://mds.example.com/v1/trips?key=k&end_time=2020-01-01T22";

fn trail(max_pages: u32) -> (Trail, Url) {
    let first = Url::parse(FIRST).unwrap();
    (Trail::new(&first, max_pages), first)
}

fn page(next: Next) -> Url {
    match next {
        Next::Page(url) => url,
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case(
    "https://mds.example.com/v1/trips?page=2&key=k&end_time=2020-01-01T22",
    "https://mds.example.com/v1/trips?page=2&key=k&end_time=2020-01-01T22"
)]
#[case(
    "https://u:p@mds.example.com:443/x?end_time=1&key=2#f",
    "https://mds.example.com/x?end_time=1&key=2"
)]
fn a_link_that_names_all_parameters_stays_as_it_is(#[case] link: &str, #[case] expected: &str) {
    let (mut trail, first) = trail(10);
    let next = trail.follow(&first, Some(link), false).unwrap();
    assert_eq!(page(next).as_str(), expected);
}

/// Those that name the hour, and those of the configured URL.
#[rstest]
#[case("/v1/trips?page=2", "page=2&key=k&end_time=2020-01-01T22")]
#[case("?page=2", "page=2&key=k&end_time=2020-01-01T22")]
#[case(
    "?end%5Ftime=2020-01-01T22%3A00",
    "end%5Ftime=2020-01-01T22%3A00&key=k"
)]
fn a_link_gets_the_parameters_that_it_lacks(#[case] link: &str, #[case] query: &str) {
    let (mut trail, first) = trail(10);
    let next = page(trail.follow(&first, Some(link), false).unwrap());
    let expected = format!("https://mds.example.com/v1/trips?{query}");
    assert_eq!(next.as_str(), expected);
}

#[rstest]
#[case("http://mds.example.com/v1/trips?page=2")]
#[case("http://mds.example.com:443/v1/trips?page=2")]
fn a_link_with_plain_http_to_the_same_host_is_followed_over_tls(#[case] link: &str) {
    let (mut trail, first) = trail(10);
    let next = page(trail.follow(&first, Some(link), false).unwrap());
    assert!(
        next.as_str()
            .starts_with("https://mds.example.com/v1/trips?page=2&")
    );
}

#[rstest]
#[case(None)]
#[case(Some(""))]
#[case(Some("  "))]
fn no_link_is_the_end(#[case] link: Option<&str>) {
    let (mut trail, first) = trail(10);
    assert_eq!(trail.follow(&first, link, false), Ok(Next::End));
}

#[rstest]
#[case("https://evil.example/?token=canary", "host evil.example")]
#[case("//evil.example/trips", "host evil.example")]
#[case("http://evil.example/trips", "host evil.example")]
#[case("http://mds.example.com:8080/v1/trips", "another origin")]
#[case("https://mds.example.com:444/", "another origin")]
#[case("https://mds.example.com.evil.example/", "another origin")]
#[case("file:///etc/passwd", "another origin")]
#[case("https://", "not a URL")]
fn a_link_to_another_origin_is_refused_and_only_its_host_is_named(
    #[case] link: &str,
    #[case] why: &str,
) {
    let (mut trail, first) = trail(10);
    let refusal = trail.follow(&first, Some(link), false).unwrap_err();
    assert!(refusal.contains(why), "{refusal}");
    assert!(!refusal.contains("canary"), "{refusal}");
}

#[test]
fn a_long_host_is_cut() {
    let (mut trail, first) = trail(10);
    let link = format!("https://{}.example/", "a".repeat(5_000));
    let refusal = trail.follow(&first, Some(&link), false).unwrap_err();
    assert!(refusal.len() < 300, "{refusal}");
}

#[test]
fn a_circle_of_pages_with_trips_is_refused() {
    let (mut trail, first) = trail(10);
    let second = page(trail.follow(&first, Some("?page=2"), false).unwrap());
    assert!(trail.follow(&second, Some("?page=2"), false).is_err());
    let refusal = trail.follow(&second, Some(FIRST), false).unwrap_err();
    assert!(refusal.contains("already read, after 2 pages"), "{refusal}");
}

#[rstest]
#[case::to_itself("?page=2")]
#[case::to_the_first(FIRST)]
fn an_empty_page_that_leads_to_one_already_read_is_the_end(#[case] link: &str) {
    let (mut trail, first) = trail(10);
    let second = page(trail.follow(&first, Some("?page=2"), false).unwrap());
    assert_eq!(trail.follow(&second, Some(link), true), Ok(Next::End));
}

#[test]
fn empty_pages_in_a_row_are_limited() {
    let (mut trail, mut url) = trail(1_000);
    for number in 1..EMPTY_PAGES_PER_HOUR {
        url = page(
            trail
                .follow(&url, Some(&format!("?page={number}")), true)
                .unwrap(),
        );
    }
    let last = trail.follow(&url, Some("?page=last"), true);
    assert_eq!(last, Ok(Next::EmptyPages));
}

#[test]
fn empty_pages_between_others_are_read() {
    let (mut trail, mut url) = trail(1_000);
    for number in 1..EMPTY_PAGES_PER_HOUR * 4 {
        let is_empty = number % 2 == 0;
        url = page(
            trail
                .follow(&url, Some(&format!("?page={number}")), is_empty)
                .unwrap(),
        );
    }
}

#[test]
fn pages_are_limited() {
    let (mut trail, first) = trail(2);
    assert!(trail.follow(&first, Some("?page=2"), false).is_ok());
    let refusal = trail.follow(&first, Some("?page=3"), false).unwrap_err();
    assert_eq!(refusal, "it has more than 2 pages");
}
