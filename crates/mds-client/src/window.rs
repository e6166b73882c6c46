//! Which trips of a wide window ended in the asked hour.

use serde::Deserialize;
use serde_json::value::RawValue;
use trips::block::Hour;

/// Numbers below it are seconds, others milliseconds: the same instant in seconds would lie in the
/// year 5138, in milliseconds in 1973.
const FIRST_MILLISECONDS: f64 = 1e11;
const MILLISECONDS: f64 = 1000.0;

/// Whether the trip ended in the hour. One whose end cannot be read counts as well, so that it is
/// refused and counted later and not lost here.
pub(crate) fn ended_in(hour: Hour, trip: &RawValue) -> bool {
    let Some(end) = end_seconds(trip) else {
        return true;
    };
    let seconds_of = |instant: chrono::DateTime<chrono::Utc>| {
        #[allow(
            clippy::cast_precision_loss,
            reason = "whole seconds of any calendar year are exact"
        )]
        let seconds = instant.timestamp() as f64;
        seconds
    };
    (seconds_of(hour.start())..seconds_of(hour.end())).contains(&end)
}

fn end_seconds(trip: &RawValue) -> Option<f64> {
    #[derive(Deserialize)]
    struct End<'a> {
        #[serde(borrow)]
        end_time: &'a RawValue,
    }
    let end: End<'_> = serde_json::from_str(trip.get()).ok()?;
    let number: f64 = end.end_time.get().trim_matches('"').trim().parse().ok()?;
    let is_milliseconds = number.abs() >= FIRST_MILLISECONDS;
    number.is_finite().then_some(if is_milliseconds {
        number / MILLISECONDS
    } else {
        number
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    // The hour from 2020-01-01T22:00:00Z is 1577916000 to 1577919600.
    #[rstest]
    #[case("1577916000", true)]
    #[case("1577919599.999", true)]
    #[case("1577915999.999", false)]
    #[case("1577919600", false)]
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
    fn keeps_what_ended_in_the_hour_or_cannot_be_read(#[case] end: &str, #[case] kept: bool) {
        let hour = Hour::starting_at("2020-01-01T22:00:00Z".parse().unwrap()).unwrap();
        let trip = format!(r#"{{"start_time": 1, "end_time": {end}, "x": [1]}}"#);
        let raw: &RawValue = serde_json::from_str(&trip).unwrap();
        assert_eq!(ended_in(hour, raw), kept);
    }

    #[test]
    fn keeps_what_is_no_trip_at_all() {
        let hour = Hour::starting_at("2020-01-01T22:00:00Z".parse().unwrap()).unwrap();
        for text in ["{}", "[]", "7", "null", r#"{"end_time": 1, "end_time": 2}"#] {
            let raw: &RawValue = serde_json::from_str(text).unwrap();
            assert!(ended_in(hour, raw), "{text}");
        }
    }
}
