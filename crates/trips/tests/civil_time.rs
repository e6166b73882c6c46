//! Twenty years of hours in each zone: none is lost, and no two have the same name.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Timelike, Utc};
use proptest::prelude::*;
use rstest::rstest;
use trips::block::{Block, BlockObject, Hour, HourRange, Stage, object_key};
use trips::time::CivilZone;

const ZONES: [&str; 10] = [
    "US/Central",
    "America/New_York",
    "America/Phoenix",
    "Europe/London",
    "Australia/Brisbane",
    // Clocks that change four times a year, at midnight, a minute after midnight, by two hours, by
    // a day.
    "Africa/Casablanca",
    "America/Havana",
    "America/Goose_Bay",
    "Antarctica/Troll",
    "Pacific/Apia",
];

fn zone(name: &str) -> CivilZone {
    name.parse().unwrap()
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn hour(start: &str) -> Hour {
    Hour::starting_at(start.parse::<DateTime<Utc>>().unwrap()).unwrap()
}

fn twenty_years() -> HourRange {
    HourRange::new(hour("2010-01-01T00:00:00Z"), hour("2030-01-01T00:00:00Z")).unwrap()
}

fn key(zone: &CivilZone, hour: Hour) -> String {
    let block = Block {
        provider: "bird".parse().unwrap(),
        hour,
    };
    object_key(Stage::Production, &block, zone, BlockObject::Trips)
}

#[rstest]
#[case(ZONES[0])]
#[case(ZONES[1])]
#[case(ZONES[2])]
#[case(ZONES[3])]
#[case(ZONES[4])]
#[case(ZONES[5])]
#[case(ZONES[6])]
#[case(ZONES[7])]
#[case(ZONES[8])]
#[case(ZONES[9])]
fn every_block_has_its_own_label_and_its_own_key(#[case] name: &str) {
    let zone = zone(name);
    let mut labels = HashSet::new();
    let mut keys = HashSet::new();
    for hour in twenty_years() {
        let label = hour.label(&zone);
        assert_eq!(Hour::from_label(&zone, &label), Ok(hour), "{name} {label}");
        assert_eq!(
            zone.parse_time(&label).map(|end| end.previous()),
            Ok(hour),
            "{name} {label}"
        );
        assert!(
            keys.insert(key(&zone, hour)),
            "{name}: two blocks at {}",
            key(&zone, hour)
        );
        assert!(
            labels.insert(label),
            "{name}: two blocks called {}",
            hour.label(&zone)
        );
    }
    assert_eq!(labels.len(), 175_320);
    assert_eq!(keys.len(), 175_320);
}

/// The lengths of the days of twenty years, and how often each length occurs.
#[rstest]
#[case("US/Central", &[(23, 20), (24, 7_265), (25, 20)])]
#[case("America/New_York", &[(23, 20), (24, 7_265), (25, 20)])]
#[case("America/Phoenix", &[(24, 7_305)])]
#[case("Europe/London", &[(23, 20), (24, 7_265), (25, 20)])]
#[case("Australia/Brisbane", &[(24, 7_305)])]
#[case("Antarctica/Troll", &[(22, 20), (24, 7_265), (26, 20)])]
fn civil_days_add_up(#[case] name: &str, #[case] lengths: &[(u64, usize)]) {
    let zone = zone(name);
    let mut counted = BTreeMap::<u64, usize>::new();
    let mut next = None;
    for date in day(2010, 1, 1)
        .iter_days()
        .take_while(|date| *date < day(2030, 1, 1))
    {
        let hours = zone.day(date).unwrap();
        assert!(next.is_none_or(|end| end == hours.first()), "{name} {date}");
        assert!(
            hours
                .iter()
                .all(|hour| zone.civil(hour.start()).date() == date),
            "{name} {date}"
        );
        assert_eq!(hours.iter().count() as u64, hours.len());
        next = Some(hours.end());
        *counted.entry(hours.len()).or_default() += 1;
    }
    // Antarctica/Troll has had these clocks since 2005.
    assert_eq!(counted.into_iter().collect::<Vec<_>>(), lengths);
}

#[rstest]
#[case(ZONES[5])]
#[case(ZONES[6])]
#[case(ZONES[7])]
#[case(ZONES[9])]
fn unusual_days_leave_no_gap(#[case] name: &str) {
    let zone = zone(name);
    let days = day(2010, 1, 1)
        .iter_days()
        .take_while(|date| *date < day(2030, 1, 1));
    let ranges: Vec<_> = days.filter_map(|date| zone.day(date)).collect();
    assert!(
        ranges
            .windows(2)
            .all(|pair| pair[0].end() == pair[1].first()),
        "{name}"
    );
}

#[test]
fn samoa_skipped_a_day() {
    let zone = zone("Pacific/Apia");
    assert_eq!(zone.day(day(2011, 12, 30)), None);
    assert_eq!(
        zone.day(day(2011, 12, 31)).map(|hours| hours.len()),
        Some(24)
    );
}

#[test]
fn labels_of_the_short_day() {
    let zone = CivilZone::default();
    let labels: Vec<_> = zone
        .day(day(2020, 3, 8))
        .unwrap()
        .iter()
        .map(|hour| hour.label(&zone))
        .collect();
    assert_eq!(labels.len(), 23);
    assert_eq!(
        labels[..3],
        ["2020-03-08-01", "2020-03-08-03", "2020-03-08-04"]
    );
    assert_eq!(labels[22], "2020-03-09-00");
}

#[test]
fn labels_and_keys_of_the_long_day() {
    let zone = CivilZone::default();
    let hours = zone.day(day(2020, 11, 1)).unwrap();
    let labels: Vec<_> = hours.iter().map(|hour| hour.label(&zone)).collect();
    let keys: Vec<_> = hours.iter().map(|hour| key(&zone, hour)).collect();
    assert_eq!(labels.len(), 25);
    assert_eq!(
        labels[..3],
        ["2020-11-01-01", "2020-11-01-01b", "2020-11-01-02"]
    );
    assert_eq!(labels[24], "2020-11-02-00");
    assert_eq!(
        keys[..4],
        [
            "production/bird/2020/11/1/0/trips.json",
            "production/bird/2020/11/1/1/trips.json",
            "production/bird/2020/11/1/1b/trips.json",
            "production/bird/2020/11/1/2/trips.json",
        ]
    );
}

#[test]
fn every_accepted_zone_shows_whole_hours() {
    let taken: Vec<CivilZone> = chrono_tz::TZ_VARIANTS
        .iter()
        .filter_map(|zone| zone.name().parse().ok())
        .collect();
    assert!(taken.len() > 500, "only {} zones are taken", taken.len());
    let weeks = (0..2_600).map(|week| Utc.timestamp_opt(946_684_800 + week * 604_800, 0).unwrap());
    for instant in weeks {
        assert!(
            taken.iter().all(|zone| zone.civil(instant).minute() == 0),
            "{instant}"
        );
    }
}

fn instants() -> impl Strategy<Value = DateTime<Utc>> {
    let first = hour("2010-01-01T00:00:00Z").start().timestamp();
    let end = hour("2030-01-01T00:00:00Z").start().timestamp();
    (first..end, 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanos)| Utc.timestamp_opt(seconds, nanos).unwrap())
}

