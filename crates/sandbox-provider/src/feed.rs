//! The trips of a provider, hour by hour.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rand::Rng;

use super::fleet::Vehicle;
use super::options::{ProviderOptions, Rhythm};
use super::quirk::Quirk;
use super::rhythm;
use super::sketch::{HOUR_MS, Position, Purpose, Sketch, fleet, random};
use super::{telemetry, trip};

/// A trip with points in an hour ends in that hour or in one of the next, up to this many in total.
const MAX_TRIP_HOURS: i64 = 4;

/// The content of the response for an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Trips in the response: `distinct`, `bad`, and the repeats of trips that are sent twice.
    pub sent: u64,
    /// Valid trips, each counted once: those that a client has to load.
    pub distinct: u64,
    /// Malformed trips: those that a client has to reject.
    pub bad: u64,
}

/// The trips of a provider. The same options always give the same trips, for every hour of every
/// year. Trips are generated one by one.
#[derive(Clone, Debug)]
pub struct Feed {
    options: Arc<ProviderOptions>,
    peak: u64,
}

impl Feed {
    /// The feed that a provider with these options serves.
    #[must_use]
    pub fn new(options: ProviderOptions) -> Self {
        let highest = match options.rhythm {
            Rhythm::City => options.trips_per_hour * rhythm::highest_weight(),
            Rhythm::Flat => options.trips_per_hour,
        };
        Self {
            peak: to_count(highest) + 1,
            options: Arc::new(options),
        }
    }

    /// The options of the feed.
    #[must_use]
    pub fn options(&self) -> &ProviderOptions {
        &self.options
    }

    /// The content of the response for the clock hour that contains `time`.
    #[must_use]
    pub fn expected(&self, time: DateTime<Utc>) -> Expected {
        let mut expected = Expected::default();
        for sketch in self.originals(self.served(hour_of(time))) {
            expected.sent += 1 + u64::from(sketch.is_sent_twice);
            expected.distinct += u64::from(!sketch.kind.is_bad());
            expected.bad += u64::from(sketch.kind.is_bad());
        }
        expected
    }

    /// The trips of the clock hour that contains `time`, as JSON text in the form of the version,
    /// in the order of the response.
    pub fn trips(&self, time: DateTime<Utc>) -> impl Iterator<Item = String> + Send + use<> {
        let feed = self.clone();
        self.sketches(hour_of(time))
            .filter_map(move |sketch| feed.render(&sketch))
    }

    pub(super) fn render(&self, sketch: &Sketch) -> Option<String> {
        trip::rendered(&self.options, sketch).ok()
    }

    /// The trips that are sent for an hour: all of its trips, then the repeats.
    pub(super) fn sketches(&self, hour: i64) -> impl Iterator<Item = Sketch> + Send + use<> {
        let hour = self.served(hour);
        self.originals(hour).chain(
            self.originals(hour)
                .filter(|sketch| sketch.is_sent_twice)
                .map(|sketch| Sketch {
                    is_repeat: true,
                    ..sketch
                }),
        )
    }

    /// 2.0: the points of all trips in a clock hour, as JSON text.
    pub(super) fn telemetry(&self, hour: i64) -> impl Iterator<Item = String> + Send + use<> {
        let feed = self.clone();
        (hour..hour + MAX_TRIP_HOURS)
            .flat_map(move |end_hour| feed.originals(feed.served(end_hour)))
            .filter(move |sketch| sketch.start_ms < (hour + 1) * HOUR_MS)
            .flat_map({
                let options = Arc::clone(&self.options);
                move |sketch| telemetry::points(&options, &sketch, hour)
            })
    }

    /// 2.0: all vehicles of the fleet.
    pub(super) fn vehicles(&self) -> impl Iterator<Item = Vehicle> + Clone + Send + use<> {
        let options = Arc::clone(&self.options);
        (0..fleet(self.peak)).map(move |number| Vehicle::of(&options, number))
    }

    fn originals(&self, hour: i64) -> impl Iterator<Item = Sketch> + Send + use<> {
        let options = Arc::clone(&self.options);
        let (count, peak) = (self.count(hour), self.peak);
        let first_device = random(&options, Purpose::Hour, hour, 1).random_range(0..peak);
        (0..count).map(move |index| {
            Sketch::draw(
                &options,
                Position {
                    hour,
                    index,
                    count,
                    peak,
                    first_device,
                },
            )
        })
    }

    /// How many trips end in an hour, without repeats.
    fn count(&self, hour: i64) -> u64 {
        let mean = self.options.trips_per_hour;
        match (
            self.options.rhythm,
            DateTime::from_timestamp_secs(hour * 3_600),
        ) {
            (Rhythm::City, Some(time)) => {
                let chance: f64 = random(&self.options, Purpose::Hour, hour, 0).random();
                to_count(mean * rhythm::weight(&time.with_timezone(&self.options.zone)) + chance)
            }
            _ => to_count(mean.round()),
        }
    }

    /// The hour whose trips are sent for a requested hour.
    fn served(&self, hour: i64) -> i64 {
        if self.options.quirks.has(Quirk::IgnoresHour) {
            hour - hour.rem_euclid(24)
        } else {
            hour
        }
    }
}

/// The number of clock hours from 1970 to the one that contains `time`.
pub(super) fn hour_of(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(3_600)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "trip counts are small"
)]
fn to_count(number: f64) -> u64 {
    number.max(0.0) as u64
}

#[cfg(test)]
mod tests;
