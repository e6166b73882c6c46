//! Pages of trips, of every version of MDS, and archives.

mod faulty;

use std::io::{self, Read};

use serde_json::value::RawValue;
use trips::envelope::{
    ArchiveWriter, EnvelopeError, EnvelopeSummary, NextPage, NonFiniteTrip, TripVisitor,
    is_version, read_envelope, read_list,
};
use trips::fixtures::rules;
use trips::fuzzing::read_in_window;
use trips::text::strip_byte_order_mark;

use self::faulty::with_markers;
use crate::json::Members;
use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "version",
    "data",
    "trips",
    "links",
    "next",
    "href",
    "rel",
    "_links",
    "pagination",
    "has_more",
    "error",
    "null",
    "next_page",
    "vehicles",
    "telemetry",
    "trip_id",
    "1.2.0",
    "2.0",
    "0.4.1",
    "mds_etl_too_large",
    "mds_etl_not_utf8",
    "mds_etl_not_json",
    "NaN",
    "-Infinity",
    "\u{feff}",
];

/// As small as a window may be.
const SMALL_WINDOW: usize = 7;
/// Values above this are skipped in the small window.
const SMALL_VALUE: usize = 96;

/// A trip as the visitor received it.
#[derive(Debug, Clone, PartialEq)]
enum Received {
    Json(String),
    NonFinite(String),
}

impl Received {
    fn json(&self) -> Option<&str> {
        match self {
            Self::Json(text) => Some(text),
            Self::NonFinite(_) => None,
        }
    }
}

#[derive(Default)]
struct Collector {
    trips: Vec<Received>,
    version: Option<String>,
}

impl TripVisitor for Collector {
    fn version(&mut self, version: &str) {
        self.version = Some(version.to_owned());
    }

    fn trip(&mut self, trip: &RawValue) -> io::Result<()> {
        self.trips.push(Received::Json(trip.get().to_owned()));
        Ok(())
    }

    fn non_finite_trip(&mut self, trip: &NonFiniteTrip<'_>) -> io::Result<()> {
        assert!(
            serde_json::from_str::<&RawValue>(trip.text).is_err(),
            "JSON was passed on as if it were none"
        );
        self.trips.push(Received::NonFinite(trip.text.to_owned()));
        Ok(())
    }
}

/// One byte at a time.
struct Drops<'a>(&'a [u8]);

