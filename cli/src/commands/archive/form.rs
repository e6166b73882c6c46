//! The forms in which an object is written.

use std::io::{self, Read, Write};

use serde::Deserialize;
use serde_json::value::RawValue;
use trips::block::BlockObject;
use trips::envelope::{NonFiniteTrip, TripVisitor, read_list};
use trips::json::{ArrayWriter, Elements};

use super::geojson::Feature;
use crate::args::Format;

/// What an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// An envelope with a list of this name.
    Envelope(&'static str),
    /// An array of rows.
    Rows,
    /// An array of trips with the reasons for which they were rejected.
    Rejects,
    /// One object.
    Document,
}

impl Shape {
    /// `None` for a name that no object of a block has.
    pub(super) fn of(object: &str) -> Option<Self> {
        match BlockObject::ALL
            .into_iter()
            .find(|it| it.as_str() == object)
        {
            Some(BlockObject::Trips | BlockObject::Refused) => Some(Self::Envelope("trips")),
            Some(BlockObject::Telemetry) => Some(Self::Envelope("telemetry")),
            Some(BlockObject::Rejects) => Some(Self::Rejects),
            Some(BlockObject::Publish) => Some(Self::Rows),
            Some(BlockObject::Extract) => Some(Self::Document),
            None => is_former_archive(object).then_some(Self::Envelope("trips")),
        }
    }

    pub(super) fn has_routes(self) -> bool {
        matches!(self, Self::Envelope("trips") | Self::Rejects)
    }
}

/// Whether it is the name of a copy: `trips.2020-01-03T05-00-12Z.json`.
fn is_former_archive(object: &str) -> bool {
    object
        .strip_prefix("trips.")
        .and_then(|rest| rest.strip_suffix(".json"))
        .is_some_and(|time| {
            chrono::NaiveDateTime::parse_from_str(time, "%Y-%m-%dT%H-%M-%SZ").is_ok()
        })
}

/// Writes an object's content, element by element.
pub(super) fn write_as(
    mut content: impl Read,
    shape: Shape,
    format: Format,
    mut out: impl Write,
) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            io::copy(&mut content, &mut out)?;
        }
        Format::Jsonl => each(content, shape, &mut |element| line(&mut out, element))?,
        Format::Geojson => {
            out.write_all(br#"{"type":"FeatureCollection","features":"#)?;
            let mut features = ArrayWriter::new(&mut out)?;
            each(content, shape, &mut |element| {
                feature(&mut features, shape, element)
            })?;
            features.finish()?.write_all(b"}\n")?;
        }
    }
    Ok(out.flush()?)
}

type Take<'a> = dyn FnMut(Element<'_>) -> io::Result<()> + 'a;

#[derive(Clone, Copy)]
enum Element<'a> {
    Json(&'a RawValue),
    /// A trip with `NaN` or `Infinity`, which JSON does not have.
    NonFinite(&'a NonFiniteTrip<'a>),
}

fn each(mut content: impl Read, shape: Shape, take: &mut Take<'_>) -> anyhow::Result<()> {
    match shape {
        Shape::Envelope(list) => {
            read_list(content, list, &mut Visitor(take))?;
        }
        Shape::Rows | Shape::Rejects => {
            let mut elements = Elements::new(content);
            while let Some(taken) = elements.next_with(|row| take(Element::Json(row)))? {
                taken?;
            }
        }
        Shape::Document => {
            // A report has some hundred bytes, whatever the hour holds.
            let mut text = String::new();
            content.read_to_string(&mut text)?;
            take(Element::Json(serde_json::from_str(&text)?))?;
        }
    }
    Ok(())
}

struct Visitor<'a, 'b>(&'a mut Take<'b>);

impl TripVisitor for Visitor<'_, '_> {
    fn trip(&mut self, trip: &RawValue) -> io::Result<()> {
        (self.0)(Element::Json(trip))
    }

    fn non_finite_trip(&mut self, trip: &NonFiniteTrip<'_>) -> io::Result<()> {
        (self.0)(Element::NonFinite(trip))
    }
}

/// Writes an element on one line. Line ends can only stand between the tokens of JSON, so nothing
/// else changes.
fn line(out: &mut impl Write, element: Element<'_>) -> io::Result<()> {
    match element {
        Element::Json(element) => {
            for piece in element.get().split(['\n', '\r']) {
                out.write_all(piece.as_bytes())?;
            }
        }
        // As in rejects.json: a JSON text of what was sent.
        Element::NonFinite(trip) => serde_json::to_writer(&mut *out, trip.text)?,
    }
    out.write_all(b"\n")
}

#[derive(Deserialize)]
struct Rejected<'a> {
    #[serde(borrow)]
    reasons: Option<&'a RawValue>,
    #[serde(borrow)]
    trip: Option<&'a RawValue>,
}

fn feature<W: Write>(
    features: &mut ArrayWriter<W>,
    shape: Shape,
    element: Element<'_>,
) -> io::Result<()> {
    let element = match element {
        Element::Json(element) => element,
        Element::NonFinite(trip) => trip.with_nulls,
    };
    if shape != Shape::Rejects {
        return features.push(&Feature::of(element, None));
    }
    let rejected: Rejected<'_> = serde_json::from_str(element.get())?;
    let trip = rejected.trip.unwrap_or(element);
    features.push(&Feature::of(trip, rejected.reasons))
}
