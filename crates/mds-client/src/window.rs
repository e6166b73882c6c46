//! Which trips of a wide window belong to the requested hour.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use trips::block::Hour;
use trips::json::object_in;
use trips::trip::instant;

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
        let time = end_time(trip)
            .filter(|end| self.covers(*end))
            .or_else(|| start_time(trip).filter(|start| self.covers(*start)));
        time.is_some_and(|time| !self.hour.contains(time))
    }

    fn covers(self, time: DateTime<Utc>) -> bool {
        (self.start..=self.end).contains(&time)
    }
}

/// Reads the time as the load does, so that both know the same hour.
fn end_time(trip: &RawValue) -> Option<DateTime<Utc>> {
    #[derive(Deserialize)]
    struct End<'a> {
        #[serde(borrow)]
        end_time: &'a RawValue,
    }
    let end: End<'_> = object_in(trip.get()).ok()?;
    instant(end.end_time)
}

fn start_time(trip: &RawValue) -> Option<DateTime<Utc>> {
    #[derive(Deserialize)]
    struct Start<'a> {
        #[serde(borrow)]
        start_time: &'a RawValue,
    }
    let start: Start<'_> = object_in(trip.get()).ok()?;
    instant(start.start_time)
}

#[cfg(test)]
mod tests;