fn zones() -> impl Strategy<Value = CivilZone> {
    prop::sample::select(ZONES.map(zone).to_vec())
}

proptest! {
    #[test]
    fn an_instant_belongs_to_exactly_one_block(instant in instants()) {
        let hour = Hour::containing(instant);
        prop_assert!(hour.start() <= instant && instant < hour.end());
        prop_assert_eq!(hour.end() - hour.start(), TimeDelta::hours(1));
        prop_assert!(hour.contains(instant));
        prop_assert!(!hour.previous().contains(instant) && !hour.next().contains(instant));
        prop_assert_eq!(hour.next().previous(), hour);
    }

    #[test]
    fn an_instant_belongs_to_exactly_one_civil_day(instant in instants(), zone in zones()) {
        // Except in the minute before the clocks of Goose Bay go back, an hour starts on its own
        // day.
        let hour = Hour::containing(instant);
        let date = zone.civil(hour.start()).date();
        let holds = |date: NaiveDate| {
            zone.day(date).is_some_and(|day| day.first() <= hour && hour < day.end())
        };
        prop_assert!(holds(date));
        prop_assert!(!date.pred_opt().is_some_and(holds) && !date.succ_opt().is_some_and(holds));
    }

    #[test]
    fn a_whole_instant_reads_as_itself(instant in instants(), zone in zones()) {
        let hour = Hour::containing(instant);
        prop_assert_eq!(zone.parse_time(&hour.start().to_rfc3339()), Ok(hour));
    }

    #[test]
    fn civil_time_reads_back(instant in instants(), zone in zones()) {
        let hour = Hour::containing(instant);
        let civil = zone.civil(hour.start()).format("%Y-%m-%d-%H").to_string();
        let read = zone.parse_time(&civil).unwrap();
        prop_assert!(read <= hour);
        prop_assert_eq!(zone.civil(read.start()), zone.civil(hour.start()));
    }

    #[test]
    fn any_input_is_a_time_or_an_error(input in "\\PC{0,24}", zone in zones()) {
        let _ = zone.parse_time(&input);
        let _ = Hour::from_label(&zone, &input);
    }

    #[test]
    fn anything_shaped_like_a_time_is_read_or_refused(
        (year, month, day, hour) in (0..10_000_u32, 0..100_u32, 0..100_u32, 0..100_u32),
        second in any::<bool>(),
        zone in zones(),
    ) {
        let suffix = if second { "b" } else { "" };
        let input = format!("{year:04}-{month}-{day:02}-{hour}{suffix}");
        let named = format!("`{input}` ");
        match zone.parse_time(&input) {
            Ok(_) => prop_assert!(hour < 24 && (1..=12).contains(&month) && (1..=31).contains(&day)),
            Err(error) => prop_assert!(error.to_string().starts_with(&named)),
        }
    }

    #[test]
    fn an_hour_goes_through_json(instant in instants()) {
        let hour = Hour::containing(instant);
        let json = serde_json::to_string(&hour).unwrap();
        prop_assert_eq!(serde_json::from_str::<Hour>(&json).unwrap(), hour);
    }
}

#[rstest]
#[case::another_name("America/Chicago", true)]
#[case::the_same_rules_since_2010("America/Indiana/Knox", true)]
#[case::an_hour_east("US/Eastern", false)]
#[case::without_summer_time("America/Regina", false)]
fn zones_are_compared_by_their_clocks(#[case] other: CivilZone, #[case] is_same: bool) {
    assert_eq!(CivilZone::default().has_the_clocks_of(&other), is_same);
}
