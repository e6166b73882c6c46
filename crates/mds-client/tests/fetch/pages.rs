//! Pages, and the windows of 0.2 and 0.3.

use std::time::Duration;

use mds_client::{ClientOptions, HourResponse, MdsError};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::Instant;
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::*;

async fn serve(server: &MockServer, at: &str, body: String) {
    Mock::given(path(at))
        .respond_with(ResponseTemplate::new(200).set_body_string(body))
        .mount(server)
        .await;
}

const WINDOW: &str = "min_end_time=1577916000000&max_end_time=1577919600000";

/// Three pages of a provider of 0.3, whose links do not name the window.
async fn three_pages() -> MockServer {
    let server = MockServer::start().await;
    let second = json!(format!("{}/page/2?cursor=x%20y", server.uri()));
    Mock::given(path("/trips"))
        .and(query_param("min_end_time", "1577916000000"))
        .and(query_param("max_end_time", "1577919600000"))
        .respond_with(ResponseTemplate::new(200).set_body_string(page(&["1"], &second)))
        .mount(&server)
        .await;
    Mock::given(path("/page/2"))
        .and(query_param("cursor", "x y"))
        .respond_with(ResponseTemplate::new(200).set_body_string(page(&["2"], &json!("3"))))
        .mount(&server)
        .await;
    serve(&server, "/page/3", page(&["3"], &Value::Null)).await;
    server
}

#[tokio::test]
async fn pages_are_followed_to_the_last() {
    let server = three_pages().await;
    let client = client(&server.uri(), &json!({"version": "0.3"}));
    let (kept, report) = ready(fetch(&client).await);
    assert_eq!(kept.trips, ["1", "2", "3"]);
    assert_eq!(kept.versions, ["0.3.0"]);
    assert_eq!((report.pages, report.trips), (3, 3));
    assert_eq!(
        report.query,
        "min_end_time=1577916000000&max_end_time=1577919600000"
    );
    let requests = server.received_requests().await.unwrap();
    let queries: Vec<_> = requests.iter().map(|it| it.url.query().unwrap()).collect();
    let second = format!("cursor=x%20y&{WINDOW}");
    assert_eq!(queries, [WINDOW, second.as_str(), WINDOW]);
}

/// A server that forgets the hour in its links, and without an hour returns everything.
#[tokio::test]
async fn a_link_that_lost_the_query_does_not_leave_the_hour() {
    let server = MockServer::start().await;
    let hour = || query_param("end_time", "2020-01-01T22");
    let key = || query_param("key", "canary");
    let of_page = |number: &str| query_param("page", number);
    Mock::given(path("/trips"))
        .and(hour())
        .and(key())
        .and(of_page("2"))
        .respond_with(ResponseTemplate::new(200).set_body_string(page(&["2"], &Value::Null)))
        .mount(&server)
        .await;
    Mock::given(path("/trips"))
        .and(hour())
        .and(key())
        .respond_with(ResponseTemplate::new(200).set_body_string(page(&["1"], &json!("?page=2"))))
        .mount(&server)
        .await;
    let all = page(&["3", "4", "5"], &json!("?page=3"));
    serve(&server, "/trips", all).await;
    let client = client(&format!("{}?key=canary", server.uri()), &json!({}));
    let (kept, report) = ready(fetch(&client).await);
    assert_eq!(kept.trips, ["1", "2"]);
    assert_eq!(
        (report.pages, report.query.as_str()),
        (2, "end_time=2020-01-01T22")
    );
}

#[tokio::test]
async fn an_empty_page_that_links_to_itself_is_the_last() {
    let server = MockServer::start().await;
    serve(&server, "/trips", page(&["1", "2"], &json!("/2"))).await;
    serve(&server, "/2", page(&[], &json!("/2"))).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!((kept.trips.len(), report.pages), (2, 2));
    assert!(!report.empty_pages_left);
}

/// Pages whose content depends on their number; each links to the next, without an end or up to the
/// last one.
async fn numbered_pages(
    last: usize,
    trips: impl Fn(usize) -> usize + Send + Sync + 'static,
) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(move |request: &wiremock::Request| {
            let number = request
                .url
                .query_pairs()
                .find(|(name, _)| name == "page")
                .map_or(1, |(_, number)| number.parse().unwrap());
            let next = if number < last {
                json!(format!("?page={}", number + 1))
            } else {
                Value::Null
            };
            let body = page(&vec!["1"; trips(number)], &next);
            ResponseTemplate::new(200).set_body_string(body)
        })
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn empty_pages_without_end_are_the_end_and_the_report_says_so() {
    let server = numbered_pages(usize::MAX, |number| usize::from(number == 1)).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!((kept.trips.len(), report.pages), (1, 61));
    assert!(report.empty_pages_left);
}

