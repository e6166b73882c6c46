//! The route of a trip up to MDS 1.2, read in one pass without keeping its points.

use chrono::DateTime;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess};

use super::Point;
use super::lenient::{self, Lenient, Number, Object, number_in, skip_list};
use super::scalar::MILLISECONDS_FROM;

/// What a route says about the ends of the trip.
///
/// The first and the last point are those of the route after a stable sort by timestamp
/// (docs/CONTRACT.md, "Details that existing data depends on"). A point without a timestamp has the
/// one of the point before it. Features without a pair of numbers are skipped.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Track {
    first: Option<Sample>,
    last: Option<Sample>,
    points: u64,
    latest: f64,
    unordered: bool,
    unreadable: bool,
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

    /// The latest point: the earliest one, if there is no other.
    pub(super) fn end(&self) -> Option<Point> {
        self.last.map(|sample| sample.point)
    }

    /// Whether the route has one point, so that nothing shows where the trip went.
    pub(super) fn is_single_point(&self) -> bool {
        self.points == 1
    }

    /// Whether some point comes after a later one.
    pub(super) fn is_unordered(&self) -> bool {
        self.unordered
    }

    /// Whether some point has a time or coordinates that cannot be read, so that an end may be
    /// another point.
    pub(super) fn has_unreadable_point(&self) -> bool {
        self.unreadable
    }

    fn add(&mut self, point: Point, timestamp: Option<f64>, last_timestamp: &mut f64) {
        let at = timestamp.map_or(*last_timestamp, milliseconds);
        *last_timestamp = at;
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

/// The same unit for all points: some providers mix units within a route.
fn milliseconds(timestamp: f64) -> f64 {
    if timestamp.abs() < MILLISECONDS_FROM {
        timestamp * 1000.0
    } else {
        timestamp
    }
}

/// A route: a track, or `None` for anything but an object with a list of features.
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

impl<'de> Lenient<'de> for Features {
    const ABSENT: Self = Self(None);

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut track = Track::default();
        let mut last_timestamp = f64::NEG_INFINITY;
        while let Some(Object(feature)) = list.next_element::<Object<Feature>>()? {
            let Some(feature) = feature else { continue };
            match feature.position() {
                None => {}
                Some(Position(None)) => track.unreadable = true,
                Some(Position(Some(point))) => {
                    let time = feature.time();
                    track.unreadable |= matches!(time, Some(PointTime(None)));
                    let timestamp = time.and_then(|time| time.0);
                    track.add(*point, timestamp, &mut last_timestamp);
                }
            }
        }
        Ok(Self(Some(track)))
    }
}

impl<'de> Deserialize<'de> for Features {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::deserialize(deserializer)
    }
}

#[derive(Deserialize)]
struct Feature {
    geometry: Option<Object<Geometry>>,
    properties: Option<Object<Properties>>,
}

#[derive(Deserialize)]
pub(super) struct Geometry {
    coordinates: Option<Position>,
}

impl Geometry {
    pub(super) fn point(&self) -> Option<Point> {
        self.coordinates.as_ref()?.0
    }
}

#[derive(Deserialize)]
struct Properties {
    timestamp: Option<PointTime>,
}

/// When the vehicle was at a point: a number, or a date and time as RFC 3339 has it. `None` for
/// anything else.
#[derive(Clone, Copy)]
struct PointTime(Option<f64>);

impl Lenient<'_> for PointTime {
    const ABSENT: Self = Self(None);

    fn from_number(number: f64) -> Self {
        Self(Some(number))
    }

    fn from_text(text: &str) -> Self {
        let date = || DateTime::parse_from_rfc3339(text.trim()).ok();
        Self(number_in(text).or_else(|| Some(date()?.timestamp_millis() as f64)))
    }
}

impl<'de> Deserialize<'de> for PointTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::deserialize(deserializer)
    }
}

impl Feature {
    fn position(&self) -> Option<&Position> {
        self.geometry.as_ref()?.0.as_ref()?.coordinates.as_ref()
    }

    fn time(&self) -> Option<PointTime> {
        self.properties.as_ref()?.0.as_ref()?.timestamp
    }
}

/// GeoJSON's `[lng, lat, …]`.
pub(super) struct Position(pub(super) Option<Point>);

impl<'de> Lenient<'de> for Position {
    const ABSENT: Self = Self(None);

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let lng = list.next_element::<Number>()?.and_then(|n| n.0);
        let lat = list.next_element::<Number>()?.and_then(|n| n.0);
        skip_list(list)?;
        Ok(Self(lat.zip(lng).map(|(lat, lng)| Point { lat, lng })))
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::deserialize(deserializer)
    }
}
