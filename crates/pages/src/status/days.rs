//! The days with hours that are not whole, in words.

use std::collections::BTreeMap;

use ::trips::hour_state::HourState;
use ::trips::words::counted;
use pipeline::DayStatus;

/// The newest of them; a page is not read to the end of years.
const SHOWN_DAYS: usize = 60;

/// A day with hours that are neither whole nor empty.
pub(super) struct DayRow {
    pub(super) day: String,
    /// `failed: 2020-03-02-05, 2020-03-02-06`, by state.
    pub(super) hours: String,
}

/// The newest days first, and how many are left out.
pub(super) fn day_rows(days: &[DayStatus]) -> (Vec<DayRow>, usize) {
    let incomplete = || days.iter().rev().filter(|day| !day.incomplete.is_empty());
    let rows = incomplete().take(SHOWN_DAYS).map(DayRow::new).collect();
    (rows, incomplete().count().saturating_sub(SHOWN_DAYS))
}

impl DayRow {
    fn new(day: &DayStatus) -> Self {
        let mut by_state: BTreeMap<HourState, Vec<&str>> = BTreeMap::new();
        for (label, state) in &day.incomplete {
            by_state.entry(*state).or_default().push(label);
        }
        let texts: Vec<_> = by_state
            .into_iter()
            .map(|(state, labels)| {
                if labels.len() == day.hours.len() {
                    format!("all {} {state}", counted(labels.len(), "hour"))
                } else {
                    format!("{state}: {}", labels.join(", "))
                }
            })
            .collect();
        Self {
            day: day.day.format("%a, %-d %B %Y").to_string(),
            hours: texts.join("; "),
        }
    }
}
