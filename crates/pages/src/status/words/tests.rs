use super::*;

#[test]
fn a_duration_is_said_in_days_and_hours() {
    let said = [0, 1, 23, 24, 49, 24_000].map(|hours| duration(&hours));
    assert_eq!(
        said,
        [
            "0 hours",
            "1 hour",
            "23 hours",
            "1 day",
            "2 days 1 hour",
            "1,000 days"
        ]
    );
}
