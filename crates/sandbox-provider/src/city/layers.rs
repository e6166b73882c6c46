//! The boundary layers as GeoJSON.

use std::f64::consts::{PI, TAU};

use serde_json::{Value, json};

use super::{Place, limit};

/// The default key of the council districts in the bucket.
pub const COUNCIL_DISTRICT_KEY: &str = "boundaries/council_district.json";
/// The default key of the census tracts in the bucket.
pub const CENSUS_GEOID_KEY: &str = "boundaries/census_geoid.json";
/// The default key of the cells in the bucket.
pub const CELL_KEY: &str = "boundaries/cell.json";

/// How many districts surround the one in the middle.
const OUTER_DISTRICTS: u32 = 6;
/// The outer district with a lake in it.
const DISTRICT_WITH_LAKE: u32 = 4;
/// The outer district with a separate part beyond the city limit.
const DISTRICT_WITH_AIRFIELD: u32 = 6;
/// How many straight lines approximate the city limit along an outer district.
const LINES_PER_DISTRICT: u32 = 24;
/// The length of a side of a census tract.
const TRACT_M: f64 = 1_600.0;
/// The distance from the middle of a cell to its corners.
const CELL_RADIUS_M: f64 = 600.0;
/// Half the side of the square that tracts and cells cover. The city is inside.
const HALF_SQUARE_M: f64 = 9_600.0;

