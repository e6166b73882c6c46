use std::collections::HashSet;

use super::*;

/// How many features contain the place, by the even-odd rule over all rings.
fn count_features(geojson: &str, place: Place) -> usize {
    let collection: Value = serde_json::from_str(geojson).unwrap();
    let (lat, lng) = place.lat_lng();
    collection["features"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|feature| contains(&feature["geometry"], lat, lng))
        .count()
}

fn contains(geometry: &Value, lat: f64, lng: f64) -> bool {
    let coordinates = geometry["coordinates"].as_array().unwrap();
    let rings: Vec<&Value> = match geometry["type"].as_str().unwrap() {
        "Polygon" => coordinates.iter().collect(),
        "MultiPolygon" => coordinates
            .iter()
            .flat_map(|part| part.as_array().unwrap())
            .collect(),
        other => panic!("{other}"),
    };
    rings
        .iter()
        .filter(|ring| is_in_ring(ring, lat, lng))
        .count()
        % 2
        == 1
}

fn is_in_ring(ring: &Value, lat: f64, lng: f64) -> bool {
    let points: Vec<(f64, f64)> = ring
        .as_array()
        .unwrap()
        .iter()
        .map(|point| (point[0].as_f64().unwrap(), point[1].as_f64().unwrap()))
        .collect();
    assert_eq!(points.first(), points.last(), "a ring is closed");
    let crossings = points.windows(2).filter(|line| {
        let ((x1, y1), (x2, y2)) = (line[0], line[1]);
        (y1 > lat) != (y2 > lat) && lng < (x2 - x1) * (lat - y1) / (y2 - y1) + x1
    });
    crossings.count() % 2 == 1
}

fn grid() -> impl Iterator<Item = Place> {
    // Uneven numbers, so that no point is on an edge.
    let steps = || (0..60).map(|step| -7_990.0 + 271.3 * f64::from(step));
    steps().flat_map(move |east| steps().map(move |north| Place { east, north }))
}

#[test]
fn every_place_in_the_city_has_one_district_tract_and_cell() {
    let (districts, tracts, cells) = (
        council_district_geojson(),
        census_geoid_geojson(),
        cell_geojson(),
    );
    let lake = lake_ring();
    let in_lake = |place: Place| lake.iter().any(|shore| place.distance_to(*shore) < 600.0);
    let mut checked = 0;
    for place in grid()
        .filter(|place| place.reach() < 0.98 && !in_lake(*place))
        .step_by(5)
    {
        assert_eq!(
            count_features(&districts, place),
            1,
            "districts at {place:?}"
        );
        assert_eq!(count_features(&tracts, place), 1, "tracts at {place:?}");
        assert_eq!(count_features(&cells, place), 1, "cells at {place:?}");
        checked += 1;
    }
    assert!(checked > 200);
}

#[test]
fn the_lake_is_in_no_district_and_the_airfield_is_in_one() {
    let districts = council_district_geojson();
    let middle = |ring: Vec<Place>| {
        let count = f64::from(u32::try_from(ring.len()).unwrap());
        let sum = |part: fn(&Place) -> f64| ring.iter().map(part).sum::<f64>() / count;
        Place {
            east: sum(|place| place.east),
            north: sum(|place| place.north),
        }
    };
    assert_eq!(count_features(&districts, middle(lake_ring())), 0);
    let airfield = middle(airfield_ring());
    assert!(airfield.reach() > 1.0);
    assert_eq!(count_features(&districts, airfield), 1);
}

#[test]
fn labels_are_all_different() {
    for (key, property) in [(0, "district_n"), (1, "GEOID10"), (2, "id")] {
        let collection: Value = serde_json::from_str(&layers()[key].1).unwrap();
        let labels: Vec<String> = collection["features"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["properties"][property].to_string())
            .collect();
        assert!(labels.len() >= 7);
        assert_eq!(labels.iter().collect::<HashSet<_>>().len(), labels.len());
    }
}
