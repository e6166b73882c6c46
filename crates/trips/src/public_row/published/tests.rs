//! Which rows are taken, and what the refusals say.

use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::public_row::{MAX_LABEL_BYTES, TimeRounding};
use crate::time::CivilZone;

fn trip() -> PublicTrip {
    PublicTrip {
        trip_id: "11111111-1111-8111-8111-11111111111a".parse().unwrap(),
        device_id: "22222222-2222-8222-8222-22222222222b".parse().unwrap(),
        has_provider_id: false,
        vehicle_type: Some("scooter".to_owned()),
        trip_duration: 600,
        trip_distance: 1200,
        start_time: "2019-12-31T23:50:00Z".parse().unwrap(),
        end_time: "2020-01-01T00:03:00Z".parse().unwrap(),
        modified_date: "2020-02-11T15:08:25Z".parse().unwrap(),
        council_district_start: Some("9".to_owned()),
        council_district_end: None,
        census_geoid_start: Some("48453001100".to_owned()),
        census_geoid_end: None,
    }
}

fn written(trip: &PublicTrip, times: &PublicTimes) -> String {
    let form = PublicForm {
        times: *times,
        ..PublicForm::default()
    };
    serde_json::to_string(&PublicRow::new(trip, &form)).unwrap()
}

fn row() -> Value {
    serde_json::from_str(&written(&trip(), &PublicTimes::default())).unwrap()
}

fn rounding(minutes: u32) -> PublicTimes {
    PublicTimes {
        rounding: TimeRounding::minutes(minutes).unwrap(),
        ..PublicTimes::default()
    }
}

fn parse(text: &str) -> Result<PublishedRow<'static>, PublishedRowError> {
    PublishedRow::parse(text, &PublicTimes::default())
}

fn refusal(row: &Value) -> String {
    parse(&row.to_string()).unwrap_err().to_string()
}

#[test]
fn a_row_is_written_as_it_was_read() {
    let text = written(&trip(), &PublicTimes::default());
    let row = parse(&text).unwrap();
    assert_eq!(serde_json::to_string(&row).unwrap(), text);
    assert_eq!(row.trip_id(), trip().trip_id);
    assert_eq!(row.modified_date(), trip().modified_date);
}

/// A trip of which every label and number is odd.
fn odd_trip() -> PublicTrip {
    PublicTrip {
        vehicle_type: Some("\"}\u{0}".to_owned()),
        trip_duration: i64::MIN,
        trip_distance: i64::MAX,
        council_district_start: Some("\u{0}\u{1f}\"\\</script>".to_owned()),
        council_district_end: Some("ä".repeat(MAX_LABEL_BYTES / 2)),
        census_geoid_start: Some(String::new()),
        census_geoid_end: Some("0".to_owned()),
        ..trip()
    }
}

#[rstest]
#[case::usual(trip(), 0)]
#[case::usual_and_rounded(trip(), 15)]
#[case::odd(odd_trip(), 0)]
#[case::odd_and_rounded(odd_trip(), 60)]
fn what_is_written_of_a_trip_is_a_published_row(#[case] trip: PublicTrip, #[case] minutes: u32) {
    let form = PublicForm {
        times: rounding(minutes),
        ..PublicForm::default()
    };
    let row = PublishedRow::of_trip(&trip, &form).unwrap();
    let text = serde_json::to_string(&row).unwrap();
    assert_eq!(
        text,
        serde_json::to_string(&PublicRow::new(&trip, &form)).unwrap()
    );
    assert_eq!(PublishedRow::parse(&text, &form.times).unwrap(), row);
}

#[test]
fn a_trip_with_an_id_of_the_provider_has_no_row() {
    let trip = PublicTrip {
        has_provider_id: true,
        ..trip()
    };
    let refusal = PublishedRow::of_trip(&trip, &PublicForm::default()).unwrap_err();
    assert_eq!(refusal, PublishedRowError::ProviderId);
}