/// The three layers with their keys in the bucket.
#[must_use]
pub fn layers() -> [(&'static str, String); 3] {
    [
        (COUNCIL_DISTRICT_KEY, council_district_geojson()),
        (CENSUS_GEOID_KEY, census_geoid_geojson()),
        (CELL_KEY, cell_geojson()),
    ]
}

/// Seven council districts with the property `district_n`, `"1"` to `"7"`. District 1 is in the
/// middle, the others surround it. One of them has a hole, another is a `MultiPolygon`.
#[must_use]
pub fn council_district_geojson() -> String {
    let middle = feature("district_n", "1".into(), &polygon(&[middle_ring()]));
    let outer = (1..=OUTER_DISTRICTS).map(|district| {
        let name = (district + 1).to_string();
        feature("district_n", name.into(), &outer_geometry(district))
    });
    collection(std::iter::once(middle).chain(outer))
}

/// Census tracts: squares of 1.6 km with the property `GEOID10`, a string of eleven digits. The
/// state in it does not exist.
#[must_use]
pub fn census_geoid_geojson() -> String {
    let positions = || (0_u32..).map(|n| (n, -HALF_SQUARE_M + TRACT_M * f64::from(n)));
    let positions = || positions().take_while(|(_, start)| *start < HALF_SQUARE_M);
    let tracts = positions().flat_map(|(row, south)| {
        positions().map(move |(column, west)| {
            let corner = |east, north| Place {
                east: west + east,
                north: south + north,
            };
            let ring = [
                corner(0.0, 0.0),
                corner(TRACT_M, 0.0),
                corner(TRACT_M, TRACT_M),
                corner(0.0, TRACT_M),
            ];
            let geoid = format!("99001{:04}00", 100 * (row + 1) + column + 1);
            feature("GEOID10", geoid.into(), &polygon(&[ring.to_vec()]))
        })
    });
    collection(tracts)
}

/// Hexagonal cells of 600 m from middle to corner, with the property `id`, a number.
#[must_use]
pub fn cell_geojson() -> String {
    let across = CELL_RADIUS_M * 3.0_f64.sqrt();
    let rows = (0_u32..).map(|row| (row, -HALF_SQUARE_M + CELL_RADIUS_M * 1.5 * f64::from(row)));
    let middles = rows
        .take_while(|(_, north)| *north <= HALF_SQUARE_M)
        .flat_map(|(row, north)| {
            let shift = if row % 2 == 0 { 0.0 } else { across / 2.0 };
            let columns =
                (0_u32..).map(move |column| -HALF_SQUARE_M + shift + across * f64::from(column));
            columns
                .take_while(|east| *east <= HALF_SQUARE_M)
                .map(move |east| Place { east, north })
        });
    collection(middles.zip(1..).map(|(middle, id): (Place, u32)| {
        let corner = |n: u32| middle.moved(CELL_RADIUS_M, PI / 6.0 + PI / 3.0 * f64::from(n));
        feature("id", id.into(), &polygon(&[(0..6).map(corner).collect()]))
    }))
}

fn outer_geometry(district: u32) -> Value {
    let mut rings = vec![outer_ring(district)];
    if district == DISTRICT_WITH_LAKE {
        rings.push(lake_ring());
    }
    if district != DISTRICT_WITH_AIRFIELD {
        return polygon(&rings);
    }
    let parts = [rings, vec![airfield_ring()]];
    let parts: Vec<Value> = parts
        .iter()
        .map(|rings| rings.iter().map(|ring| closed(ring)).collect())
        .collect();
    json!({"type": "MultiPolygon", "coordinates": parts})
}

/// The boundary of an outer district: from the middle outwards, along the city limit, and back.
fn outer_ring(district: u32) -> Vec<Place> {
    let (first, last) = (
        (district - 1) * LINES_PER_DISTRICT,
        district * LINES_PER_DISTRICT,
    );
    let mut ring: Vec<Place> = (first..=last).rev().map(middle_point).collect();
    ring.extend(border(district - 1));
    ring.extend((first..=last).map(|step| Place::polar(limit(direction(step)), direction(step))));
    ring.extend(border(district % OUTER_DISTRICTS).into_iter().rev());
    ring
}

fn middle_ring() -> Vec<Place> {
    (0..OUTER_DISTRICTS * LINES_PER_DISTRICT)
        .map(middle_point)
        .collect()
}

fn direction(step: u32) -> f64 {
    TAU * f64::from(step % (OUTER_DISTRICTS * LINES_PER_DISTRICT))
        / f64::from(OUTER_DISTRICTS * LINES_PER_DISTRICT)
}

/// A point on the border between the district in the middle and those around it.
fn middle_point(step: u32) -> Place {
    let bearing = direction(step);
    Place::polar(
        limit(bearing) * (0.3 + 0.04 * (4.0 * bearing).cos()),
        bearing,
    )
}

/// The bends in the border between two outer districts, from the middle outwards. Both districts
/// have the same points, so that there is no gap.
fn border(number: u32) -> Vec<Place> {
    let straight = direction(number * LINES_PER_DISTRICT);
    let bend = |part: u32| {
        let along = 0.4 + 0.1 * f64::from(part);
        let sideways = 0.08 * (f64::from(number) * 2.0 + f64::from(part) * 1.7).sin();
        Place::polar(limit(straight) * along, straight + sideways)
    };
    (0..6).map(bend).collect()
}

fn lake_ring() -> Vec<Place> {
    let bearing = direction(DISTRICT_WITH_LAKE * LINES_PER_DISTRICT - LINES_PER_DISTRICT / 2);
    let middle = Place::polar(limit(bearing) * 0.65, bearing);
    let shore = |step: u32| {
        let angle = TAU * f64::from(step) / 18.0;
        middle.moved(450.0 + 120.0 * (2.0 * angle).sin(), angle)
    };
    // The ring of a hole has the opposite direction.
    (0..18).rev().map(shore).collect()
}

fn airfield_ring() -> Vec<Place> {
    let bearing = direction(DISTRICT_WITH_AIRFIELD * LINES_PER_DISTRICT - LINES_PER_DISTRICT / 2);
    let middle = Place::polar(limit(bearing) * 1.12, bearing);
    [0.2, 1.9, 3.3, 5.0]
        .map(|angle| middle.moved(420.0, angle))
        .to_vec()
}

fn polygon(rings: &[Vec<Place>]) -> Value {
    let rings: Vec<Value> = rings.iter().map(|ring| closed(ring)).collect();
    json!({"type": "Polygon", "coordinates": rings})
}

fn closed(ring: &[Place]) -> Value {
    let places = ring.iter().chain(ring.first());
    places
        .map(|place| {
            let (lat, lng) = place.lat_lng();
            json!([lng, lat])
        })
        .collect()
}

fn feature(property: &str, label: Value, geometry: &Value) -> Value {
    let mut feature = json!({"type": "Feature", "properties": {}, "geometry": geometry});
    feature["properties"][property] = label;
    feature
}

fn collection(features: impl Iterator<Item = Value>) -> String {
    json!({"type": "FeatureCollection", "features": features.collect::<Vec<_>>()}).to_string()
}

#[cfg(test)]
mod tests;
