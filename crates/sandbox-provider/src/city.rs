//! Millrace, a made-up city in which the trips of the sandbox take place.
//!
//! The city is in farmland around 41.0, -93.0 and some 14 km across. Its three boundary layers have
//! the properties that the pipeline expects by default. The council districts are irregular: one
//! has a lake cut out of it, another has a separate airfield. All shapes are computed, so that they
//! are the same everywhere.

mod layers;

pub use layers::{
    CELL_KEY, CENSUS_GEOID_KEY, COUNCIL_DISTRICT_KEY, cell_geojson, census_geoid_geojson,
};
pub use layers::{council_district_geojson, layers};

use std::f64::consts::TAU;

/// The latitude of the city's centre, in degrees.
pub const CENTRE_LAT: f64 = 41.02;
/// The longitude of the city's centre, in degrees.
pub const CENTRE_LNG: f64 = -93.04;

/// The mean distance from the centre to the city limit.
const MEAN_RADIUS_M: f64 = 7_000.0;
const METRES_PER_DEGREE: f64 = 111_195.0;

/// Whether a point (in degrees) is inside the city limit. The limit is a smooth curve. The
/// districts approximate it by short straight lines, so the two differ by a few metres.
#[must_use]
pub fn covers(lat: f64, lng: f64) -> bool {
    let place = Place::of(lat, lng);
    place.distance() < limit(place.bearing())
}

/// A place, as metres east and north of the centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) east: f64,
    pub(crate) north: f64,
}

impl Place {
    /// The place at a distance from the centre in a direction. 0 is east, a quarter turn is north.
    pub(crate) fn polar(distance: f64, bearing: f64) -> Self {
        Self {
            east: distance * bearing.cos(),
            north: distance * bearing.sin(),
        }
    }

    pub(crate) fn of(lat: f64, lng: f64) -> Self {
        Self {
            east: (lng - CENTRE_LNG) * METRES_PER_DEGREE * CENTRE_LAT.to_radians().cos(),
            north: (lat - CENTRE_LAT) * METRES_PER_DEGREE,
        }
    }

    /// Latitude and longitude, with seven decimals as from a GPS receiver.
    pub(crate) fn lat_lng(self) -> (f64, f64) {
        let lat = CENTRE_LAT + self.north / METRES_PER_DEGREE;
        let lng = CENTRE_LNG + self.east / (METRES_PER_DEGREE * CENTRE_LAT.to_radians().cos());
        (rounded(lat), rounded(lng))
    }

    pub(crate) fn moved(self, distance: f64, bearing: f64) -> Self {
        let step = Self::polar(distance, bearing);
        Self {
            east: self.east + step.east,
            north: self.north + step.north,
        }
    }

    pub(crate) fn distance(self) -> f64 {
        self.east.hypot(self.north)
    }

    pub(crate) fn distance_to(self, other: Self) -> f64 {
        (self.east - other.east).hypot(self.north - other.north)
    }

    /// The direction from the centre, from 0 to a full turn.
    pub(crate) fn bearing(self) -> f64 {
        self.north.atan2(self.east).rem_euclid(TAU)
    }

    /// The distance from the centre, relative to that of the city limit in the same direction.
    pub(crate) fn reach(self) -> f64 {
        self.distance() / limit(self.bearing())
    }
}

/// The distance from the centre to the city limit in a direction.
pub(crate) fn limit(bearing: f64) -> f64 {
    let bulges = 0.11 * (3.0 * bearing + 0.4).sin() + 0.06 * (5.0 * bearing + 1.9).sin();
    MEAN_RADIUS_M * (1.0 + bulges + 0.02 * (11.0 * bearing).sin())
}

fn rounded(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

#[cfg(test)]
mod tests;
