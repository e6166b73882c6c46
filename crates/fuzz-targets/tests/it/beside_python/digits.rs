//! The digits of numbers beside Python's `decimal`: durations, costs and times of trips.

use chrono::{DateTime, TimeDelta};
use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use trips::fixtures::{START_MILLISECONDS, rules, trip};
use trips::trip::{Flag, Rules, Trip};
use trips::{CostUnit, Feed};

use super::{ask, cases, random};

/// A number as somebody may write it, in the grammar of JSON.
fn number(random: &mut ChaCha8Rng) -> String {
    let mut text = String::new();
    if random.random_bool(0.2) {
        text.push('-');
    }
    let digits = |random: &mut ChaCha8Rng, most: usize| -> String {
        let count = random.random_range(1..=most);
        (0..count)
            .map(|_| {
                *['0', '0', '4', '5', '9', '9', '1', '7']
                    .choose(random)
                    .unwrap()
            })
            .collect()
    };
    let most = *[2, 6, 20, 24].choose(random).unwrap();
    let whole = digits(random, most);
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if random.random_bool(0.6) {
        text.push('.');
        text.push_str(&digits(random, most));
    }
    if random.random_bool(0.3) {
        let sign = *["", "+", "-"].choose(random).unwrap();
        text.push_str(&format!("e{sign}{}", random.random_range(0..25)));
    }
    text
}

/// A time of a trip, in seconds or milliseconds, with decimals.
fn stamp(random: &mut ChaCha8Rng) -> String {
    let decimals: String = (0..random.random_range(0..9))
        .map(|_| *['0', '4', '5', '9'].choose(random).unwrap())
        .collect();
    let point = if decimals.is_empty() { "" } else { "." };
    let after = random.random_range(0..600_000);
    let milliseconds = START_MILLISECONDS + after;
    match random.random_range(0..3) {
        0 => format!("{milliseconds}{point}{decimals}"),
        1 => format!("{}{point}{decimals}", milliseconds / 1000),
        _ => format!(
            "{}.{:03}{decimals}e3",
            milliseconds / 1000,
            milliseconds % 1000
        ),
    }
}

fn checked(rules: &Rules<'_>, members: &[(&str, &str)]) -> Result<Trip, String> {
    let mut trip = trip();
    for (name, _) in members {
        trip[*name] = json!(format!("@{name}"));
    }
    let mut text = trip.to_string();
    for (name, number) in members {
        text = text.replace(&format!("\"@{name}\""), number);
    }
    rules
        .check(&text)
        .map_err(|reject| format!("{:?}", reject.reasons))
}

/// The whole number that Python has, if it fits.
fn whole(answer: &Value) -> Option<i64> {
    answer["whole"].as_str()?.parse().ok()
}

#[test]
fn numbers_of_trips_are_those_of_their_digits() {
    let mut random = random(20);
    let numbers: Vec<String> = (0..cases()).map(|_| number(&mut random)).collect();
    let of_places = |places: u32| {
        let case = |number: &String| json!({"number": number, "stamp": false, "places": places});
        ask("digits", &numbers.iter().map(case).collect::<Vec<_>>())
    };
    let (as_they_are, in_cents) = (of_places(0), of_places(2));
    let major = Feed {
        cost_unit: CostUnit::Major,
        ..Feed::default()
    };
    for ((number, plain), cents) in numbers.iter().zip(&as_they_are).zip(&in_cents) {
        let duration = checked(&rules(), &[("trip_duration", number)]);
        assert_eq!(
            duration.map(|trip| trip.trip_duration).ok(),
            whole(plain),
            "duration {number}"
        );
        for (feed, answer) in [(Feed::default(), plain), (major, cents)] {
            let rules = Rules { feed, ..rules() };
            let trip = checked(&rules, &[("actual_cost", number)]).unwrap();
            let is_exact = answer["exact"] == true || answer["nearly"] == true;
            let due = whole(answer).filter(|_| is_exact);
            assert_eq!(trip.actual_cost, due, "cost {number}");
            let is_fraction = trip.flags.contains(Flag::FractionalCost);
            assert_eq!(
                is_fraction,
                !is_exact && answer["whole"] != Value::Null && due.is_none(),
                "{number}"
            );
        }
    }
}

#[test]
fn times_of_trips_are_exact_to_the_microsecond() {
    let mut random = random(21);
    let stamps: Vec<String> = (0..cases()).map(|_| stamp(&mut random)).collect();
    let case = |number: &String| json!({"number": number, "stamp": true, "places": 0});
    let answers = ask("digits", &stamps.iter().map(case).collect::<Vec<_>>());
    let end = (START_MILLISECONDS + TimeDelta::hours(1).num_milliseconds()).to_string();
    for (stamp, answer) in stamps.iter().zip(answers) {
        let due = DateTime::from_timestamp_micros(whole(&answer).unwrap()).unwrap();
        for written in [stamp.clone(), format!("\"{stamp}\"")] {
            let trip = checked(&rules(), &[("start_time", &written), ("end_time", &end)]).unwrap();
            assert_eq!(trip.start_time, due, "{written}");
        }
    }
}
