//! `links.next`: the client never leaves the host that is configured, and never goes in circles.
//!
//! The first byte chooses the configured URL. Each line is a link; one that begins with `~` is that
//! of a page without trips.

use std::collections::BTreeSet;

use mds_client::fuzzing::{Followed, LinkTrail};
use url::Url;

use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "https://",
    "http://",
    "//",
    "mds.example.com",
    "evil.example",
    "@",
    ":443",
    ":80",
    ":8443",
    "?page=2",
    "&key=k",
    "#f",
    "..",
    "%2e",
    "%00",
    "\\",
    "[::1]",
    "localhost",
    "file:///",
    "~",
    "end_time=2020-01-01T22",
    "\t",
    "。",
    "xn--",
    "data:",
    "javascript:",
];

const FIRST: [&str; 4] = [
    "https://mds.example.com/v1/trips?key=k&end_time=2020-01-01T22",
    "https://mds.example.com:8443/trips",
    "http://127.0.0.1:9000/mds/trips?start_time=1&end_time=2",
    "https://[2001:db8::1]/trips?end_time=1",
];
const MAX_PAGES: u32 = 12;

pub(super) fn check(data: &[u8]) {
    let Some((choice, links)) = data.split_first() else {
        return;
    };
    let Ok(links) = str::from_utf8(links) else {
        return;
    };
    let first = Url::parse(FIRST[usize::from(*choice) % FIRST.len()]).unwrap();
    let links: Vec<&str> = links.lines().collect();
    follow(&first, links.iter().copied());
    // A provider whose links never end.
    if let Some(last) = links.last() {
        follow(
            &first,
            links.iter().copied().chain(std::iter::repeat_n(*last, 64)),
        );
    }
}

fn follow<'a>(first: &Url, links: impl Iterator<Item = &'a str>) {
    let mut trail = LinkTrail::new(first, MAX_PAGES);
    let mut seen = BTreeSet::from([first.to_string()]);
    let mut at = first.clone();
    for link in links {
        let (link, is_empty) = match link.strip_prefix('~') {
            Some(link) => (link, true),
            None => (link, false),
        };
        match trail.follow(&at, Some(link), is_empty) {
            Followed::Page(next) => {
                check_page(first, &next);
                assert!(seen.insert(next.to_string()), "a page is requested twice");
                assert!(
                    seen.len() <= MAX_PAGES as usize,
                    "more pages than are allowed"
                );
                at = next;
            }
            Followed::End => return,
            Followed::Refused(why) => {
                check_message(&why);
                return;
            }
        }
    }
}

fn check_page(first: &Url, next: &Url) {
    assert_eq!(next.scheme(), first.scheme(), "another scheme");
    assert_eq!(next.host(), first.host(), "another host");
    assert_eq!(
        next.port_or_known_default(),
        first.port_or_known_default(),
        "another port"
    );
    assert!(http_kit::same_origin(first, next));
    assert!(
        next.username().is_empty() && next.password().is_none(),
        "other credentials"
    );
    assert_eq!(next.fragment(), None);
    let names = |url: &Url| -> BTreeSet<String> {
        url.query_pairs()
            .map(|(name, _)| name.into_owned())
            .collect()
    };
    assert!(
        names(next).is_superset(&names(first)),
        "a page out of the hour"
    );
    // What is sent reads as the same URL.
    assert_eq!(Url::parse(next.as_str()).as_ref(), Ok(next));
}
