//! The geometries of a GeoJSON file: their polygons, as far as they have an area.

use std::borrow::Cow;
use std::fmt;

use geo::{Coord, LineString, Polygon};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use trips::json::objects;

/// A geometry whose coordinates are not read yet: their form depends on its type.
#[derive(Deserialize)]
pub(crate) struct RawGeometry<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    coordinates: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "objects")]
    geometries: Vec<RawGeometry<'a>>,
}

/// Why a geometry cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// It is not GeoJSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It is no area on the globe.
    #[error("{0}")]
    Problem(String),
}

const POLYGON: &str = "Polygon";
const MULTI_POLYGON: &str = "MultiPolygon";
const COLLECTION: &str = "GeometryCollection";
/// A ring ends where it began, so a triangle has four positions.
const MIN_POSITIONS: usize = 4;

impl RawGeometry<'_> {
    /// The polygons. An empty geometry has none, like a null one.
    pub(crate) fn polygons(&self) -> Result<Vec<Polygon>, Fault> {
        match &*self.kind {
            POLYGON => {
                let rings: Vec<Vec<Position>> = self.coordinates()?;
                Ok(polygon(&rings)?.into_iter().collect())
            }
            MULTI_POLYGON => {
                let polygons: Vec<Vec<Vec<Position>>> = self.coordinates()?;
                let polygons = polygons.iter().map(|rings| polygon(rings));
                polygons.filter_map(Result::transpose).collect()
            }
            COLLECTION => {
                let parts = self.geometries.iter().filter(|part| part.is_area());
                let parts = parts.map(Self::polygons).collect::<Result<Vec<_>, _>>()?;
                Ok(parts.concat())
            }
            other => Err(Fault::Problem(format!(
                "its geometry is a {other}; a boundary is a Polygon, a MultiPolygon or a collection \
                 of them"
            ))),
        }
    }

    /// Clipping leaves the lines and points at which an area was touched next to what is left of
    /// it.
    fn is_area(&self) -> bool {
        [POLYGON, MULTI_POLYGON, COLLECTION].contains(&&*self.kind)
    }

    fn coordinates<'b, T: Deserialize<'b>>(&'b self) -> Result<T, Fault> {
        let text = self.coordinates.map_or("null", RawValue::get);
        Ok(serde_json::from_str(text)?)
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
        return Err(Fault::Problem(problem.to_owned()));
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
            return Err(Fault::Problem(problem.to_owned()));
        };
        if x.abs() > 180.0 || y.abs() > 90.0 {
            return Err(Fault::Problem(
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