#[rstest]
#[case::label(PublicTrip { census_geoid_end: Some("0".repeat(MAX_LABEL_BYTES + 1)), ..trip() }, "census_geoid_end")]
#[case::label(PublicTrip { council_district_start: Some("ä".repeat(101)), ..trip() }, "council_district_start")]
#[case::point(PublicTrip { census_geoid_start: Some("30.27010,-97.74020".to_owned()), ..trip() }, "census_geoid_start")]
#[case::point(PublicTrip { census_geoid_end: Some("POINT (-97.740 30.270)".to_owned()), ..trip() }, "census_geoid_end")]
#[case::after_9999(PublicTrip { end_time: "+10000-01-01T00:00:00Z".parse().unwrap(), ..trip() }, "end_time")]
#[case::before_0(PublicTrip { start_time: "-0001-12-31T00:00:00Z".parse().unwrap(), ..trip() }, "start_time")]
#[case::changed_later(PublicTrip { modified_date: DateTime::<Utc>::MAX_UTC, ..trip() }, "modified_date")]
fn a_trip_that_does_not_fit_has_no_row(#[case] trip: PublicTrip, #[case] member: &str) {
    let refusal = PublishedRow::of_trip(&trip, &PublicForm::default()).unwrap_err();
    assert!(
        refusal
            .to_string()
            .starts_with(&format!("the `{member}` of a row is not ")),
        "{refusal}"
    );
}

#[test]
fn the_order_of_the_members_and_the_spaces_between_them_do_not_matter() {
    // A `Value` has its members in alphabetical order.
    let text = serde_json::to_string_pretty(&row()).unwrap();
    let row = parse(&text).unwrap();
    let expected = written(&trip(), &PublicTimes::default());
    assert_eq!(serde_json::to_string(&row).unwrap(), expected);
}

#[test]
fn every_member_is_needed() {
    for member in Member::ALL {
        let mut row = row();
        row.as_object_mut().unwrap().remove(member.as_str());
        assert_eq!(refusal(&row), format!("a row has no `{member}`"));
    }
    assert_eq!(row().as_object().unwrap().len(), Member::ALL.len());
}

#[rstest]
#[case(":deleted", json!(true), "a row has `:deleted`, which is not a member of published rows")]
#[case("route", json!({"features": []}), "a row has `route`, which is not a member of published rows")]
#[case("provider_id", json!("canary"), "a row has `provider_id`, which is not a member of published rows")]
#[case("30.26721,-97.74306 canary", json!(1), "a row has a member with another name, which is not a member of published rows")]
#[case("Trip_Id", json!("canary"), "a row has a member with another name, which is not a member of published rows")]
#[case("a_name_that_is_longer_than_that_of_a_column", json!(1), "a row has a member with another name, which is not a member of published rows")]
fn another_member_is_refused(#[case] name: &str, #[case] value: Value, #[case] says: &str) {
    let mut row = row();
    row[name] = value;
    assert_eq!(refusal(&row), says);
}

