//! A trip as a feature of GeoJSON: its route as a line, and its other members as properties.
//!
//! Numbers keep the digits that the provider sent. Where a provider swaps coordinates, the line has
//! them swapped too: it shows what was sent.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

#[derive(Serialize)]
#[serde(tag = "type", rename = "Feature")]
pub(super) struct Feature<'a> {
    geometry: Option<Geometry<'a>>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry<'a> {
    Point(Position<'a>),
    LineString(Vec<Position<'a>>),
}

/// Longitude, latitude and perhaps more, as they were sent.
type Position<'a> = Vec<&'a RawValue>;

struct Properties<'a> {
    reasons: Option<&'a RawValue>,
    members: Vec<(String, &'a RawValue)>,
}

impl<'a> Feature<'a> {
    pub(super) fn of(trip: &'a RawValue, reasons: Option<&'a RawValue>) -> Self {
        let mut members = match serde_json::from_str(trip.get()) {
            Ok(Members(members)) => members,
            // A trip may be anything; it is shown all the same.
            Err(_) => vec![("trip".to_owned(), trip)],
        };
        let route = members.iter().find(|(name, _)| name == "route");
        let positions = match route {
            Some((_, route)) => route_positions(route),
            None => end_positions(&members),
        };
        let geometry = positions.and_then(Geometry::of);
        if geometry.is_some() {
            // What cannot be drawn stays among the properties.
            members.retain(|(name, _)| name != "route");
        }
        Self {
            geometry,
            properties: Properties { reasons, members },
        }
    }
}

impl<'a> Geometry<'a> {
    fn of(mut positions: Vec<Position<'a>>) -> Option<Self> {
        match positions.len() {
            0 => None,
            1 => positions.pop().map(Self::Point),
            _ => Some(Self::LineString(positions)),
        }
    }
}

#[derive(Deserialize)]
struct Route<'a> {
    #[serde(borrow)]
    features: Vec<RoutePoint<'a>>,
}

#[derive(Deserialize)]
struct RoutePoint<'a> {
    #[serde(borrow)]
    geometry: RouteGeometry<'a>,
    #[serde(borrow)]
    properties: Option<RouteProperties<'a>>,
}

#[derive(Deserialize)]
struct RouteGeometry<'a> {
    #[serde(borrow)]
    coordinates: Position<'a>,
}

#[derive(Deserialize)]
struct RouteProperties<'a> {
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Location<'a> {
    #[serde(borrow)]
    lat: &'a RawValue,
    #[serde(borrow)]
    lng: &'a RawValue,
}

/// The points of a route in the order of their times; `None` if one of them cannot be read.
fn route_positions(route: &RawValue) -> Option<Vec<Position<'_>>> {
    let mut points = serde_json::from_str::<Route<'_>>(route.get())
        .ok()?
        .features;
    let times: Option<Vec<f64>> = points.iter().map(RoutePoint::time).collect();
    if times.is_some() {
        points.sort_by(|one, other| {
            one.time()
                .partial_cmp(&other.time())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
    }
    let positions = points.into_iter().map(|point| point.geometry.coordinates);
    positions
        .map(|position| is_position(&position).then_some(position))
        .collect()
}

impl RoutePoint<'_> {
    fn time(&self) -> Option<f64> {
        let text = self.properties.as_ref()?.timestamp?.get();
        text.trim_matches('"').parse().ok()
    }
}

/// From start to end of a trip of MDS 2.0, whose route is apart.
fn end_positions<'a>(members: &[(String, &'a RawValue)]) -> Option<Vec<Position<'a>>> {
    let positions = ["start_location", "end_location"].map(|end| {
        let (_, location) = members.iter().find(|(name, _)| name == end)?;
        let location: Location<'a> = serde_json::from_str(location.get()).ok()?;
        let position = vec![location.lng, location.lat];
        is_position(&position).then_some(position)
    });
    Some(positions.into_iter().flatten().collect())
}

fn is_position(position: &[&RawValue]) -> bool {
    let is_number = |value: &&RawValue| {
        let first = value.get().bytes().next();
        first.is_some_and(|byte| byte == b'-' || byte.is_ascii_digit())
    };
    position.len() >= 2 && position.iter().all(is_number)
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(reasons) = self.reasons {
            map.serialize_entry("reasons", reasons)?;
        }
        for (name, value) in &self.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The members of an object in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
