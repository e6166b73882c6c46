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
#[derive(Debug, Clone, Copy)]
pub(super) struct Track {
    start: Option<Point>,
    end: Option<Point>,
    points: u64,
    unordered: bool,
    unreadable: bool,
}

impl Track {
    /// The earliest point.
    pub(super) fn start(&self) -> Option<Point> {
        self.start
    }

    /// The latest point: the earliest one, if there is no other.
    pub(super) fn end(&self) -> Option<Point> {
        self.end
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
}

/// A route of which some points have been read. Of these, only the ends become degrees.
#[derive(Default)]
struct Walk<'a> {
    first: Option<Sample<'a>>,
    last: Option<Sample<'a>>,
    points: u64,
    latest: f64,
    unordered: bool,
    unreadable: bool,
}

#[derive(Clone, Copy)]
struct Sample<'a> {
    at: f64,
    position: Position<'a>,
}

impl<'a> Walk<'a> {
    fn add(&mut self, position: Position<'a>, timestamp: Option<f64>, last_timestamp: &mut f64) {
        let at = timestamp.map_or(*last_timestamp, milliseconds);
        *last_timestamp = at;
        let sample = Sample { at, position };
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

    fn track(&self) -> Track {
        let point = |sample: Option<Sample<'_>>| sample?.position.point();
        Track {
            start: point(self.first),
            end: point(self.last),
            points: self.points,
            unordered: self.unordered,
            unreadable: self.unreadable,
        }
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
        let mut walk = Walk::default();
        let mut last_timestamp = f64::NEG_INFINITY;
        while let Some(Object(feature)) = list.next_element::<Object<Feature<'_>>>()? {
            let Some(feature) = feature else { continue };
            match feature.position() {
                None => {}
                Some(position) if position.is_readable() => {
                    let time = feature.time();
                    walk.unreadable |= matches!(time, Some(PointTime(None)));
                    let timestamp = time.and_then(|time| time.0);
                    walk.add(position, timestamp, &mut last_timestamp);
                }
                Some(_) => walk.unreadable = true,
            }
        }
        Ok(Self(Some(walk.track())))
    }
}

impl<'de> Deserialize<'de> for Features {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::deserialize(deserializer)
    }
}

#[derive(Deserialize)]
struct Feature<'a> {
    #[serde(borrow)]
    geometry: Option<Object<Geometry<'a>>>,
    properties: Option<Object<Properties>>,
}

#[derive(Deserialize)]
pub(super) struct Geometry<'a> {
    #[serde(borrow)]
    coordinates: Option<Position<'a>>,
}

impl Geometry<'_> {
    pub(super) fn point(&self) -> Option<Point> {
        self.coordinates?.point()
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

impl<'a> Feature<'a> {
    fn position(&self) -> Option<Position<'a>> {
        self.geometry.as_ref()?.0.as_ref()?.coordinates
    }

    fn time(&self) -> Option<PointTime> {
        self.properties.as_ref()?.0.as_ref()?.timestamp
    }
}

/// GeoJSON's `[lng, lat, …]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position<'a> {
    lng: Number<'a>,
    lat: Number<'a>,
}

impl Position<'_> {
    fn is_readable(self) -> bool {
        self.lng.is_number() && self.lat.is_number()
    }

    /// The point; `None` without two numbers.
    pub(super) fn point(self) -> Option<Point> {
        let (lng, lat) = (self.lng.value()?, self.lat.value()?);
        Some(Point { lat, lng })
    }
}

impl<'de: 'a, 'a> Lenient<'de> for Position<'a> {
    const ABSENT: Self = Self {
        lng: Number::NONE,
        lat: Number::NONE,
    };

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let lng = list.next_element()?.unwrap_or(Number::NONE);
        let lat = list.next_element()?.unwrap_or(Number::NONE);
        skip_list(list)?;
        Ok(Self { lng, lat })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Position<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::deserialize(deserializer)
    }
}
