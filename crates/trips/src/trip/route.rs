//! The route of a trip up to MDS 1.2, read in one pass without keeping its points.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::Point;
use super::lenient::{Number, Object, nothing_for_scalars, skip_list, skip_object};
use super::scalar::MILLISECONDS_FROM;

/// What a route tells of the trip's ends.
///
/// The first and the last point are those of the route sorted by timestamp, stable
/// (docs/CONTRACT.md, Details). A point without a timestamp stays behind the point it follows in
/// the file. Features that hold no pair of numbers are passed over.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Track {
    first: Option<Sample>,
    last: Option<Sample>,
    points: u64,
    latest: f64,
    unordered: bool,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: f64,
    point: Point,
}

impl Track {
    /// The earliest point.
    pub(super) fn start(&self) -> Option<Point> {
        self.first.map(|sample| sample.point)
    }

    /// The latest point. A single point tells where the trip began, not where it ended.
    pub(super) fn end(&self) -> Option<Point> {
        self.last
            .filter(|_| self.points > 1)
            .map(|sample| sample.point)
    }

    /// Whether some point comes after a later one.
    pub(super) fn is_unordered(&self) -> bool {
        self.unordered
    }

    fn add(&mut self, point: Point, timestamp: Option<f64>, carried: &mut f64) {
        let at = timestamp.map_or(*carried, milliseconds);
        *carried = at;
        let sample = Sample { at, point };
        if self.first.is_none_or(|first| at < first.at) {
            self.first = Some(sample);
        }
        if self.last.is_none_or(|last| at >= last.at) {
            self.last = Some(sample);
        }
        self.unordered |= self.points > 0 && at < self.latest;
        self.latest = if self.points == 0 {
            at
        } else {
            self.latest.max(at)
        };
        self.points += 1;
    }
}

/// One unit for all points: providers have mixed them within a route.
fn milliseconds(timestamp: f64) -> f64 {
    if timestamp.abs() < MILLISECONDS_FROM {
        timestamp * 1000.0
    } else {
        timestamp
    }
}

/// A route: a track, or `None` for anything that is no object with a list of features.
#[derive(Debug)]
pub(super) struct Route(pub(super) Option<Track>);

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Collection {
            features: Option<Features>,
        }
        let collection = Object::<Collection>::deserialize(deserializer)?.0;
        Ok(Self(
            collection
                .and_then(|collection| collection.features)
                .and_then(|features| features.0),
        ))
    }
}

struct Features(Option<Track>);

impl<'de> Deserialize<'de> for Features {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FeaturesVisitor)
    }
}

struct FeaturesVisitor;

impl<'de> Visitor<'de> for FeaturesVisitor {
    type Value = Features;

    nothing_for_scalars!(
        Features(None);
        visit_bool(bool),
        visit_i64(i64),
        visit_u64(u64),
        visit_f64(f64),
        visit_str(&str),
    );

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut track = Track::default();
        let mut carried = f64::NEG_INFINITY;
        while let Some(Object(feature)) = list.next_element::<Object<Feature>>()? {
            let Some(feature) = feature else { continue };
            if let Some(point) = feature.point() {
                track.add(point, feature.timestamp(), &mut carried);
            }
        }
        Ok(Features(Some(track)))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        skip_object(object).map(|()| Features(None))
    }
}

#[derive(Deserialize)]
struct Feature {
    geometry: Option<Object<Geometry>>,
    properties: Option<Object<Properties>>,
}

#[derive(Deserialize)]
struct Geometry {
    coordinates: Option<Position>,
}

#[derive(Deserialize)]
struct Properties {
    timestamp: Option<Number<true>>,
}

impl Feature {
    fn point(&self) -> Option<Point> {
        self.geometry.as_ref()?.0.as_ref()?.coordinates.as_ref()?.0
    }

    fn timestamp(&self) -> Option<f64> {
        self.properties.as_ref()?.0.as_ref()?.timestamp?.0
    }
}

/// GeoJSON's `[lng, lat, …]`.
struct Position(Option<Point>);

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PositionVisitor)
    }
}

struct PositionVisitor;

impl<'de> Visitor<'de> for PositionVisitor {
    type Value = Position;

    nothing_for_scalars!(
        Position(None);
        visit_bool(bool),
        visit_i64(i64),
        visit_u64(u64),
        visit_f64(f64),
        visit_str(&str),
    );

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a position")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let lng = list.next_element::<Number<false>>()?.and_then(|n| n.0);
        let lat = list.next_element::<Number<false>>()?.and_then(|n| n.0);
        skip_list(list)?;
        Ok(Position(lat.zip(lng).map(|(lat, lng)| Point { lat, lng })))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        skip_object(object).map(|()| Position(None))
    }
}
