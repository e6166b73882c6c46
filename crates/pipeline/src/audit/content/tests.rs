use serde_json::json;

use super::*;

fn row() -> Value {
    json!({
        "trip_id": "46a43500-904b-8089-b230-810e0cdb1975", "device_id": "3ac89649-c29d-8677-b090-db1300700d6d",
        "vehicle_type": "scooter", "trip_duration": 1218, "trip_distance": 3247,
        "start_time": "2020-10-31T20:39:44", "end_time": "2020-10-31T21:00:03", "modified_date": "2020-11-01T18:06:55",
        "start_time_us_central": "2020-10-31T15:39:44", "end_time_us_central": "2020-10-31T16:00:03",
        "year": 2020, "month": 10, "hour": 21, "day_of_week": 5, "council_district_start": "1",
        "council_district_end": "05", "census_geoid_start": "99001070600", "census_geoid_end": 0
    })
}

fn content(row: &Value) -> Content {
    Content::of(row.as_object().unwrap())
}

#[test]
fn a_row_says_the_same_as_a_portal_returns_it() {
    let mut returned = row();
    for (member, value) in returned.as_object_mut().unwrap() {
        if let Some(number) = value.as_i64() {
            *value = json!(number.to_string());
        } else if member.contains("time") || member.contains("date") {
            *value = json!(format!("{}.000", value.as_str().unwrap()));
        }
    }
    // A column of numbers has no leading zeros, and a portal knows more about a row.
    returned["council_district_end"] = json!("5");
    returned[":id"] = json!("row-1");
    assert_eq!(content(&returned), content(&row()));
}

#[test]
fn every_member_counts() {
    for member in Member::ALL {
        let mut altered = row();
        altered[member.as_str()] = json!("2021-01-01T00:00:00");
        assert_ne!(content(&altered), content(&row()), "{member}");
        altered.as_object_mut().unwrap().remove(member.as_str());
        assert_ne!(content(&altered), content(&row()), "{member}");
    }
}