#[test]
fn a_member_that_occurs_twice_is_refused() {
    let text = row().to_string().replacen('{', r#"{"hour":0,"#, 1);
    assert_eq!(
        parse(&text).unwrap_err().to_string(),
        "a row has `hour` twice"
    );
}

#[test]
fn every_member_refuses_every_other_type() {
    for member in Member::ALL {
        for value in [
            json!(null),
            json!(true),
            json!(1.5),
            json!(["canary"]),
            json!({"canary": 1}),
            json!(u64::MAX),
            json!("canary \u{1F6F4} canary"),
        ] {
            let is_label = ["district", "geoid"]
                .iter()
                .any(|layer| member.as_str().contains(layer));
            if is_label && value.is_string() {
                continue;
            }
            let mut row = row();
            row[member.as_str()] = value;
            let refusal = refusal(&row);
            assert!(refusal.contains(&format!("`{member}`")), "{refusal}");
            assert!(!refusal.contains("canary"), "{refusal}");
        }
    }
}

#[rstest]
#[case("trip_id", json!("11111111-1111-8111-8111-11111111111A"))]
#[case("trip_id", json!("1111111111118111811111111111111a"))]
#[case("trip_id", json!("{11111111-1111-8111-8111-11111111111a}"))]
#[case("trip_id", json!("urn:uuid:11111111-1111-8111-8111-11111111111a"))]
#[case("device_id", json!(42))]
#[case("device_id", json!(""))]
#[case("vehicle_type", json!("scooter_standing"))]
#[case("vehicle_type", json!("Scooter"))]
#[case("vehicle_type", json!("plate AB-123"))]
#[case("vehicle_type", json!(""))]
#[case("trip_duration", json!("600"))]
#[case("trip_distance", json!(1200.0))]
#[case("start_time", json!("2019-12-31 23:50:00"))]
#[case("start_time", json!("2019-12-31T23:50:00Z"))]
#[case("start_time", json!("2019-12-31T23:50:00.000"))]
#[case("start_time", json!("2019-12-31T23:50"))]
#[case("start_time", json!("2019-02-29T23:50:00"))]
#[case("start_time", json!("2019-12-31T24:00:00"))]
#[case("start_time", json!("+019-12-31T23:50:00"))]
#[case("start_time", json!(1_577_836_200))]
#[case("end_time", json!("2020-13-01T00:00:00"))]
#[case("modified_date", json!("2020-02-11"))]
#[case("year", json!("2020"))]
#[case("year", json!(i64::MAX))]
#[case("month", json!(-1))]
#[case("council_district_start", json!(9))]
#[case("council_district_start", json!(-1))]
#[case("census_geoid_end", json!("0".repeat(MAX_LABEL_BYTES + 1)))]
fn a_value_in_another_form_is_refused(#[case] member: &str, #[case] value: Value) {
    let mut row = row();
    row[member] = value;
    let refusal = refusal(&row);
    assert!(
        refusal.starts_with(&format!("the `{member}` of a row is not ")),
        "{refusal}"
    );
}

#[rstest]
#[case("year", json!(2019), "end_time")]
#[case("month", json!(12), "end_time")]
#[case("hour", json!(23), "end_time")]
#[case("day_of_week", json!(3), "end_time")]
#[case("start_time_us_central", json!("2019-12-31T17:50:01"), "start_time")]
#[case("end_time_us_central", json!("2019-12-31T19:03:00"), "end_time")]
fn a_value_that_contradicts_the_times_is_refused(
    #[case] member: &str,
    #[case] value: Value,
    #[case] of: &str,
) {
    let mut row = row();
    row[member] = value;
    assert_eq!(
        refusal(&row),
        format!("the `{member}` of a row does not follow from its `{of}`")
    );
}

#[rstest]
#[case("")]
#[case("null")]
#[case("[]")]
#[case("\"canary\"")]
#[case("{\"trip_id")]
fn what_is_no_object_is_refused(#[case] text: &str) {
    assert_eq!(
        parse(text).unwrap_err().to_string(),
        "a row is not a JSON object"
    );
}

#[test]
fn nothing_may_follow_a_row() {
    let text = format!("{}{}", row(), row());
    assert_eq!(parse(&text), Err(PublishedRowError::NotAnObject));
}

#[test]
fn a_row_with_exact_times_leaves_with_rounded_ones() {
    let exact = written(&trip(), &PublicTimes::default());
    let row = PublishedRow::parse(&exact, &rounding(15)).unwrap();
    let expected = written(&trip(), &rounding(15));
    assert_eq!(serde_json::to_string(&row).unwrap(), expected);
    assert_ne!(exact, expected);
}

fn trips() -> impl Strategy<Value = PublicTrip> {
    let instant = |years: std::ops::Range<i32>| {
        let second = |year: i32| {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            first.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp()
        };
        (second(years.start)..second(years.end), 0..1_000_000_000_u32)
            .prop_map(|(second, nanos)| DateTime::<Utc>::from_timestamp(second, nanos).unwrap())
    };
    let label = || proptest::option::of(".{0,50}");
    (
        (any::<u128>(), any::<u128>()),
        proptest::option::of("scooter|moped|Bicycle|scooter_seated|.{0,20}"),
        (any::<i64>(), any::<i64>()),
        (instant(2010..2050), instant(2010..2050), instant(1..9999)),
        (label(), label(), label(), label()),
    )
        .prop_map(|(ids, vehicle_type, amounts, times, labels)| PublicTrip {
            trip_id: Uuid::from_u128(ids.0),
            device_id: Uuid::from_u128(ids.1),
            has_provider_id: false,
            vehicle_type,
            trip_duration: amounts.0,
            trip_distance: amounts.1,
            start_time: times.0,
            end_time: times.1,
            modified_date: times.2,
            council_district_start: labels.0,
            council_district_end: labels.1,
            census_geoid_start: labels.2,
            census_geoid_end: labels.3,
        })
}

proptest! {
    #[test]
    fn every_row_that_is_written_is_read_and_written_again_byte_for_byte(
        trip in trips(),
        zone in prop::sample::select(vec!["US/Central", "Europe/London", "UTC", "Asia/Tokyo"]),
        minutes in prop::sample::select(vec![0, 5, 10, 15, 30, 60]),
    ) {
        let times = PublicTimes {
            zone: zone.parse::<CivilZone>().unwrap(),
            rounding: TimeRounding::minutes(minutes).unwrap(),
        };
        let text = written(&trip, &times);
        let row = PublishedRow::parse(&text, &times).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(serde_json::to_string(&row).unwrap(), text);
        // A row with exact times becomes the same row.
        let exact = PublicTimes { zone: times.zone, ..PublicTimes::default() };
        let row = PublishedRow::parse(&written(&trip, &exact), &times).unwrap();
        prop_assert_eq!(serde_json::to_string(&row).unwrap(), written(&trip, &times));
    }
}
