use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use serde_json::Value;

use super::*;
use crate::city;
use crate::{MdsVersion, Quirk, Quirks, Rates};

fn evening() -> DateTime<Utc> {
    // A Saturday at six in the evening, city time.
    "2020-05-16T23:00:00Z".parse().unwrap()
}

fn feed(change: impl FnOnce(&mut ProviderOptions)) -> Feed {
    let mut options = ProviderOptions::default();
    change(&mut options);
    Feed::new(options)
}

fn parsed(feed: &Feed, time: DateTime<Utc>) -> Vec<Value> {
    feed.trips(time)
        .map(|trip| serde_json::from_str(&trip).unwrap())
        .collect()
}

fn end_ms(trip: &Value) -> i64 {
    trip["end_time"].as_i64().unwrap()
}

#[test]
fn an_hour_is_the_same_whenever_asked_and_differs_by_world() {
    let trips = |feed: &Feed| feed.trips(evening()).collect::<Vec<_>>();
    let one = trips(&feed(|_| {}));
    assert!(one.len() > 30);
    assert_eq!(one, trips(&feed(|_| {})));
    assert_ne!(one, trips(&feed(|options| options.seed = 2)));
    assert_ne!(
        one,
        trips(&feed(
            |options| options.provider_id = uuid::Uuid::from_u128(1)
        ))
    );
}

#[test]
fn the_hour_has_what_was_expected() {
    let feed = feed(|options| {
        options.trips_per_hour = 400.0;
        options.rates = Rates {
            duplicates: 0.1,
            missing_device: 0.05,
            end_before_start: 0.05,
            off_globe: 0.05,
            ..Rates::none()
        };
    });
    let expected = feed.expected(evening());
    let trips = parsed(&feed, evening());
    assert_eq!(trips.len() as u64, expected.sent);
    let bad = |trip: &&Value| {
        let last = trip["route"]["features"]
            .as_array()
            .unwrap()
            .last()
            .unwrap();
        trip.get("device_id").is_none()
            || trip["start_time"].as_i64() > trip["end_time"].as_i64()
            || last["geometry"]["coordinates"][1].as_f64().unwrap() > 90.0
    };
    assert_eq!(trips.iter().filter(bad).count() as u64, expected.bad);
    let ids: HashSet<&str> = trips
        .iter()
        .map(|trip| trip["trip_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len() as u64, expected.distinct + expected.bad);
    assert!(expected.bad > 20 && expected.sent > expected.distinct + expected.bad);
}

#[test]
fn every_trip_ends_in_its_hour_and_agrees_with_its_route() {
    let feed = feed(|options| options.rates = Rates::none());
    let hour = evening().timestamp_millis();
    for trip in parsed(&feed, evening()) {
        assert!((hour..hour + 3_600_000).contains(&end_ms(&trip)));
        let points = trip["route"]["features"].as_array().unwrap();
        let times: Vec<i64> = points
            .iter()
            .map(|point| point["properties"]["timestamp"].as_i64().unwrap())
            .collect();
        assert!(
            times
                .windows(2)
                .all(|pair| (1..=60_000).contains(&(pair[1] - pair[0])))
        );
        assert_eq!(times.first().copied(), trip["start_time"].as_i64());
        assert_eq!(times.last().copied(), trip["end_time"].as_i64());
        assert_eq!(
            trip["trip_duration"].as_i64().unwrap(),
            (times[times.len() - 1] - times[0]) / 1_000
        );
        let positions: Vec<city::Place> = points
            .iter()
            .map(|point| {
                let at = |axis: usize| point["geometry"]["coordinates"][axis].as_f64().unwrap();
                assert!(city::covers(at(1), at(0)));
                city::Place::of(at(1), at(0))
            })
            .collect();
        let metres: f64 = positions
            .windows(2)
            .map(|pair| pair[0].distance_to(pair[1]))
            .sum();
        let reported = f64::from(i32::try_from(trip["trip_distance"].as_i64().unwrap()).unwrap());
        assert!((metres - reported).abs() < 2.0, "{metres} {reported}");
    }
}

#[test]
fn devices_come_again_and_their_trips_do_not_overlap() {
    let feed = feed(|options| options.rates = Rates::none());
    let mut by_device: HashMap<String, Vec<(i64, i64)>> = HashMap::new();
    for hour in 0..48 {
        for trip in parsed(&feed, evening() + TimeDelta::hours(hour)) {
            let times = (trip["start_time"].as_i64().unwrap(), end_ms(&trip));
            by_device
                .entry(trip["device_id"].to_string())
                .or_default()
                .push(times);
        }
    }
    let trips: usize = by_device.values().map(Vec::len).sum();
    assert!(
        trips > 2 * by_device.len(),
        "{trips} trips of {} devices",
        by_device.len()
    );
    for times in by_device.values_mut() {
        times.sort_unstable();
        assert!(times.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    }
}

#[test]
fn flat_hours_have_the_number_asked_for() {
    let feed = feed(|options| {
        options.rhythm = Rhythm::Flat;
        options.trips_per_hour = 25.0;
        options.rates = Rates::none();
    });
    for hour in 0..30 {
        let expected = feed.expected(evening() + TimeDelta::hours(hour));
        assert_eq!(
            expected,
            Expected {
                sent: 25,
                distinct: 25,
                bad: 0
            }
        );
    }
}

#[test]
fn quirks_apply_to_the_whole_feed() {
    let with = |quirk| {
        feed(|options| {
            (options.quirks, options.rates) = (Quirks::from([quirk]), Rates::none());
        })
    };
    let integers = parsed(&with(Quirk::IntegerIds), evening());
    assert!(
        integers
            .iter()
            .all(|trip| trip["trip_id"].is_u64() && trip["device_id"].is_u64())
    );
    let swapped = parsed(&with(Quirk::SwappedCoordinates), evening());
    assert!(
        swapped[0]["route"]["features"][0]["geometry"]["coordinates"][0]
            .as_f64()
            .unwrap()
            > 0.0
    );
    let seconds = parsed(&with(Quirk::SecondsForMilliseconds), evening());
    assert!(end_ms(&seconds[0]) < 10_000_000_000);
    let ignores_hour = with(Quirk::IgnoresHour);
    assert_eq!(
        parsed(&ignores_hour, evening()),
        parsed(&ignores_hour, evening() - TimeDelta::hours(5))
    );
}

#[test]
fn versions_have_their_own_words() {
    let first =
        |version| parsed(&feed(|options| options.version = version), evening()).swap_remove(0);
    let oldest = first(MdsVersion::V0_2);
    assert!(oldest["start_time"].is_f64() && oldest.get("publication_time").is_none());
    assert!(oldest.get("propulsion_type").is_some() && oldest.get("currency").is_none());
    let newest = first(MdsVersion::V1_2);
    assert!(newest["start_time"].is_i64() && newest.get("publication_time").is_some());
    assert!(newest.get("propulsion_types").is_some() && newest.get("propulsion_type").is_none());
    assert_eq!(newest["currency"], "USD");
}
