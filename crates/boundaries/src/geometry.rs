//! The geometries of a GeoJSON file: their polygons, as far as they have an area.

use std::borrow::Cow;
use std::fmt;

use geo::{Coord, LineString, Polygon};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use trips::json::Object;

/// A geometry whose coordinates are not read yet: their form depends on its type.
#[derive(Deserialize)]
pub(crate) struct RawGeometry<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    coordinates: Option<&'a RawValue>,
    #[serde(borrow)]
    geometries: Option<Vec<Option<Object<RawGeometry<'a>>>>>,
}

/// Why a geometry cannot be used, and how to correct it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(pub(crate) String);

const POLYGON: &str = "Polygon";
const MULTI_POLYGON: &str = "MultiPolygon";
const COLLECTION: &str = "GeometryCollection";
/// The geometries of GeoJSON that never have an area.
const WITHOUT_AREA: [&str; 4] = ["Point", "MultiPoint", "LineString", "MultiLineString"];
/// A ring ends where it began, so a triangle has four positions.
const MIN_POSITIONS: usize = 4;

impl RawGeometry<'_> {
    /// The polygons. An empty geometry of any type has none, like a null one.
    pub(crate) fn polygons(&self) -> Result<Vec<Polygon>, Fault> {
        match self.kind.as_deref() {
            Some(POLYGON) => {
                let rings: Vec<Vec<Position>> = self.coordinates(POLYGON)?;
                Ok(polygon(&rings)?.into_iter().collect())
            }
            Some(MULTI_POLYGON) => {
                let polygons: Vec<Vec<Vec<Position>>> = self.coordinates(MULTI_POLYGON)?;
                let polygons = polygons.iter().map(|rings| polygon(rings));
                polygons.filter_map(Result::transpose).collect()
            }
            Some(COLLECTION) => {
                let parts = self.parts().filter(|part| part.may_have_area());
                let parts = parts.map(Self::polygons).collect::<Result<Vec<_>, _>>()?;
                Ok(parts.concat())
            }
            Some(kind) if WITHOUT_AREA.contains(&kind) && self.is_empty() => Ok(Vec::new()),
            Some(other) => Err(Fault(format!(
                "its geometry is a {other}; a boundary is a Polygon, a MultiPolygon or a collection \
                 of them"
            ))),
            None if self.is_empty() && self.parts().next().is_none() => Ok(Vec::new()),
            None => Err(Fault(
                "its geometry has no `type`; a boundary is a Polygon, a MultiPolygon or a \
                 collection of them"
                    .to_owned(),
            )),
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Self> {
        let parts = self.geometries.iter().flatten().flatten();
        parts.map(|Object(part)| part)
    }

    /// Clipping leaves the lines and points at which an area was touched next to what is left of
    /// it.
    fn may_have_area(&self) -> bool {
        let kind = self.kind.as_deref();
        kind.is_none_or(|kind| [POLYGON, MULTI_POLYGON, COLLECTION].contains(&kind))
    }

    /// Whether there is no position: no coordinates, or brackets around nothing.
    fn is_empty(&self) -> bool {
        let is_bracket = |byte: u8| b"[], \t\r\n".contains(&byte);
        self.coordinates
            .is_none_or(|text| text.get().bytes().all(is_bracket))
    }

    /// The coordinates; without any, an empty list.
    fn coordinates<'b, T: Deserialize<'b> + Default>(&'b self, kind: &str) -> Result<T, Fault> {
        let Some(text) = self.coordinates else {
            return Ok(T::default());
        };
        serde_json::from_str(text.get()).map_err(|error| {
            let why = error.to_string();
            // The place would be counted from the first bracket, and not from the file's begin.
            let why = why.split(" at line ").next().unwrap_or_default();
            Fault(format!("its coordinates are not those of a {kind} ({why})"))
        })
    }
}

/// The first ring is the outer one, the others are holes. `None` for a polygon without area.
fn polygon(rings: &[Vec<Position>]) -> Result<Option<Polygon>, Fault> {
    let Some((exterior, holes)) = rings.split_first() else {
        return Ok(None);
    };
    if exterior.is_empty() {
        return Ok(None);
    }
    let holes = holes.iter().filter(|hole| !hole.is_empty());
    Ok(Some(Polygon::new(
        ring(exterior)?,
        holes.map(|hole| ring(hole)).collect::<Result<_, _>>()?,
    )))
}

fn ring(positions: &[Position]) -> Result<LineString, Fault> {
    if positions.len() < MIN_POSITIONS {
        let problem = "one of its rings has fewer than four positions";
        return Err(Fault(problem.to_owned()));
    }
    positions.iter().map(Position::coordinate).collect()
}

/// The first two numbers of a position. Heights are skipped.
struct Position {
    x: Option<f64>,
    y: Option<f64>,
}

impl Position {
    fn coordinate(&self) -> Result<Coord, Fault> {
        let (Some(x), Some(y)) = (self.x, self.y) else {
            let problem = "one of its positions has fewer than two numbers";
            return Err(Fault(problem.to_owned()));
        };
        if x.abs() > 180.0 || y.abs() > 90.0 {
            return Err(Fault(
                "its coordinates are not longitudes and latitudes; export it in WGS84 degrees \
                 (EPSG:4326)"
                    .to_owned(),
            ));
        }
        Ok(Coord { x, y })
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PositionVisitor)
    }
}

struct PositionVisitor;

impl<'de> Visitor<'de> for PositionVisitor {
    type Value = Position;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of two numbers or more")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Position, A::Error> {
        let position = Position {
            x: numbers.next_element()?,
            y: numbers.next_element()?,
        };
        while numbers.next_element::<IgnoredAny>()?.is_some() {}
        Ok(position)
    }
}
