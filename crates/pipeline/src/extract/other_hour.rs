//! Whether an archive that no `extract.json` describes is that of its block: its trips tell.
//!
//! The archives of the tools before this one are told apart by civil hours alone. Under a wrong
//! `TIME_ZONE` each of them lies where another hour belongs.

use std::collections::BTreeMap;

use trips::block::Hour;
use trips::trip::TripGlance;
use trips::words::counted;

use super::unrecorded::Known;
use crate::error::{ErrorName, PipelineError};

/// Fewer trips may well have ended in another hour by themselves.
const FEWEST_TRIPS: u64 = 3;
/// No two zones are further apart.
const MAX_SHIFT_HOURS: i64 = 26;
/// The share of the trips that has to have ended in the same other hour, in percent.
const SHARE: u64 = 90;

/// In which hours the trips of an archive ended, relative to the block's.
pub(super) struct EndHours {
    hour: Hour,
    trips: u64,
    by_shift: BTreeMap<i64, u64>,
}

impl EndHours {
    pub(super) fn new(hour: Hour) -> Self {
        Self {
            hour,
            trips: 0,
            by_shift: BTreeMap::new(),
        }
    }

    /// Adds a trip, if it says when it ended.
    pub(super) fn push(&mut self, trip: &str) {
        let Some(trip) = TripGlance::of(trip) else {
            return;
        };
        self.trips += 1;
        let ended = Hour::containing(trip.end_time).start();
        let shift = (ended - self.hour.start()).num_hours();
        if shift.abs() <= MAX_SHIFT_HOURS {
            *self.by_shift.entry(shift).or_default() += 1;
        }
    }

    /// The other hour in which nearly all trips ended, in hours after the block's.
    fn shift(&self) -> Option<i64> {
        let (shift, trips) = self.by_shift.iter().max_by_key(|(_, trips)| **trips)?;
        let is_clear = self.trips >= FEWEST_TRIPS && trips * 100 >= self.trips * SHARE;
        (is_clear && *shift != 0).then_some(*shift)
    }

    /// Refuses the archive of another hour, unless it is loaded by force.
    pub(super) fn check(&self, known: &Known<'_>) -> Result<(), PipelineError> {
        let zone = known.ctx.zone();
        // Older tools archived the second of two equal hours in the folder of the first.
        let may_differ = known.item.force || known.block.hour.is_repeated(zone);
        let Some(shift) = self.shift().filter(|_| !may_differ) else {
            return Ok(());
        };
        let hours = counted(shift.unsigned_abs(), "hour");
        let direction = if shift > 0 { "later" } else { "earlier" };
        Err(PipelineError::new(
            ErrorName::ArchiveUnreadable,
            format!(
                "the trips of {} ended {hours} {direction} than the hour {}: is TIME_ZONE ({}) right? No extract.json \
                 tells which hour they are of. If the zone is right, `mds sync-db --force` over the hour loads them \
                 as they are",
                known.trips_key(),
                self.hour.label(zone),
                zone.name()
            ),
        ))
    }
}
