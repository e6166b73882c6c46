use super::*;
use chrono::TimeDelta;
use rstest::rstest;

fn window() -> WideWindow {
    let hour = Hour::starting_at("2020-01-01T22:00:00Z".parse().unwrap()).unwrap();
    WideWindow {
        hour,
        start: hour.start() - TimeDelta::hours(24),
        end: hour.end() + TimeDelta::hours(1),
    }
}

// The hour from 2020-01-01T22:00:00Z is 1577916000 to 1577919600.
#[rstest]
#[case("1577916000", true)]
#[case("1577919599.999", true)]
// A load keeps microseconds.
#[case("1577919599.9999997", false)]
#[case("1577915999.9999997", true)]
#[case("1577915999.999", false)]
#[case("1577919600", false)]
#[case("1577829600", false)]
#[case("1577829599", true)]
#[case("1577923200", false)]
#[case("1577923201", true)]
#[case("1577916000000", true)]
#[case("1577919599999", true)]
#[case("1577919600000", false)]
#[case("\"1577916000\"", true)]
#[case("\" 1577919600 \"", false)]
#[case("\"1577919600000\"", false)]
#[case("1.5779160e9", true)]
#[case("null", true)]
#[case("\"yesterday\"", true)]
#[case("{}", true)]
#[case("1e999", true)]
fn keeps_what_ended_in_the_hour_or_outside_of_the_window(#[case] end: &str, #[case] kept: bool) {
    let trip = format!(r#"{{"start_time": 1, "end_time": {end}, "x": [1]}}"#);
    let raw: &RawValue = serde_json::from_str(&trip).unwrap();
    assert_eq!(window().is_of_another_hour(raw), !kept);
}

#[test]
fn keeps_what_is_not_a_trip() {
    for text in ["{}", "[]", "7", "null", r#"{"end_time": 1, "end_time": 2}"#] {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        assert!(!window().is_of_another_hour(raw), "{text}");
    }
}

// The hour begins at 1577916000, the window at 1577829600, and it ends at 1577923200.
#[rstest]
#[case("1577916000", true)]
#[case("1577919599999", true)]
#[case("\"1577916000\"", true)]
#[case("1577915999", false)]
#[case("1577919600", false)]
#[case("1577829600000", false)]
#[case("1577829599", true)]
#[case("1577923201", true)]
#[case("0", true)]
#[case("null", true)]
#[case("\"yesterday\"", true)]
fn a_trip_without_an_end_in_the_window_belongs_to_the_hour_of_its_start(
    #[case] start: &str,
    #[case] kept: bool,
    #[values("null", "\"x\"", "0", "1577916000000000", "1577829599", "1577923201")] end: &str,
) {
    let trip = format!(r#"{{"start_time": {start}, "end_time": {end}}}"#);
    let raw: &RawValue = serde_json::from_str(&trip).unwrap();
    assert_eq!(window().is_of_another_hour(raw), !kept);
}

#[test]
fn a_trip_without_an_end_belongs_to_exactly_one_of_the_hours_that_request_it() {
    for trip in [
        r#"{"start_time": 1577916000}"#,
        r#"{"start_time": 1577918000, "end_time": null}"#,
        r#"{"end_time": 0, "start_time": 1577919599999}"#,
    ] {
        let raw: &RawValue = serde_json::from_str(trip).unwrap();
        let hours = (-1..=24).filter(|hours| {
            let start = window().hour.start() + TimeDelta::hours(*hours);
            let hour = Hour::starting_at(start).unwrap();
            let window = WideWindow {
                hour,
                start: start - TimeDelta::hours(24),
                end: hour.end() + TimeDelta::hours(1),
            };
            !window.is_of_another_hour(raw)
        });
        assert_eq!(hours.collect::<Vec<_>>(), [0], "{trip}");
    }
}

#[test]
fn the_end_decides_whatever_the_start_is() {
    for start in ["1577919600", "null", r#"7, "start_time": 7"#] {
        for (end, kept) in [("1577916000", true), ("1577915999", false)] {
            let trip = format!(r#"{{"start_time": {start}, "end_time": {end}}}"#);
            let raw: &RawValue = serde_json::from_str(&trip).unwrap();
            assert_eq!(window().is_of_another_hour(raw), !kept, "{trip}");
        }
    }
}
