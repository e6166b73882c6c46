//! The exact form of a published row.

use secrecy::SecretString;

use super::*;
use crate::ids::PublicIdKey;

fn trip() -> PublicTrip {
    PublicTrip {
        trip_id: "11111111-1111-8111-8111-111111111111".parse().unwrap(),
        device_id: "22222222-2222-8222-8222-222222222222".parse().unwrap(),
        has_provider_id: false,
        vehicle_type: Some("scooter".to_owned()),
        trip_duration: 600,
        trip_distance: 1200,
        start_time: "2019-12-31T23:50:00.999Z".parse().unwrap(),
        end_time: "2020-01-01T00:00:00Z".parse().unwrap(),
        modified_date: "2020-02-11T15:08:25.123456Z".parse().unwrap(),
        council_district_start: Some("9".to_owned()),
        council_district_end: None,
        census_geoid_start: Some("48453001100".to_owned()),
        census_geoid_end: None,
    }
}

fn json(trip: &PublicTrip) -> String {
    serde_json::to_string_pretty(&PublicRow::new(trip, &PublicForm::default())).unwrap()
}

fn rounded(minutes: u32, start: &str, end: &str) -> serde_json::Value {
    let trip = PublicTrip {
        start_time: start.parse().unwrap(),
        end_time: end.parse().unwrap(),
        ..trip()
    };
    let form = PublicForm {
        times: rounding(minutes),
        ..PublicForm::default()
    };
    serde_json::to_value(PublicRow::new(&trip, &form)).unwrap()
}

fn rounding(minutes: u32) -> PublicTimes {
    PublicTimes {
        rounding: TimeRounding::minutes(minutes).unwrap(),
        ..PublicTimes::default()
    }
}

