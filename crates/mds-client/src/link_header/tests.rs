use reqwest::header::{HeaderName, HeaderValue};
use rstest::rstest;

use super::*;

fn said(headers: &[(&str, &str)]) -> HeaderLink {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    HeaderLink::of(&map)
}

fn link(value: &str) -> HeaderLink {
    said(&[("link", value)])
}

fn url(url: &str) -> HeaderLink {
    HeaderLink::Url(url.to_owned())
}

#[rstest]
#[case(r#"</2>; rel="next""#)]
#[case("</2>;rel=next")]
#[case("</2> ; REL=NEXT ; title=\"a, b; rel=prev\"")]
#[case(r#"</2>; title="a \"quoted\", <text>"; rel="last next""#)]
#[case(r#"</1>; rel="prev", </2>; rel="next", </9>; rel="last""#)]
#[case(r#"<?a=1,2;3>; rel="prev",</2>; rel="next""#)]
#[case(r#"</2>; rel="next", </2>; rel="next""#)]
#[case(r#", ,</2>; rel="next","#)]
#[case(r#"</2>; anchor=""; rel="next""#)]
#[case("</2>; rel=\"next")]
fn the_link_to_the_next_page_is_found(#[case] value: &str) {
    assert_eq!(link(value), url("/2"));
}

#[test]
fn one_of_several_headers_may_have_it() {
    let headers = [
        ("link", "</style.css>; rel=preload; as=style"),
        ("link", "<https://a.example/2?x=é>; rel=next"),
    ];
    assert_eq!(said(&headers), url("https://a.example/2?x=é"));
}

#[rstest]
#[case("")]
#[case("</1>; rel=\"prev\"")]
#[case("</next>; rel=\"last\"")]
#[case("</2>; rel=\"nextish\"")]
#[case("</2>; rel=prev; rel=next")]
#[case("</2>; rev=next")]
#[case("</2>; rel=next; anchor=\"/other\"")]
#[case("nonsense")]
fn other_links_name_no_next_page(#[case] value: &str) {
    assert_eq!(link(value), HeaderLink::None);
}

#[rstest]
#[case("https://a.example/canary; rel=next")]
#[case("<https://a.example/canary; rel=\"next\"")]
fn a_link_that_cannot_be_read_is_unclear(#[case] value: &str) {
    let HeaderLink::Unclear(why) = link(value) else {
        panic!("lost: {value}");
    };
    assert!(why.contains("`link`") && !why.contains("canary"), "{why}");
}

#[test]
fn two_links_are_unclear() {
    let HeaderLink::Unclear(why) = link("</2>; rel=next, </3>; rel=next") else {
        panic!("one of two was taken");
    };
    assert!(why.contains("two links"), "{why}");
}

#[rstest]
#[case("x-next-page", "2", None)]
#[case("X-Next-Cursor", "canary", None)]
#[case("x-has-more", "true", None)]
#[case("x-next-page-url", "/2", Some("/2"))]
#[case("next-page", "https://a.example/2", Some("https://a.example/2"))]
fn a_header_of_their_own_is_followed_or_unclear(
    #[case] name: &str,
    #[case] value: &str,
    #[case] expected: Option<&str>,
) {
    match (said(&[(name, value)]), expected) {
        (HeaderLink::Url(found), Some(expected)) => assert_eq!(found, expected),
        (HeaderLink::Unclear(why), None) => {
            let name = name.to_ascii_lowercase();
            assert!(why.contains(&format!("`{name}`")), "{why}");
            assert!(!why.contains("canary"), "{why}");
        }
        (said, _) => panic!("{said:?}"),
    }
}

#[rstest]
#[case("x-next-page", "")]
#[case("x-next-page", "0")]
#[case("x-has-more", "False")]
#[case("x-page", "2")]
#[case("x-total-pages", "9")]
fn the_last_page_says_that_nothing_follows(#[case] name: &str, #[case] value: &str) {
    assert_eq!(said(&[(name, value)]), HeaderLink::None);
}
