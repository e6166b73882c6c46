//! How demand varies over day, week and year.

use chrono::{DateTime, Datelike, TimeZone, Timelike, Weekday};

/// Trips that end in each hour of a working day, in an arbitrary unit.
const WORKING_DAY: [f64; 24] = [
    8., 5., 3., 2., 2., 6., 16., 38., 62., 48., 42., 50., 66., 62., 54., 60., 76., 98., 92., 70.,
    52., 38., 26., 16.,
];

/// The same for a Saturday or Sunday.
const WEEKEND_DAY: [f64; 24] = [
    30., 26., 20., 10., 5., 4., 6., 12., 22., 38., 56., 74., 88., 94., 96., 94., 90., 86., 80.,
    72., 62., 54., 48., 38.,
];

/// The demand of each month, relative to the mean of the year.
const MONTHS: [f64; 12] = [
    0.55, 0.7, 1.1, 1.05, 1.15, 1.2, 1.15, 1.1, 1.2, 1.3, 0.9, 0.6,
];

/// The demand in the clock hour that contains `time`, by the clock of its zone, relative to the
/// mean of the year.
pub(super) fn weight<Z: TimeZone>(time: &DateTime<Z>) -> f64 {
    let day = match time.weekday() {
        Weekday::Sat | Weekday::Sun => &WEEKEND_DAY,
        _ => &WORKING_DAY,
    };
    at(day, time.hour()) * at(&MONTHS, time.month0()) / weekly_mean()
}

/// The highest value that [`weight`] returns.
pub(super) fn highest_weight() -> f64 {
    let highest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    highest(&WORKING_DAY).max(highest(&WEEKEND_DAY)) * highest(&MONTHS) / weekly_mean()
}

fn weekly_mean() -> f64 {
    let week = 5.0 * WORKING_DAY.iter().sum::<f64>() + 2.0 * WEEKEND_DAY.iter().sum::<f64>();
    week / (7.0 * 24.0)
}

fn at(values: &[f64], index: u32) -> f64 {
    usize::try_from(index)
        .ok()
        .and_then(|index| values.get(index))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
