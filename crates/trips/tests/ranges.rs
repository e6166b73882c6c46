//! The hours of a request, the names in it, and the keys of objects.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use rstest::rstest;
use trips::block::{
    Block, BlockObject, Hour, HourRange, ProviderName, Stage, TimeWindow, manifest_key, object_key,
};
use trips::time::CivilZone;
use uuid::Uuid;

const NOW: &str = "2020-01-10T12:34:56Z";

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn civil(text: &str) -> Hour {
    CivilZone::default().parse_time(text).unwrap()
}

fn window(time_min: Option<&str>, time_max: Option<&str>, interval: Option<u32>) -> TimeWindow {
    TimeWindow {
        time_min: time_min.map(civil),
        time_max: time_max.map(civil),
        interval,
    }
}

/// It is 2020-01-10 06:34 civil time, so the hour 06 has not ended.
#[rstest]
#[case::nothing(None, None, None, "2020-01-10-05", "2020-01-10-06", 0)]
#[case::interval_alone(None, None, Some(3), "2020-01-10-03", "2020-01-10-06", 0)]
#[case::max_alone(None, Some("2020-01-02-00"), None, "2020-01-01-23", "2020-01-02-00", 0)]
#[case::max_and_interval(
    None,
    Some("2020-01-02-00"),
    Some(24),
    "2020-01-01-00",
    "2020-01-02-00",
    0
)]
#[case::min_alone(Some("2020-01-02-00"), None, None, "2020-01-02-00", "2020-01-02-01", 0)]
#[case::min_and_interval(
    Some("2020-01-02-00"),
    None,
    Some(24),
    "2020-01-02-00",
    "2020-01-03-00",
    0
)]
#[case::both(
    Some("2020-01-01-00"),
    Some("2020-01-02-00"),
    None,
    "2020-01-01-00",
    "2020-01-02-00",
    0
)]
#[case::interval_with_both(
    Some("2020-01-01-00"),
    Some("2020-01-02-00"),
    Some(5),
    "2020-01-01-00",
    "2020-01-02-00",
    0
)]
#[case::zero_interval_with_both(
    Some("2020-01-01-00"),
    Some("2020-01-02-00"),
    Some(0),
    "2020-01-01-00",
    "2020-01-02-00",
    0
)]
#[case::ends_in_the_current_hour(
    Some("2020-01-10-00"),
    Some("2020-01-10-07"),
    None,
    "2020-01-10-00",
    "2020-01-10-06",
    1
)]
#[case::ends_in_the_future(
    Some("2020-01-10-00"),
    Some("2020-01-11-00"),
    None,
    "2020-01-10-00",
    "2020-01-10-06",
    18
)]
#[case::min_reaches_into_the_future(
    Some("2020-01-10-05"),
    None,
    Some(5),
    "2020-01-10-05",
    "2020-01-10-06",
    4
)]
fn a_window_has_these_hours(
    #[case] time_min: Option<&str>,
    #[case] time_max: Option<&str>,
    #[case] interval: Option<u32>,
    #[case] first: &str,
    #[case] end: &str,
    #[case] not_ended: u64,
) {
    let resolved = window(time_min, time_max, interval)
        .resolve(instant(NOW))
        .unwrap();
    assert_eq!(resolved.range, HourRange::new(civil(first), civil(end)));
    assert_eq!(resolved.not_ended, not_ended);
}

#[rstest]
#[case::min_and_max(Some("2020-02-01-00"), Some("2020-02-02-00"), None, 24)]
#[case::min_alone(Some("2020-01-10-06"), None, None, 1)]
#[case::max_and_interval(None, Some("2020-02-01-00"), Some(2), 2)]
fn a_window_in_the_future_has_no_hours(
    #[case] time_min: Option<&str>,
    #[case] time_max: Option<&str>,
    #[case] interval: Option<u32>,
    #[case] not_ended: u64,
) {
    let resolved = window(time_min, time_max, interval)
        .resolve(instant(NOW))
        .unwrap();
    assert_eq!((resolved.range, resolved.not_ended), (None, not_ended));
}

