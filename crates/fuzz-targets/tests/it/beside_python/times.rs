//! Civil time beside Python's `zoneinfo`: labels, repeated and missing hours, and which zones are
//! accepted.

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc};
use chrono_tz::TZ_VARIANTS;
use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use trips::block::Hour;
use trips::time::CivilZone;

use super::{ask, cases, random};

/// Days between the looks of Python at a zone's offset.
const STEP_DAYS: u64 = 60;
/// How many zones `make test` looks at.
const ZONES: usize = 80;

/// An hour near a change of the clocks, if there is one that year, or any hour.
fn hour(random: &mut ChaCha8Rng, zone: &CivilZone) -> Hour {
    let first: DateTime<Utc> = "2001-01-01T00:00:00Z".parse().unwrap();
    let any = |random: &mut ChaCha8Rng| first + TimeDelta::hours(random.random_range(0..47 * 8766));
    let mut at = any(random);
    let offset = |at: DateTime<Utc>| zone.civil(at) - at.naive_utc();
    if random.random_bool(0.7) {
        let day = TimeDelta::days(1);
        for _ in 0..366 {
            if offset(at) != offset(at + day) {
                at += TimeDelta::hours(random.random_range(-3..27));
                break;
            }
            at += day;
        }
    }
    Hour::containing(at)
}

#[test]
fn labels_and_civil_times_are_those_of_zoneinfo() {
    let mut random = random(50);
    let accepted: Vec<CivilZone> = [
        "US/Central",
        "Europe/London",
        "Africa/Casablanca",
        "America/Havana",
        "America/Goose_Bay",
        "Antarctica/Troll",
        "Pacific/Apia",
        "America/Asuncion",
        "Asia/Gaza",
        "UTC",
    ]
    .into_iter()
    .map(|name| name.parse().unwrap())
    .collect();
    let hours: Vec<(CivilZone, Hour)> = (0..cases())
        .map(|_| {
            let zone = *accepted.choose(&mut random).unwrap();
            (zone, hour(&mut random, &zone))
        })
        .collect();
    // The clocks may skip the hour after the one that they show.
    let civil =
        |(zone, hour): &(CivilZone, Hour)| zone.civil(hour.previous().end()) + TimeDelta::hours(1);
    let case = |it: &(CivilZone, Hour)| {
        let civil = civil(it);
        let parts = json!([civil.year(), civil.month(), civil.day(), civil.hour()]);
        json!({"zone": it.0.name(), "end": it.1.end().timestamp(), "civil": parts})
    };
    let answers = ask("times", &hours.iter().map(case).collect::<Vec<_>>());
    for (it, answer) in hours.iter().zip(answers) {
        let (zone, hour) = it;
        let text = civil(it).format("%Y-%m-%d-%H").to_string();
        assert_eq!(answer["label"], hour.label(zone), "{zone} {hour:?}");
        let time = |text: &str| json!(zone.parse_time(text).ok().map(|it| it.start().timestamp()));
        assert_eq!(answer["first"], time(&text), "{zone} {text}");
        assert_eq!(
            answer["second"],
            time(&format!("{text}b")),
            "{zone} {text}b"
        );
    }
}

#[test]
fn the_zones_with_whole_hours_are_accepted() {
    let mut random = random(51);
    let count = if cases() > super::CASES {
        TZ_VARIANTS.len()
    } else {
        ZONES
    };
    let zones: Vec<_> = TZ_VARIANTS
        .choose_multiple(&mut random, count)
        .map(|zone| zone.name())
        .collect();
    let case = |name: &&str| json!({"zone": name, "step": STEP_DAYS});
    let answers = ask("zones", &zones.iter().map(case).collect::<Vec<_>>());
    for (name, is_whole) in zones.iter().zip(answers) {
        assert_eq!(
            is_whole,
            Value::Bool(name.parse::<CivilZone>().is_ok()),
            "{name}"
        );
    }
}