impl Read for Drops<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = out.len().min(1).min(self.0.len());
        out[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

type Outcome = Result<EnvelopeSummary, EnvelopeError>;

fn read(data: &[u8]) -> (Outcome, Collector) {
    let mut collector = Collector::default();
    let outcome = read_envelope(data, &mut collector);
    (outcome, collector)
}

pub(super) fn check(data: &[u8]) {
    let (outcome, received) = read(data);
    match &outcome {
        Ok(summary) => {
            assert_eq!(
                summary.trips,
                received.trips.len() as u64,
                "a trip is not counted"
            );
            assert_eq!(summary.version, received.version);
            assert!(summary.version.as_deref().is_none_or(is_version));
            assert!(summary.next.url() != Some(""));
            archive_holds(&received.trips);
        }
        Err(error) => check_message(&error.to_string()),
    }
    compare_with_serde(data, &outcome, &received);
    compare_with_drops(data, &outcome, &received);
    compare_with_small_window(data, &outcome, &received);
    compare_with_ahead(data, &outcome, &received);
    for list in ["vehicles", "telemetry"] {
        let mut collector = Collector::default();
        if let Ok(summary) = read_list(data, list, &mut collector) {
            assert_eq!(summary.trips, collector.trips.len() as u64);
        }
    }
}

/// An archive of these trips reads as these trips.
fn archive_holds(trips: &[Received]) {
    let mut archive = ArchiveWriter::new(Vec::new(), "1.2.0").unwrap();
    for trip in trips {
        match trip {
            Received::Json(text) => archive.push(serde_json::from_str(text).unwrap()),
            // A visitor gets these lent, with a text that only the reader makes.
            Received::NonFinite(text) => {
                let with_nulls = RawValue::from_string("null".to_owned()).unwrap();
                archive.push_non_finite(&NonFiniteTrip {
                    text,
                    with_nulls: &with_nulls,
                })
            }
        }
        .unwrap();
    }
    let bytes = archive.finish().unwrap();
    let (outcome, read) = read(&bytes);
    let summary = outcome.expect("an archive cannot be read");
    assert_eq!(read.trips, trips, "an archive holds other trips");
    assert_eq!(summary.version.as_deref(), Some("1.2.0"));
    assert_eq!(summary.next, NextPage::None);
}

/// serde_json, which reads the whole text, finds the same trips. It is given what stands in place
/// of trips that are no JSON.
fn compare_with_serde(data: &[u8], outcome: &Outcome, received: &Collector) {
    let text = str::from_utf8(strip_byte_order_mark(data)).ok();
    let text = text.map(|text| match outcome {
        Ok(_) => with_markers(text, received.trips.iter().filter_map(Received::json)),
        Err(_) => text.to_owned(),
    });
    let whole = text
        .as_deref()
        .and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    let Some(whole) = whole else {
        let may_be_lenient = has_non_finite(data) || text.is_none();
        assert!(
            outcome.is_err() || may_be_lenient,
            "a text that is no JSON was read"
        );
        return;
    };
    let Some(members) = Members::read(whole.get()) else {
        // A key with half of a surrogate pair is JSON by its grammar, but no text.
        assert!(outcome.is_err(), "a text that is no object was read");
        return;
    };
    let mut lists: Vec<&RawValue> = Vec::new();
    let mut links: Vec<&RawValue> = members.named("links").collect();
    for (name, value) in &members.0 {
        match name.as_str() {
            "trips" => lists.push(value),
            "data" if value.get().starts_with('{') => match Members::read(value.get()) {
                Some(data) => {
                    lists.extend(data.named("trips"));
                    links.extend(data.named("links"));
                }
                None => return assert!(outcome.is_err()),
            },
            _ => {}
        }
    }
    let has_null = lists.iter().any(|list| list.get() == "null");
    let lists: Vec<Vec<&RawValue>> = lists
        .into_iter()
        .filter_map(|list| serde_json::from_str(list.get()).ok())
        .collect();
    let due: Vec<Received> = lists
        .iter()
        .flatten()
        .map(|trip| Received::Json(trip.get().to_owned()))
        .collect();
    match outcome {
        Ok(summary) => {
            assert!(
                has_null || !lists.is_empty(),
                "a text without trips was read"
            );
            assert_eq!(received.trips, due, "not the trips of the text");
            compare_links(&links, summary);
        }
        Err(EnvelopeError::NotAnEnvelope { .. }) => {
            // A list without trips is believed unless another member names an error.
            let may_have_error = members.0.len() > 1;
            assert!(
                lists.is_empty() || (due.is_empty() && may_have_error),
                "an envelope was refused"
            );
        }
        Err(error) => panic!("JSON was refused: {error}"),
    }
}

/// A page whose next page cannot be found must not look like the last one.
fn compare_links(links: &[&RawValue], summary: &EnvelopeSummary) {
    let urls: Vec<String> = links.iter().filter_map(|links| next_in(links)).collect();
    match &summary.next {
        NextPage::None => assert_eq!(urls, [""; 0], "a link to the next page is lost"),
        NextPage::Url(next) => {
            assert!(urls.iter().all(|url| url == next), "a link is left out");
        }
        NextPage::Counted(unclear) => {
            assert_eq!(urls, [""; 0], "a link to the next page is lost");
            check_message(&unclear.to_string());
        }
        NextPage::Unclear(unclear) => check_message(&unclear.to_string()),
    }
}

fn next_in(links: &RawValue) -> Option<String> {
    let next = Members::read(links.get())?.named("next").next()?;
    let url = match Members::read(next.get()) {
        // Of two members of this name, the reader keeps the last.
        Some(object) => serde_json::from_str(object.named("href").last()?.get()).ok(),
        None => serde_json::from_str::<String>(next.get()).ok(),
    };
    url.filter(|url| !url.trim().is_empty())
}

fn has_non_finite(data: &[u8]) -> bool {
    let has = |word: &[u8]| data.windows(word.len()).any(|window| window == word);
    has(b"NaN") || has(b"Infinity")
}

fn compare_with_drops(data: &[u8], outcome: &Outcome, received: &Collector) {
    let mut drops = Collector::default();
    let by_drops = read_envelope(Drops(data), &mut drops);
    assert_eq!(drops.trips, received.trips, "other trips byte by byte");
    match (&by_drops, outcome) {
        (Ok(drops), Ok(whole)) => assert_eq!(drops, whole),
        (Err(drops), Err(whole)) => assert_eq!(drops.to_string(), whole.to_string()),
        _ => panic!("another outcome byte by byte: {by_drops:?}, not {outcome:?}"),
    }
}

/// In a window of a few bytes, every value is cut somewhere.
fn compare_with_small_window(data: &[u8], outcome: &Outcome, received: &Collector) {
    let mut small = Collector::default();
    let in_small = read_in_window(data, SMALL_WINDOW, 64 * 1024, "trips", &mut small);
    assert_eq!(
        in_small.is_ok(),
        outcome.is_ok(),
        "{in_small:?}, not {outcome:?}"
    );
    if let (Ok(small_summary), Ok(summary)) = (&in_small, outcome) {
        assert_eq!(small_summary, summary);
        assert_eq!(small.trips, received.trips, "other trips in a small window");
    }
    let mut skipping = Collector::default();
    let skipped = read_in_window(data, SMALL_WINDOW, SMALL_VALUE, "trips", &mut skipping);
    if let (Ok(skipped), Ok(summary)) = (&skipped, outcome) {
        assert_eq!(
            skipped.trips, summary.trips,
            "a trip that is too large is lost"
        );
        assert_eq!(skipped.trips, skipping.trips.len() as u64);
        for (skipping, whole) in skipping.trips.iter().zip(&received.trips) {
            let is_marker = matches!(
                skipping,
                Received::Json(text) if text.starts_with("{\"mds_etl_too_large\":")
            );
            assert!(skipping == whole || is_marker, "a trip changed");
        }
    }
}

/// Trips that are checked in the pass that finds their end are those that are checked alone.
fn compare_with_ahead(data: &[u8], outcome: &Outcome, received: &Collector) {
    #[derive(Default)]
    struct Ahead {
        loaded: Vec<trips::trip::Trip>,
        left: usize,
    }
    impl TripVisitor for Ahead {
        fn trip(&mut self, _: &RawValue) -> io::Result<()> {
            self.left += 1;
            Ok(())
        }

        fn trip_ahead(&mut self, text: &[u8]) -> io::Result<Option<usize>> {
            Ok(rules().check_ahead(text).map(|(trip, text)| {
                self.loaded.push(trip);
                text.len()
            }))
        }
    }
    let mut ahead = Ahead::default();
    let by_ahead = read_envelope(data, &mut ahead);
    assert_eq!(
        by_ahead.is_ok(),
        outcome.is_ok(),
        "{by_ahead:?}, not {outcome:?}"
    );
    if outcome.is_ok() {
        let alone: Vec<_> = received
            .trips
            .iter()
            .filter_map(|trip| match trip {
                Received::Json(text) => rules().check(text).ok(),
                Received::NonFinite(_) => None,
            })
            .collect();
        assert_eq!(ahead.loaded.len() + ahead.left, received.trips.len());
        assert_eq!(ahead.loaded, alone, "other trips in the same pass");
    }
}
