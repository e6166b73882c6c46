use super::*;
use chrono::{TimeDelta, Utc};

#[test]
fn a_year_has_the_mean_that_was_asked_for() {
    let start = Utc.with_ymd_and_hms(2023, 1, 1, 0, 0, 0).unwrap();
    let weights: Vec<f64> = (0..365 * 24)
        .map(|hour| weight(&(start + TimeDelta::hours(hour))))
        .collect();
    let mean = weights.iter().sum::<f64>() / 8760.0;
    assert!((mean - 1.0).abs() < 0.01, "{mean}");
    assert!(weights.iter().all(|weight| *weight <= highest_weight()));
}

#[test]
fn evenings_are_busier_than_nights() {
    let at = |hour| weight(&Utc.with_ymd_and_hms(2023, 5, 3, hour, 0, 0).unwrap());
    assert!(at(17) > 20.0 * at(3));
}
