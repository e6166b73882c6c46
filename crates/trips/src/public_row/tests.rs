//! The exact form of a published row.

use super::*;

fn trip() -> PublicTrip {
    PublicTrip {
        trip_id: "11111111-1111-8111-8111-111111111111".parse().unwrap(),
        device_id: "22222222-2222-8222-8222-222222222222".parse().unwrap(),
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
    serde_json::to_string_pretty(&PublicRow::new(trip, &CivilZone::default())).unwrap()
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
    assert_eq!(row["vehicle_type"], serde_json::Value::Null);
}

#[test]
fn both_scooters_of_mds_2_are_published_as_scooter() {
    for (kind, public) in [
        ("scooter_standing", "scooter"),
        ("scooter_seated", "scooter"),
        ("cargo_bicycle", "cargo_bicycle"),
    ] {
        let trip = PublicTrip {
            vehicle_type: Some(kind.to_owned()),
            ..trip()
        };
        let row: serde_json::Value = serde_json::from_str(&json(&trip)).unwrap();
        assert_eq!(row["vehicle_type"], public);
    }
}
