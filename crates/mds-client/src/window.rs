//! Which trips of a wide window are those of the asked hour.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use trips::block::Hour;

/// Numbers below it are seconds, others milliseconds: the same instant in seconds would lie in the
/// year 5138, in milliseconds in 1973.
const FIRST_MILLISECONDS: f64 = 1e11;
const MILLISECONDS: f64 = 1000.0;

/// A window that is wider than the hour it is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WideWindow {
    pub(crate) hour: Hour,
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
}

impl WideWindow {
    /// Whether the trip is another hour's, whose own request brings it. One that ended outside of
    /// the whole window is not: the provider ignores what it is asked, and that must show. Nor is
    /// one whose end cannot be read, so that it is refused and counted later and not lost here.
    pub(crate) fn is_of_another_hour(self, trip: &RawValue) -> bool {
        let Some(end) = end_seconds(trip) else {
            return false;
        };
        let asked = (seconds(self.start)..=seconds(self.end)).contains(&end);
        asked && !(seconds(self.hour.start())..seconds(self.hour.end())).contains(&end)
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "whole seconds of any calendar year are exact"
)]
fn seconds(instant: DateTime<Utc>) -> f64 {
    instant.timestamp() as f64
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
mod tests;
