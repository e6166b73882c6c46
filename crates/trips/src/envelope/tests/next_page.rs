//! What pages say about the page after them.

use rstest::rstest;

use super::fixture::*;
use crate::envelope::NextPage;

/// An envelope with this member at the top or in `data`, before the trips or after them.
fn envelopes_with(member: &str) -> [String; 4] {
    [
        format!("{{{member},\"data\":{{\"trips\":[]}}}}"),
        format!("{{\"data\":{{\"trips\":[]}},{member}}}"),
        format!("{{\"data\":{{{member},\"trips\":[]}}}}"),
        format!("{{\"data\":{{\"trips\":[],{member}}}}}"),
    ]
}

#[rstest]
#[case(
    r#""links":{"next":"https://example.com/2"}"#,
    Some("https://example.com/2")
)]
#[case(r#""links":{"next":"2"}"#, Some("2"))]
#[case(
    r#""links":{"first":1,"next":{"href":"https://example.com/2"}}"#,
    Some("https://example.com/2")
)]
#[case(
    r#""links":[null,{"rel":"self","href":"/1"},{"href":"/2","rel":"Next"},{"rel":"last","href":"/9"}]"#,
    Some("/2")
)]
#[case(r#""links":[{"rel":["next","last"],"href":"/2"}]"#, Some("/2"))]
#[case(r#""links":[{"next":"/2"}]"#, Some("/2"))]
#[case(r#""_links":{"next":{"href":"/2"}}"#, Some("/2"))]
#[case(
    r#""pagination":{"page":1,"next":"https://example.com/2"}"#,
    Some("https://example.com/2")
)]
#[case(r#""next":"https://example.com/2""#, Some("https://example.com/2"))]
#[case(
    r#""links":{"next":"/2"},"pagination":{"has_next":true,"next_page":2}"#,
    Some("/2")
)]
#[case(r#""links":{"next":"/2","next":"/2"}"#, Some("/2"))]
#[case(r#""links":{"next":null}"#, None)]
#[case(r#""links":{"next":""}"#, None)]
#[case(r#""links":{"next":{"href":null}}"#, None)]
#[case(r#""links":{}"#, None)]
#[case(r#""links":null"#, None)]
#[case(r#""links":"""#, None)]
#[case(r#""links":[]"#, None)]
#[case(
    r#""links":[{"rel":"self","href":"/next"},{"rel":"next","href":null}]"#,
    None
)]
#[case(r#""pagination":{"next":null,"hasNext":false,"page":1,"x":NaN}"#, None)]
#[case(r#""pagination":5,"meta":["next"]"#, None)]
#[case(r#""links":{"first":"/1","last":"/9","self":{"href":"/1"}}"#, None)]
#[case(r#""pagination":null,"paging":null,"Links":null"#, None)]
#[case(r#""meta":{"pagination":{"links":{"next":null}}}"#, None)]
#[case(r#""has_more_pages":false,"@odata.nextLink":null"#, None)]
#[case(r#""ttl":60,"next_update":1605909600,"total":2000,"count":1"#, None)]
#[case(
    r#""meta":{"next_update":1605909600},"metadata":{"next_run":"2020"}"#,
    None
)]
#[case(r#""links":{"next_hour":"/trips?end_time=2020-11-20T23"}"#, None)]
#[case(
    r#""meta":{"links":[{"url":null,"label":"Next","active":false}]}"#,
    None
)]
#[case(r#""paging":{"cursors":{"before":"abc","after":"abd"}}"#, None)]
#[case(
    r#""links":{"next":"/2"},"meta":{"links":{"next":"/3"},"pagination":{"next":"/4"}}"#,
    Some("/2")
)]
fn the_next_page_is_found(#[case] member: &str, #[case] expected: Option<&str>) {
    for json in envelopes_with(member) {
        let next = read(&json).unwrap().0.next;
        let expected = expected.map_or(NextPage::None, |url| NextPage::Url(url.to_owned()));
        assert_eq!(next, expected, "{json}");
    }
}