#[test]
fn a_row_has_these_members_and_no_others() {
    insta::assert_snapshot!(json(&trip()), @r#"
    {
      "trip_id": "11111111-1111-8111-8111-111111111111",
      "device_id": "22222222-2222-8222-8222-222222222222",
      "vehicle_type": "scooter",
      "trip_duration": 600,
      "trip_distance": 1200,
      "start_time": "2019-12-31T23:50:00",
      "end_time": "2020-01-01T00:00:00",
      "modified_date": "2020-02-11T15:08:25",
      "start_time_us_central": "2019-12-31T17:50:00",
      "end_time_us_central": "2019-12-31T18:00:00",
      "year": 2020,
      "month": 1,
      "hour": 0,
      "day_of_week": 2,
      "council_district_start": "9",
      "council_district_end": 0,
      "census_geoid_start": "48453001100",
      "census_geoid_end": 0
    }
    "#);
}

#[test]
fn the_weekday_counts_from_monday_and_the_clock_follows_summer_time() {
    let trip = PublicTrip {
        vehicle_type: None,
        start_time: "2020-07-06T12:00:00Z".parse().unwrap(),
        end_time: "2020-07-06T13:05:09Z".parse().unwrap(),
        ..trip()
    };
    let row: serde_json::Value = serde_json::from_str(&json(&trip)).unwrap();
    assert_eq!(row["day_of_week"], 0);
    assert_eq!(row["hour"], 13);
    assert_eq!(row["end_time_us_central"], "2020-07-06T08:05:09");
    assert_eq!(row["vehicle_type"], "other");
}

#[test]
fn only_words_of_mds_are_published_as_vehicle_types() {
    for (sent, public) in [
        ("scooter_standing", "scooter"),
        ("scooter_seated", "scooter"),
        ("Scooter", "scooter"),
        ("cargo_bicycle", "cargo_bicycle"),
        ("delivery_robot", "delivery_robot"),
        ("hoverboard", "other"),
        ("", "other"),
        ("plate AB-123, J. Doe, 30.26721,-97.74306", "other"),
    ] {
        let trip = PublicTrip {
            vehicle_type: Some(sent.to_owned()),
            ..trip()
        };
        let row: serde_json::Value = serde_json::from_str(&json(&trip)).unwrap();
        assert_eq!(row["vehicle_type"], public);
    }
}

#[test]
fn rounded_times_take_their_date_parts_with_them() {
    let row = rounded(15, "2019-12-31T23:37:29Z", "2019-12-31T23:52:30Z");
    assert_eq!(row["start_time"], "2019-12-31T23:30:00");
    assert_eq!(row["start_time_us_central"], "2019-12-31T17:30:00");
    assert_eq!(row["end_time"], "2020-01-01T00:00:00");
    assert_eq!(row["end_time_us_central"], "2019-12-31T18:00:00");
    assert_eq!(row["year"], 2020);
    assert_eq!(row["month"], 1);
    assert_eq!(row["hour"], 0);
    assert_eq!(row["day_of_week"], 2);
    assert_eq!(row["modified_date"], "2020-02-11T15:08:25");
}

#[test]
fn each_rounding_takes_the_nearest_multiple_and_of_two_the_later() {
    for (minutes, before, after) in [
        (5, ("12:32:29", "12:30:00"), ("12:32:30", "12:35:00")),
        (10, ("12:34:59", "12:30:00"), ("12:35:00", "12:40:00")),
        (15, ("12:37:29", "12:30:00"), ("12:37:30", "12:45:00")),
        (30, ("12:44:59", "12:30:00"), ("12:45:00", "13:00:00")),
        (60, ("12:29:59", "12:00:00"), ("12:30:00", "13:00:00")),
    ] {
        for (exact, shown) in [before, after] {
            let row = rounded(
                minutes,
                "2020-07-06T12:00:00Z",
                &format!("2020-07-06T{exact}.999Z"),
            );
            assert_eq!(row["end_time"], format!("2020-07-06T{shown}"), "{minutes}");
            assert_eq!(row["hour"], shown[..2].parse::<u32>().unwrap());
        }
    }
}

#[test]
fn rounded_civil_times_are_those_of_the_rounded_instants_when_the_clock_changes() {
    // The clocks go from 01:59 to 03:00.
    let spring = rounded(15, "2020-03-08T07:20:00Z", "2020-03-08T07:55:00Z");
    assert_eq!(spring["start_time_us_central"], "2020-03-08T01:15:00");
    assert_eq!(spring["end_time_us_central"], "2020-03-08T03:00:00");
    // The clocks go from 01:59 back to 01:00.
    let autumn = rounded(15, "2020-11-01T06:53:00Z", "2020-11-01T07:53:00Z");
    assert_eq!(autumn["start_time_us_central"], "2020-11-01T01:00:00");
    assert_eq!(autumn["end_time_us_central"], "2020-11-01T02:00:00");
}

/// The id under which the sample's device is published with a trip that starts then.
fn device_id(period: Option<DeviceIdPeriod>, minutes: u32, start: &str) -> Uuid {
    let key = PublicIdKey::new(&SecretString::from("a secret of the tests")).unwrap();
    let form = PublicForm {
        times: rounding(minutes),
        device_ids: match period {
            None => DeviceIds::Forever,
            Some(period) => DeviceIds::Changing { period, key },
        },
    };
    let trip = PublicTrip {
        start_time: start.parse().unwrap(),
        ..trip()
    };
    PublicRow::new(&trip, &form).device_id
}

#[test]
fn a_device_keeps_its_id_for_ever_unless_a_period_is_set() {
    let ever = |start| device_id(None, 0, start);
    assert_eq!(ever("2020-03-01T12:00:00Z"), trip().device_id);
    assert_eq!(ever("2030-03-01T12:00:00Z"), trip().device_id);
}

#[test]
fn a_device_has_one_id_in_a_civil_period_and_another_in_the_next() {
    // Midnight in the city is 06:00 UTC in winter and 05:00 UTC in summer.
    for (period, first, last, next) in [
        (
            DeviceIdPeriod::Day,
            "2020-03-01T06:00:00Z",
            "2020-03-02T05:59:59Z",
            "2020-03-02T06:00:00Z",
        ),
        (
            DeviceIdPeriod::Day,
            "2020-07-01T05:00:00Z",
            "2020-07-02T04:59:59Z",
            "2020-07-02T05:00:00Z",
        ),
        // From Monday to Sunday, also over the end of the year and over the change of the clock.
        (
            DeviceIdPeriod::Week,
            "2019-12-30T06:00:00Z",
            "2020-01-06T05:59:59Z",
            "2020-01-06T06:00:00Z",
        ),
        (
            DeviceIdPeriod::Week,
            "2020-03-02T06:00:00Z",
            "2020-03-09T04:59:59Z",
            "2020-03-09T05:00:00Z",
        ),
        (
            DeviceIdPeriod::Month,
            "2020-03-01T06:00:00Z",
            "2020-04-01T04:59:59Z",
            "2020-04-01T05:00:00Z",
        ),
    ] {
        let id = |start| device_id(Some(period), 0, start);
        assert_eq!(id(first), id(last), "{period}");
        assert_ne!(id(last), id(next), "{period}");
        assert_ne!(id(first), trip().device_id, "{period}");
        assert_eq!(id(first).get_version_num(), 8);
    }
}

#[test]
fn the_first_day_of_a_month_and_of_a_week_is_not_named_like_the_day() {
    // 1 June 2020 was a Monday.
    let ids = [
        DeviceIdPeriod::Day,
        DeviceIdPeriod::Week,
        DeviceIdPeriod::Month,
    ]
    .map(|period| device_id(Some(period), 0, "2020-06-01T12:00:00Z"));
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[test]
fn the_period_is_that_of_the_start_as_it_is_published() {
    let day = Some(DeviceIdPeriod::Day);
    let late = "2020-03-02T05:55:00Z";
    let midnight = "2020-03-02T06:00:00Z";
    assert_eq!(device_id(day, 15, late), device_id(day, 15, midnight));
    assert_ne!(device_id(day, 0, late), device_id(day, 0, midnight));
}