#[test]
fn an_hour_has_ended_at_its_end() {
    let window = window(Some("2020-01-10-05"), Some("2020-01-10-06"), None);
    let at_the_end = window.resolve(instant("2020-01-10T12:00:00Z")).unwrap();
    let just_before = window.resolve(instant("2020-01-10T11:59:59.999Z")).unwrap();
    assert_eq!(at_the_end.range.map(|range| range.len()), Some(1));
    assert_eq!((just_before.range, just_before.not_ended), (None, 1));
}

#[rstest]
#[case::empty(
    Some("2020-01-01-00"),
    Some("2020-01-01-00"),
    None,
    "time_min and time_max are both 2020-01-01T06:00:00Z, a range without an hour; use a later time_max"
)]
#[case::empty_by_the_skipped_hour(
    Some("2020-03-08-02"),
    Some("2020-03-08-03"),
    None,
    "time_min and time_max are both 2020-03-08T08:00:00Z, a range without an hour; use a later time_max"
)]
#[case::swapped(
    Some("2020-01-02-00"),
    Some("2020-01-01-00"),
    None,
    "time_min 2020-01-02T06:00:00Z is after time_max 2020-01-01T06:00:00Z; swap the two"
)]
#[case::no_interval_before_max(
    None,
    Some("2020-01-01-00"),
    Some(0),
    "the interval is 0 hours, a range without an hour; use an interval of 1 or more"
)]
#[case::no_interval_from_min(
    Some("2020-01-01-00"),
    None,
    Some(0),
    "the interval is 0 hours, a range without an hour; use an interval of 1 or more"
)]
#[case::no_interval_alone(
    None,
    None,
    Some(0),
    "the interval is 0 hours, a range without an hour; use an interval of 1 or more"
)]
#[case::interval_before_2000(
    None,
    Some("2020-01-01-00"),
    Some(200_000),
    "the interval of 200000 hours reaches beyond the years 2000 to 2049; use a shorter one"
)]
#[case::interval_after_2049(
    Some("2020-01-01-00"),
    None,
    Some(300_000),
    "the interval of 300000 hours reaches beyond the years 2000 to 2049; use a shorter one"
)]
#[case::interval_beyond_the_calendar(
    None,
    None,
    Some(u32::MAX),
    "the interval of 4294967295 hours reaches beyond the years 2000 to 2049; use a shorter one"
)]
fn refuses_a_window(
    #[case] time_min: Option<&str>,
    #[case] time_max: Option<&str>,
    #[case] interval: Option<u32>,
    #[case] message: &str,
) {
    let error = window(time_min, time_max, interval)
        .resolve(instant(NOW))
        .unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn a_civil_day_is_the_blocks_labelled_01_to_24() {
    let zone = CivilZone::default();
    let range = window(Some("2020-01-01-00"), Some("2020-01-02-00"), None)
        .resolve(instant(NOW))
        .unwrap()
        .range
        .unwrap();
    let labels: Vec<_> = range.iter().map(|hour| hour.label(&zone)).collect();
    assert_eq!(labels.len(), 24);
    assert_eq!(labels[0], "2020-01-01-01");
    assert_eq!(labels[22], "2020-01-01-23");
    assert_eq!(labels[23], "2020-01-02-00");
}

proptest! {
    #[test]
    fn every_requested_hour_is_planned_or_counted(
        start in 438_000..450_000_i64,
        hours in 1..2_000_i64,
        now in 438_000..452_000_i64,
        minute in 0..60_i64,
    ) {
        let hour = |hours: i64| {
            Hour::containing(DateTime::from_timestamp(hours * 3_600, 0).unwrap())
        };
        let now = DateTime::from_timestamp(now * 3_600 + minute * 60, 0).unwrap();
        let window = TimeWindow {
            time_min: Some(hour(start)),
            time_max: Some(hour(start + hours)),
            interval: None,
        };
        let resolved = window.resolve(now).unwrap();
        let planned: Vec<_> = resolved.range.into_iter().flatten().collect();
        prop_assert_eq!(planned.len() as u64 + resolved.not_ended, hours.unsigned_abs());
        prop_assert!(planned.iter().all(|hour| hour.end() <= now));
        prop_assert!(planned.windows(2).all(|pair| pair[0].next() == pair[1]));
    }
}

#[rstest]
#[case(BlockObject::Trips, "production/bird/2020/1/1/22/trips.json")]
#[case(BlockObject::Extract, "production/bird/2020/1/1/22/extract.json")]
#[case(BlockObject::Rejects, "production/bird/2020/1/1/22/rejects.json")]
#[case(BlockObject::Publish, "production/bird/2020/1/1/22/publish.json")]
fn the_block_labelled_23_has_its_objects_at_22(#[case] object: BlockObject, #[case] key: &str) {
    let zone = CivilZone::default();
    let hour = Hour::from_label(&zone, "2020-01-01-23").unwrap();
    let block = Block {
        provider: "bird".parse().unwrap(),
        hour,
    };
    assert_eq!(object_key(Stage::Production, &block, &zone, object), key);
}

#[test]
fn a_manifest_has_its_run_in_its_key() {
    let run_id = Uuid::from_u128(7);
    assert_eq!(
        manifest_key(Stage::Staging, run_id),
        "staging/runs/00000000-0000-0000-0000-000000000007/manifest.json"
    );
}

#[rstest]
#[case("STAGING", Some(Stage::Staging))]
#[case("Production", Some(Stage::Production))]
#[case("production", Some(Stage::Production))]
#[case("prod", None)]
#[case("", None)]
fn reads_a_stage(#[case] text: &str, #[case] stage: Option<Stage>) {
    assert_eq!(text.parse().ok(), stage);
    let json = serde_json::to_string(text).unwrap();
    assert_eq!(serde_json::from_str(&json).ok(), stage);
}

#[test]
fn an_unknown_stage_is_named_in_the_error() {
    let error = "prod".parse::<Stage>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`prod` is not a stage; use STAGING or PRODUCTION"
    );
}