#[rstest]
#[case::number(r#""links":{"next":5}"#, "links")]
#[case::list(r#""links":{"next":["https://example.com/2"]}"#, "links")]
#[case::without_href(r#""links":{"next":{"url":"/2"}}"#, "links")]
#[case::other_name(r#""links":{"nextPage":2}"#, "links")]
#[case::list_without_href(r#""links":[{"rel":"next","url":"/2"}]"#, "links")]
#[case::list_without_rel(r#""links":[{"type":"next","href":"/2"}]"#, "links")]
#[case::list_of_texts(r#""links":["https://example.com/2"]"#, "links")]
#[case::text(r#""links":"https://example.com/2""#, "links")]
#[case::two(r#""links":{"next":"/2"},"_links":{"next":"/3"}"#, "_links")]
#[case::twice(r#""links":{"next":"/2","next":"/3"}"#, "links")]
#[case::page_number(r#""pagination":{"next":2}"#, "pagination")]
#[case::cursor(r#""paging":{"next_cursor":"abc"}"#, "paging")]
#[case::more(r#""meta":{"has_more":true}"#, "meta")]
#[case::token(r#""nextPageToken":"abc""#, "next")]
#[case::more_pages(r#""cursor":"abc","has_more_pages":true"#, "next")]
#[case::more_pages_within(r#""meta":{"page_info":{"hasMorePages":true}}"#, "page_info")]
#[case::cursor_within(r#""meta":{"cursors":{"next":"abc"}}"#, "cursors")]
#[case::two_within(
    r#""meta":{"links":{"next":"/2"}},"pagination":{"next":"/3"}"#,
    "pagination"
)]
fn a_next_page_in_another_form_is_unclear(#[case] member: &str, #[case] place: &str) {
    for json in envelopes_with(member) {
        let NextPage::Unclear(unclear) = read(&json).unwrap().0.next else {
            panic!("{json}");
        };
        let text = unclear.to_string();
        assert!(text.contains(&format!("`{place}`")), "{json}: {text}");
        assert!(!text.contains("example.com"), "{text}");
    }
}

#[rstest]
#[case::meta(r#""meta":{"pagination":{"next":"URL"}}"#)]
#[case::meta_links(r#""meta":{"links":{"next":"URL"}}"#)]
#[case::laravel(
    r#""meta":{"pagination":{"total_pages":2,"current_page":1,"links":{"next":"URL"}}}"#
)]
#[case::laravel_pages(
    r#""links":{"first":"/1","next":"URL"},"meta":{"current_page":1,"last_page":2,"links":[{"url":"URL","label":"Next"}]}"#
)]
#[case::list(r#""pagination":{"links":[{"rel":"next","href":"URL"}]}"#)]
#[case::pagination_links(r#""pagination":{"links":{"next":"URL"}}"#)]
#[case::links_pages(r#""links":{"pages":{"next":"URL"}}"#)]
#[case::links_pagination(r#""links":{"pagination":{"next":{"href":"URL"}}}"#)]
#[case::metadata(r#""metadata":{"next_page":"URL"}"#)]
#[case::other_case(r#""Links":{"Next":"URL"}"#)]
#[case::odata(r#""@odata.nextLink":"URL""#)]
#[case::own_name(r#""nextResultsPage":"URL""#)]
fn a_link_deeper_or_in_another_case_is_found(#[case] member: &str) {
    let url = "https://example.com/2";
    for json in envelopes_with(&member.replace("URL", url)) {
        let next = read(&json).unwrap().0.next;
        assert_eq!(next, NextPage::Url(url.to_owned()), "{json}");
    }
}

/// However deep it is nested.
#[test]
fn members_within_members_have_an_end() {
    let depth = 100_000;
    let json = format!(
        r#"{{"trips":[],"meta":{}1{}}}"#,
        r#"{"meta":"#.repeat(depth),
        "}".repeat(depth)
    );
    assert_eq!(read(json).unwrap().0.next, NextPage::None);
}

#[rstest]
#[case(r#""page":1,"total_pages":2,"total":2"#)]
#[case(r#""page":0,"totalPages":"2""#)]
#[case(r#""meta":{"current_page":1,"last_page":2}"#)]
#[case(r#""page":{"number":0,"size":100,"totalPages":2}"#)]
#[case(r#""links":{"self":"/1","last":"/2"},"pagination":{"pageNumber":1,"page_count":2}"#)]
fn a_first_of_several_pages_is_counted(#[case] member: &str) {
    for json in envelopes_with(member) {
        let NextPage::Counted(unclear) = read(&json).unwrap().0.next else {
            panic!("{json}");
        };
        let text = unclear.to_string();
        assert!(text.contains("of 2"), "{json}: {text}");
    }
}

#[rstest]
#[case(r#""page":1,"total_pages":1"#)]
#[case(r#""page":0,"total_pages":1"#)]
#[case(r#""page":2,"total_pages":2"#)]
#[case(r#""page":1,"total_pages":0"#)]
#[case(r#""total_pages":9"#)]
#[case(r#""page":1,"total":9,"count":2,"per_page":1"#)]
#[case(r#""page":1,"last_page":"https://example.com/2""#)]
#[case(r#""page":1,"total_pages":2,"links":{"next":null}"#)]
#[case(r#""meta":{"page":1,"total_pages":2,"has_next":false}"#)]
#[case(r#""page":"one","total_pages":NaN"#)]
#[case(r#""page":null,"pages":[1,2]"#)]
fn numbers_of_pages_alone_do_not_make_another_page(#[case] member: &str) {
    for json in envelopes_with(member) {
        assert_eq!(read(&json).unwrap().0.next, NextPage::None, "{json}");
    }
}
