//! The trips of a provider, hour by hour.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rand::Rng;

use super::fleet::Vehicle;
use super::oddity::Oddity;
use super::options::{ProviderOptions, Rhythm};
use super::rhythm;
use super::sketch::{HOUR_MS, Position, Purpose, Sketch, fleet, random};
use super::{telemetry, trip};

/// A trip that passes through an hour has ended within so many of them.
const LONGEST_TRIP_HOURS: i64 = 4;

/// What the answer for an hour holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Trips in the answer: `distinct`, `bad`, and those that come a second time.
    pub sent: u64,
    /// Good trips, each counted once: what is to be loaded.
    pub distinct: u64,
    /// Trips that are to be rejected.
    pub bad: u64,
}

/// The trips of a provider: the same for the same options, at any hour of any year, and made one by
/// one as they are asked for.
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
            peak: whole(highest) + 1,
            options: Arc::new(options),
        }
    }

    /// What it was made from.
    #[must_use]
    pub fn options(&self) -> &ProviderOptions {
        &self.options
    }

    /// What the answer for the clock hour that holds `time` has in it.
    #[must_use]
    pub fn expected(&self, time: DateTime<Utc>) -> Expected {
        let mut expected = Expected::default();
        for sketch in self.first_sending(self.served(hour_of(time))) {
            expected.sent += 1 + u64::from(sketch.twice);
            expected.distinct += u64::from(!sketch.kind.is_bad());
            expected.bad += u64::from(sketch.kind.is_bad());
        }
        expected
    }

    /// The trips of the clock hour that holds `time`, each as JSON text in the words of the
    /// version, in the order of the answer.
    pub fn trips(&self, time: DateTime<Utc>) -> impl Iterator<Item = String> + Send + use<> {
        let feed = self.clone();
        self.sketches(hour_of(time))
            .filter_map(move |sketch| feed.render(&sketch))
    }

    pub(super) fn render(&self, sketch: &Sketch) -> Option<String> {
        trip::rendered(&self.options, sketch).ok()
    }

    /// What is sent for an hour: all its trips, then some of them again.
    pub(super) fn sketches(&self, hour: i64) -> impl Iterator<Item = Sketch> + Send + use<> {
        let hour = self.served(hour);
        self.first_sending(hour)
            .chain(
                self.first_sending(hour)
                    .filter(|sketch| sketch.twice)
                    .map(|sketch| Sketch {
                        again: true,
                        ..sketch
                    }),
            )
    }

    /// 2.0: the points of the provider's vehicles on trips in a clock hour, as JSON text.
    pub(super) fn telemetry(&self, hour: i64) -> impl Iterator<Item = String> + Send + use<> {
        let feed = self.clone();
        (hour..hour + LONGEST_TRIP_HOURS)
            .flat_map(move |ends| feed.first_sending(feed.served(ends)))
            .filter(move |sketch| sketch.start_ms < (hour + 1) * HOUR_MS)
            .flat_map({
                let options = Arc::clone(&self.options);
                move |sketch| telemetry::points(&options, &sketch, hour)
            })
    }

    /// 2.0: the fleet.
    pub(super) fn vehicles(&self) -> impl Iterator<Item = Vehicle> + Send + use<> {
        let options = Arc::clone(&self.options);
        (0..fleet(self.peak)).map(move |number| Vehicle::of(&options, number))
    }

    fn first_sending(&self, hour: i64) -> impl Iterator<Item = Sketch> + Send + use<> {
        let options = Arc::clone(&self.options);
        let (count, peak) = (self.count(hour), self.peak);
        let turn = random(&options, Purpose::Hour, hour, 1).random_range(0..peak);
        (0..count).map(move |index| {
            Sketch::draw(
                &options,
                Position {
                    hour,
                    index,
                    count,
                    peak,
                    turn,
                },
            )
        })
    }

    fn count(&self, hour: i64) -> u64 {
        let mean = self.options.trips_per_hour;
        match (
            self.options.rhythm,
            DateTime::from_timestamp_secs(hour * 3_600),
        ) {
            (Rhythm::City, Some(time)) => {
                let chance: f64 = random(&self.options, Purpose::Hour, hour, 0).random();
                whole(mean * rhythm::weight(&time.with_timezone(&self.options.zone)) + chance)
            }
            _ => whole(mean.round()),
        }
    }

    fn served(&self, hour: i64) -> i64 {
        if self.options.oddities.has(Oddity::IgnoresHour) {
            hour - hour.rem_euclid(24)
        } else {
            hour
        }
    }
}

/// Clock hours since 1970.
pub(super) fn hour_of(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(3_600)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of trips"
)]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

#[cfg(test)]
mod tests;
