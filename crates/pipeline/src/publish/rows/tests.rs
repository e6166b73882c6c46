use super::*;
use rstest::rstest;

const ROW: &str = r#"{"trip_id":"3f0b8f5e-0000-8000-8000-000000000001","device_id":"3f0b8f5e-0000-8000-8000-000000000002","vehicle_type":"scooter","trip_duration":600,"trip_distance":1500,"start_time":"2020-01-15T17:35:38","end_time":"2020-01-15T17:45:38","modified_date":"2020-02-11T15:08:25","start_time_us_central":"2020-01-15T11:35:38","end_time_us_central":"2020-01-15T11:45:38","year":2020,"month":1,"hour":17,"day_of_week":2,"council_district_start":"9","council_district_end":0,"census_geoid_start":"48453001100","census_geoid_end":0}"#;

#[test]
fn the_ids_of_public_rows_are_read() {
    let file = format!("[{ROW},\n{ROW}]");
    let ids = read_ids("publish.json", file.as_bytes(), &PublicTimes::default()).unwrap();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0].to_string(), "3f0b8f5e-0000-8000-8000-000000000001");
}

#[rstest]
#[case::deletion(&ROW.replace("{\"trip_id\"", "{\":deleted\":true,\"trip_id\""))]
#[case::a_route(&ROW.replace("{\"trip_id\"", "{\"route\":[[-97.74306,30.26721]],\"trip_id\""))]
#[case::a_place_as_vehicle_type(&ROW.replace("\"scooter\"", "\"30.26721,-97.74306\""))]
#[case::a_missing_member(&ROW.replace("\"month\":1,", ""))]
#[case::a_trip(r#"{"trip_id":"canary","route":{"features":[]}}"#)]
#[case::not_a_row("[1]")]
fn anything_else_is_refused_and_not_quoted(#[case] row: &str) {
    let file = format!("[{ROW},{row}]");
    let error = read_ids("publish.json", file.as_bytes(), &PublicTimes::default()).unwrap_err();
    assert_eq!(error.name, ErrorName::ArchiveUnreadable);
    assert!(error.message.contains("row 2"), "{}", error.message);
    for canary in ["canary", "97.74"] {
        assert!(!error.message.contains(canary), "{}", error.message);
    }
}

#[test]
fn half_a_file_is_refused() {
    let error = read_ids(
        "publish.json",
        format!("[{ROW},").as_bytes(),
        &PublicTimes::default(),
    )
    .unwrap_err();
    assert_eq!(error.name, ErrorName::ArchiveUnreadable);
}
