//! Which trips of a wide window belong to the requested hour.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use trips::block::Hour;
use trips::json::object_in;

/// Timestamps from this number on are milliseconds, smaller ones are seconds. As seconds it lies in
/// the year 5138, as milliseconds in 1973.
const FIRST_MILLISECONDS: f64 = 1e11;
const MILLISECONDS: f64 = 1000.0;

/// A window that is wider than the hour that it is requested for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WideWindow {
    pub(crate) hour: Hour,
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
}

impl WideWindow {
    /// The length of the window, in hours and at least one.
    pub(crate) fn hours(self) -> u32 {
        u32::try_from((self.end - self.start).num_hours())
            .unwrap_or_default()
            .max(1)
    }

    /// Whether the trip ended in another hour of the window. The request for that hour returns it.
    ///
    /// A trip whose end cannot be read, or is no time of the window, belongs to the hour of its
    /// start: it is rejected once, and not by each of the hours whose windows it lies in.
    ///
    /// False for a trip with both outside of the whole window: the provider ignores the query, and
    /// that must be noticed. False also if neither can be read: the trip is rejected and counted
    /// later instead of getting lost here.
    pub(crate) fn is_of_another_hour(self, trip: &RawValue) -> bool {
        let time = end_seconds(trip)
            .filter(|end| self.covers(*end))
            .or_else(|| start_seconds(trip).filter(|start| self.covers(*start)));
        let hour = seconds(self.hour.start())..seconds(self.hour.end());
        time.is_some_and(|time| !hour.contains(&time))
    }

    fn covers(self, time: f64) -> bool {
        (seconds(self.start)..=seconds(self.end)).contains(&time)
    }
}

#[expect(
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
    let end: End<'_> = object_in(trip.get()).ok()?;
    read_seconds(end.end_time)
}

fn start_seconds(trip: &RawValue) -> Option<f64> {
    #[derive(Deserialize)]
    struct Start<'a> {
        #[serde(borrow)]
        start_time: &'a RawValue,
    }
    let start: Start<'_> = object_in(trip.get()).ok()?;
    read_seconds(start.start_time)
}

fn read_seconds(time: &RawValue) -> Option<f64> {
    let number: f64 = time.get().trim_matches('"').trim().parse().ok()?;
    let is_milliseconds = number.abs() >= FIRST_MILLISECONDS;
    number.is_finite().then_some(if is_milliseconds {
        number / MILLISECONDS
    } else {
        number
    })
}

#[cfg(test)]
mod tests;
