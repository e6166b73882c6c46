//! The route of a trip through the city.

use std::f64::consts::{PI, TAU};

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::sketch::{Kind, Sketch, bell};
use crate::city::{Place, limit};

/// Popular places for the start of trips: the distance from the centre as a fraction of that of the
/// city limit, and the bearing in full turns.
const SPOTS: [(f64, f64); 12] = [
    (0.02, 0.00),
    (0.08, 0.30),
    (0.12, 0.72),
    (0.20, 0.11),
    (0.25, 0.55),
    (0.33, 0.90),
    (0.42, 0.22),
    (0.50, 0.66),
    (0.58, 0.41),
    (0.66, 0.03),
    (0.74, 0.82),
    (0.80, 0.33),
];

/// The deviation of a start from its spot, in metres.
const SPOT_SPREAD_M: f64 = 650.0;
/// Rides turn back at this fraction of the distance to the city limit.
const TURNING_REACH: f64 = 0.94;
/// The distance from the centre of places outside of every boundary layer.
const OUTSIDE_M: std::ops::Range<f64> = 14_500.0..17_500.0;
/// The time between two points, in milliseconds.
const INTERVAL_MS: std::ops::RangeInclusive<i64> = 30_000..=60_000;

/// A point of a route.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RoutePoint {
    pub(super) time_ms: i64,
    pub(super) lat: f64,
    pub(super) lng: f64,
}

/// A route with its length.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) points: Vec<RoutePoint>,
    pub(super) metres: f64,
}

impl Route {
    /// Draws the route of a trip. `speed` is in metres per second.
    pub(super) fn draw(sketch: &Sketch, speed: f64, random: &mut ChaCha8Rng) -> Self {
        let times = times(sketch, random);
        let speed = if sketch.kind == Kind::Phantom {
            0.0
        } else {
            speed
        };
        let mut place = start(sketch.kind, random);
        let mut heading = random.random_range(0.0..TAU);
        let mut route = Self {
            points: Vec::with_capacity(times.len()),
            metres: 0.0,
        };
        let mut previous_ms = sketch.start_ms;
        for time_ms in times {
            let metres = speed * seconds(time_ms - previous_ms);
            let previous = place;
            (place, heading) = next_place(sketch.kind, place, heading, metres, random);
            let (lat, lng) = place.lat_lng();
            route.points.push(RoutePoint { time_ms, lat, lng });
            route.metres += previous.distance_to(place);
            previous_ms = time_ms;
        }
        route.corrupt_end(sketch.kind);
        route
    }

    fn corrupt_end(&mut self, kind: Kind) {
        let Some(end) = self.points.last_mut() else {
            return;
        };
        match kind {
            Kind::OffGlobe => end.lat += 90.0,
            Kind::NullIsland => (end.lat, end.lng) = (0.0, 0.0),
            _ => {}
        }
    }
}

/// The times of the points, from start to end. All intervals but the last are equal.
fn times(sketch: &Sketch, random: &mut ChaCha8Rng) -> Vec<i64> {
    let interval = random.random_range(INTERVAL_MS);
    let mut times = vec![sketch.start_ms];
    let mut next = sketch.start_ms + interval;
    while next < sketch.end_ms {
        times.push(next);
        next += interval;
    }
    times.push(sketch.end_ms);
    times
}

/// A random place for the start of a trip.
fn start(kind: Kind, random: &mut ChaCha8Rng) -> Place {
    if kind == Kind::Outside {
        return Place::polar(
            random.random_range(OUTSIDE_M),
            random.random_range(0.0..TAU),
        );
    }
    let (reach, turn) = SPOTS[random.random_range(0..SPOTS.len())];
    let spot = Place::polar(reach * limit(turn * TAU), turn * TAU);
    let place = spot.moved(SPOT_SPREAD_M * bell(random), random.random_range(0.0..PI));
    let reach = place.reach();
    if reach < TURNING_REACH {
        place
    } else {
        Place::polar(place.distance() * 0.9 / reach, place.bearing())
    }
}

/// The place `metres` further on, and the heading there. Rides wander, and turn back at the city
/// limit.
fn next_place(
    kind: Kind,
    place: Place,
    heading: f64,
    metres: f64,
    random: &mut ChaCha8Rng,
) -> (Place, f64) {
    let heading = heading + 0.3 * bell(random);
    let ahead = place.moved(metres, heading);
    if kind == Kind::Outside || ahead.reach() < TURNING_REACH {
        return (ahead, heading);
    }
    let inward = place.bearing() + PI + 0.3 * bell(random);
    (place.moved(metres, inward), inward)
}

#[expect(clippy::cast_precision_loss, reason = "the length of a trip")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