#[rstest]
#[case("bird")]
#[case("lime-2")]
#[case("sample_co")]
#[case("0")]
fn accepts_the_name(#[case] name: &str) {
    let provider: ProviderName = name.parse().unwrap();
    assert_eq!(provider.to_string(), name);
    let json = serde_json::to_string(&provider).unwrap();
    assert_eq!(
        serde_json::from_str::<ProviderName>(&json).unwrap(),
        provider
    );
}

#[rstest]
#[case(
    "",
    "the provider's name is empty; give it a short name such as `bird`"
)]
#[case(
    "Bird",
    "the provider's name `Bird` has the character 'B'; use lower-case letters a to z, digits, `_` and `-`"
)]
#[case(
    "../etc",
    "the provider's name `../etc` has the character '.'; use lower-case letters a to z, digits, `_` and `-`"
)]
#[case(
    "vélo",
    "the provider's name `vélo` has the character 'é'; use lower-case letters a to z, digits, `_` and `-`"
)]
#[case(
    "all",
    "the provider's name `all` has another meaning here; give it another name"
)]
#[case(
    "runs",
    "the provider's name `runs` has another meaning here; give it another name"
)]
fn refuses_the_name(#[case] name: &str, #[case] message: &str) {
    assert_eq!(
        name.parse::<ProviderName>().unwrap_err().to_string(),
        message
    );
}

#[test]
fn a_name_has_at_most_63_characters() {
    assert!("x".repeat(63).parse::<ProviderName>().is_ok());
    let error = "x".repeat(64).parse::<ProviderName>().unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is too long; use at most 63 characters")
    );
}