/// Pages of two minutes, and a night without trips before the requested hour.
#[tokio::test]
async fn empty_pages_of_a_wide_window_do_not_end_before_the_requested_hour() {
    let server = numbered_pages(780, |number| usize::from(number > 750)).await;
    let client = client(
        &server.uri(),
        &json!({"version": "0.2", "lookback_hours": 24}),
    );
    let (kept, report) = ready(fetch(&client).await);
    assert_eq!((kept.trips.len(), report.pages), (30, 780));
    assert!(!report.empty_pages_left);
}

#[tokio::test]
async fn empty_pages_between_pages_with_trips_are_read() {
    let server = numbered_pages(120, |number| number % 2).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!((kept.trips.len(), report.pages), (60, 120));
    assert!(!report.empty_pages_left);
}

#[tokio::test]
async fn a_204_after_pages_with_trips_is_the_end() {
    let server = MockServer::start().await;
    serve(&server, "/trips", page(&["1"], &json!("/2"))).await;
    Mock::given(path("/2"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!((kept.trips.len(), report.http_status), (1, 200));
}

#[tokio::test]
async fn without_paging_links_are_ignored() {
    let server = three_pages().await;
    let client = client(&server.uri(), &json!({"version": "0.3", "paging": false}));
    let (kept, report) = ready(fetch(&client).await);
    assert_eq!((kept.trips.len(), report.pages), (1, 1));
}

#[tokio::test]
async fn there_is_a_pause_between_two_requests() {
    let server = three_pages().await;
    let client = client(&server.uri(), &json!({"version": "0.3", "delay": 0.2}));
    let started = Instant::now();
    ready(fetch(&client).await);
    assert!(started.elapsed() >= Duration::from_millis(400));
}

#[rstest]
#[case(json!(""))]
#[case(json!(null))]
#[tokio::test]
async fn a_page_with_an_empty_link_is_the_last(#[case] next: Value) {
    let server = MockServer::start().await;
    serve(&server, "/trips", page(&["1"], &next)).await;
    assert_eq!(
        ready(fetch(&client(&server.uri(), &json!({}))).await)
            .1
            .pages,
        1
    );
}

#[tokio::test]
async fn pages_in_a_circle_are_malformed() {
    let server = MockServer::start().await;
    serve(&server, "/trips", page(&["1"], &json!("/a"))).await;
    serve(&server, "/a", page(&["1"], &json!("/b"))).await;
    serve(&server, "/b", page(&["1"], &json!("/a"))).await;
    let response = fetch(&client(&server.uri(), &json!({}))).await;
    let Err(error @ MdsError::Malformed { .. }) = response else {
        panic!("{response:?}");
    };
    assert!(error.to_string().contains("already read"), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn pages_without_end_are_malformed() {
    let server = MockServer::start().await;
    let counter = std::sync::atomic::AtomicU32::new(0);
    Mock::given(wiremock::matchers::any())
        .respond_with(move |_: &wiremock::Request| {
            let n = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let body = page(&["1"], &json!(format!("/page/{n}")));
            ResponseTemplate::new(200).set_body_string(body)
        })
        .mount(&server)
        .await;
    let client = client(&server.uri(), &json!({})).with_options(ClientOptions {
        max_pages: 5,
        ..quick()
    });
    let response = fetch(&client).await;
    let Err(error @ MdsError::Malformed { .. }) = response else {
        panic!("{response:?}");
    };
    assert!(error.to_string().contains("more than 5 pages"), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_page_on_another_host_gets_no_credentials() {
    let other = MockServer::start().await;
    serve(&other, "/trips", page(&["2"], &Value::Null)).await;
    let server = MockServer::start().await;
    let next = json!(format!("{}/trips?secret=canary-q", other.uri()));
    serve(&server, "/trips", page(&["1"], &next)).await;
    let response = fetch(&client(&server.uri(), &json!({}))).await;
    let Err(error @ MdsError::Malformed { .. }) = response else {
        panic!("{response:?}");
    };
    assert!(error.to_string().contains("host 127.0.0.1"), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
    assert!(other.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn only_the_page_that_failed_is_requested_again() {
    let server = MockServer::start().await;
    serve(&server, "/trips", page(&["1"], &json!("/2"))).await;
    Mock::given(path("/2"))
        .respond_with(ResponseTemplate::new(500))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    serve(&server, "/2", page(&["2"], &Value::Null)).await;
    let (response, sinks) = fetch_counting(&client(&server.uri(), &json!({}))).await;
    let (kept, report) = ready(response);
    assert_eq!(kept.trips, ["1", "2"]);
    assert_eq!((report.requests, sinks), (4, 1));
}

#[tokio::test]
async fn an_hour_without_one_of_its_pages_is_unavailable() {
    let server = MockServer::start().await;
    serve(&server, "/trips", page(&["1"], &json!("/2"))).await;
    let (response, sinks) = fetch_counting(&client(&server.uri(), &json!({}))).await;
    let Err(error @ MdsError::Unavailable { .. }) = response else {
        panic!("{response:?}");
    };
    assert!(error.to_string().contains("page 2"), "{error}");
    assert_eq!(sinks, 3);
}

#[tokio::test]
async fn version_0_2_requests_a_wide_window_and_keeps_the_hour() {
    let server = MockServer::start().await;
    let before = r#"{"trip_id":"before","end_time":1577915999.9}"#;
    let first = r#"{"trip_id":"first","end_time":1577916000.0}"#;
    let milliseconds = r#"{"trip_id":"ms","end_time":"1577919599999"}"#;
    let after = r#"{"trip_id":"after","end_time":1577919600}"#;
    let unreadable = r#"{"trip_id":"unreadable","end_time":"noon"}"#;
    let under_way = r#"{"trip_id":"under way","start_time":1577916000,"end_time":null}"#;
    let earlier = r#"{"trip_id":"earlier","start_time":1577915999,"end_time":null}"#;
    let body = envelope(&[
        before,
        first,
        milliseconds,
        after,
        unreadable,
        under_way,
        earlier,
    ]);
    Mock::given(path("/trips"))
        .and(query_param("start_time", "1577829600"))
        .and(query_param("end_time", "1577923200"))
        .respond_with(ResponseTemplate::new(200).set_body_string(body))
        .mount(&server)
        .await;
    let client = client(&server.uri(), &json!({"version": "0.2"}));
    let (kept, report) = ready(fetch(&client).await);
    assert_eq!(kept.trips, [first, milliseconds, unreadable, under_way]);
    assert_eq!((report.trips, report.trips_outside_window), (4, 3));
}

#[tokio::test]
async fn later_versions_pass_on_trips_of_other_hours() {
    let server = MockServer::start().await;
    let stray = r#"{"end_time":1577919600000}"#;
    serve(&server, "/trips", envelope(&[stray])).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({"version": "0.3"}))).await);
    assert_eq!((kept.trips.len(), report.trips_outside_window), (1, 0));
}

#[tokio::test]
async fn version_2_has_its_trips_at_the_top() {
    let server = MockServer::start().await;
    let body = r#"{"version":"2.0.1","last_updated":1,"ttl":0,"trips":[{"duration":1}]}"#;
    serve(&server, "/trips", body.to_owned()).await;
    let response = fetch(&client(&server.uri(), &json!({"version": "2.0"}))).await;
    assert!(
        matches!(&response, Ok(HourResponse::Ready { .. })),
        "{response:?}"
    );
    let (kept, report) = ready(response);
    assert_eq!(kept.trips, [r#"{"duration":1}"#]);
    assert_eq!(report.version_served, "2.0.1");
    assert_eq!(report.version_expected, None);
}

/// The forms in which providers name the next page besides `links.next`.
#[rstest]
#[case::a_list_of_links(r#"{"data":{"trips":[1]},"links":[{"rel":"next","href":"/2"}]}"#)]
#[case::links_in_data(r#"{"data":{"trips":[1],"links":{"next":"/2"}}}"#)]
#[tokio::test]
async fn a_next_page_is_requested_wherever_it_is_named(#[case] first: &str) {
    let server = MockServer::start().await;
    serve(&server, "/trips", first.to_owned()).await;
    serve(&server, "/2", page(&["2"], &Value::Null)).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!((kept.trips.len(), report.pages), (2, 2));
}

#[tokio::test]
async fn a_next_page_in_a_form_that_is_not_understood_fails_the_hour() {
    let server = MockServer::start().await;
    let body = r#"{"data":{"trips":[1]},"pagination":{"next_cursor":"canary"}}"#;
    serve(&server, "/trips", body.to_owned()).await;
    let Err(error @ MdsError::Malformed { .. }) = fetch(&client(&server.uri(), &json!({}))).await
    else {
        panic!("an hour was read from its first page alone");
    };
    let text = error.to_string();
    assert!(text.contains("`pagination`"), "{text}");
    assert!(!text.contains("canary"), "{text}");
    let first_only = client(&server.uri(), &json!({"paging": false}));
    let (_, report) = ready(fetch(&first_only).await);
    assert!(report.next_page_left);
}

#[rstest]
#[case::of_0_3("0.3", "?page=2&max_end_time=1577923200000", "max_end_time")]
#[case::of_0_3_before("0.3", "?page=2&min_end_time=0", "min_end_time")]
#[case::of_1_2("1.2", "/trips?page=2&end_time=2020-01-02T22", "end_time")]
#[tokio::test]
async fn a_link_to_another_hour_is_refused_by_name(
    #[case] version: &str,
    #[case] link: &str,
    #[case] name: &str,
) {
    let server = MockServer::start().await;
    serve(&server, "/trips", page(&["1"], &json!(link))).await;
    let client = client(&server.uri(), &json!({"version": version}));
    let Err(error @ MdsError::Malformed { .. }) = fetch(&client).await else {
        panic!("trips of another hour were read");
    };
    let text = error.to_string();
    assert!(
        text.contains("another hour") && text.contains(name),
        "{text}"
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

/// Serves a page whose headers have `value` under this name.
async fn serve_with_header(server: &MockServer, status: u16, name: &str, value: &str) {
    let response = ResponseTemplate::new(status)
        .set_body_string(envelope(&["1"]))
        .insert_header(name, value);
    Mock::given(path("/trips"))
        .respond_with(response)
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_next_page_that_only_a_header_names_is_requested_for_the_same_hour() {
    let server = MockServer::start().await;
    let link = r#"</style.css>; rel=preload, </2?cursor=a,b>; rel="next""#;
    serve_with_header(&server, 200, "Link", link).await;
    Mock::given(path("/2"))
        .and(query_param("cursor", "a,b"))
        .and(query_param("end_time", "2020-01-01T22"))
        .respond_with(ResponseTemplate::new(200).set_body_string(envelope(&["2", "3"])))
        .mount(&server)
        .await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(kept.trips, ["1", "2", "3"]);
    assert_eq!((report.pages, report.next_page_left), (2, false));
    let first_only = client(&server.uri(), &json!({"paging": false}));
    let (kept, report) = ready(fetch(&first_only).await);
    assert_eq!((kept.trips.len(), report.next_page_left), (1, true));
}

#[tokio::test]
async fn the_link_of_the_body_counts_before_that_of_a_header() {
    let server = MockServer::start().await;
    let response = ResponseTemplate::new(200)
        .set_body_string(page(&["1"], &json!("/2")))
        .insert_header("Link", "</wrong>; rel=next");
    Mock::given(path("/trips"))
        .respond_with(response)
        .mount(&server)
        .await;
    serve(&server, "/2", envelope(&["2"])).await;
    let (kept, _) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(kept.trips, ["1", "2"]);
}

#[rstest]
#[case::another_host(200, "Link", "<https://a.example/canary>; rel=next", "host a.example")]
#[case::another_hour(200, "Link", "<?end_time=2020-01-02T22>; rel=next", "another hour")]
#[case::itself(200, "Link", "</trips>; rel=next", "already read")]
#[case::two(200, "Link", "</2>; rel=next, </3>; rel=next", "two links")]
#[case::without_brackets(200, "Link", "/canary; rel=next", "`link`")]
#[case::a_number(200, "X-Next-Page", "2", "`x-next-page`")]
#[case::without_content(204, "Link", "</2>; rel=next", "no content")]
#[tokio::test]
async fn a_header_whose_page_cannot_be_requested_fails_the_hour(
    #[case] status: u16,
    #[case] name: &str,
    #[case] value: &str,
    #[case] says: &str,
) {
    let server = MockServer::start().await;
    serve_with_header(&server, status, name, value).await;
    let Err(error @ MdsError::Malformed { .. }) = fetch(&client(&server.uri(), &json!({}))).await
    else {
        panic!("a next page was lost");
    };
    let text = error.to_string();
    assert!(text.contains(says), "{text}");
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

/// A page of a provider that only numbers its pages.
fn numbered(page: u32, trip: &str) -> String {
    format!(r#"{{"page":{page},"total_pages":2,"trips":[{trip}]}}"#)
}

#[tokio::test]
async fn the_first_of_several_pages_whose_next_is_not_named_fails_the_hour() {
    let server = MockServer::start().await;
    serve(&server, "/trips", numbered(1, "1")).await;
    let Err(error @ MdsError::Malformed { .. }) = fetch(&client(&server.uri(), &json!({}))).await
    else {
        panic!("a page was lost");
    };
    let text = error.to_string();
    assert!(text.contains("the first of 2 pages"), "{text}");
    let first_only = client(&server.uri(), &json!({"paging": false}));
    let (kept, report) = ready(fetch(&first_only).await);
    assert_eq!((kept.trips.len(), report.next_page_left), (1, true));
}

/// Counted from 0, the second and last of two pages has the number 1.
#[tokio::test]
async fn a_page_that_another_one_named_may_be_the_last_whatever_its_number() {
    let server = MockServer::start().await;
    let first = ResponseTemplate::new(200)
        .set_body_string(numbered(0, "1"))
        .insert_header("Link", "</2>; rel=next");
    Mock::given(path("/trips"))
        .respond_with(first)
        .mount(&server)
        .await;
    serve(&server, "/2", numbered(1, "2")).await;
    let (kept, report) = ready(fetch(&client(&server.uri(), &json!({}))).await);
    assert_eq!(kept.trips, ["1", "2"]);
    assert_eq!(report.pages, 2);
}
