//! From the JSON of a trip to a trip or a reject.

use chrono::{DateTime, Utc};
use serde_json::Deserializer;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::cost::decimals;
use super::fields::{
    self, Field, Fields, Sent, currency, id, provider_id, size, text, text_or_number,
    text_or_texts, whole_number,
};
use super::parse::{End, RawTrip, Shape, trip_id_alone};
use super::reject::{Reject, RejectReason, TripEnd};
use super::scalar::{Scalar, Stamp};
use super::{Flags, Point, ServiceArea, Trip};
use crate::Feed;
use crate::block::Hour;
use crate::envelope::{NonFiniteTrip, TooLargeTrip};
use crate::json::Object;

const MAX_REPORTED_ID_CHARS: usize = 64;

/// What the trips of a block are checked against.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The block's hour.
    pub hour: Hour,
    /// The present time; a trip may end up to 24 hours after it.
    pub now: DateTime<Utc>,
    /// The ids under which the provider's trips arrive. Trips of other providers are rejected: they
    /// would change the other provider's rows.
    pub provider_ids: &'a [Uuid],
    /// How the provider's feed has to be read.
    pub feed: Feed,
    /// Where trips are expected. With `None`, no trip is flagged as outside.
    pub area: Option<&'a dyn ServiceArea>,
}

impl Rules<'_> {
    /// Reads a trip of any MDS version and checks it.
    ///
    /// The shape shows the version: a trip with `start_location` or `end_location` is of 2.0, one
    /// with a `route` is of 1.2 or older. These fields are required: the ids of the provider, the
    /// device and the trip, both times, duration, distance, both ends, and up to 1.2 the vehicle
    /// type. No number depends on the others, also on those that MDS requires (`provider_name`,
    /// `vehicle_id`, `accuracy`, propulsion): they may be missing, and one with a wrong type or
    /// value is loaded as null.
    ///
    /// Durations, distances and the accuracy may have a fraction, which is rounded. Timestamps may
    /// be numbers, or strings that hold a number. For other numbers, a string is a wrong type.
    /// [`Flag::Overlap`](super::Flag::Overlap) is not set here, because it needs the whole block.
    ///
    /// # Errors
    ///
    /// A [`Reject`] with every reason.
    pub fn check(&self, json: &str) -> Result<Trip, Reject> {
        if let Some(marker) = TooLargeTrip::read(json) {
            let trip_id = marker.trip_id.as_deref();
            return Err(self.reject(trip_id, None, vec![RejectReason::TooLarge]));
        }
        match RawTrip::read(json) {
            Ok(sent) => self
                .check_sent(&sent)
                .map_err(|reasons| self.reject(sent.trip_id, sent.provider_id, reasons)),
            Err(error) => {
                let reason = RejectReason::unreadable(json, &error);
                Err(self.reject(trip_id_alone(json).as_deref(), None, vec![reason]))
            }
        }
    }

    fn reject(&self, trip_id: Sent<'_>, provider: Sent<'_>, reasons: Vec<RejectReason>) -> Reject {
        let named = provider_id(provider).ok().flatten();
        let providers = named
            .as_ref()
            .map_or(self.provider_ids, std::slice::from_ref);
        let mut row_ids: Vec<_> = providers
            .iter()
            .filter_map(|provider| id("trip_id", trip_id, Some(*provider)).ok().flatten())
            .collect();
        row_ids.dedup();
        Reject {
            trip_id: trip_id.and_then(reported_id),
            reasons,
            row_ids,
        }
    }

    /// The reject of a trip with numbers that are not finite.
    #[must_use]
    pub fn reject_non_finite(&self, trip: &NonFiniteTrip<'_>) -> Reject {
        let trip_id = trip_id_alone(trip.with_nulls.get());
        self.reject(
            trip_id.as_deref(),
            None,
            vec![RejectReason::NonFiniteNumber],
        )
    }

    /// Reads the trip that `text` begins with, whatever follows it, and checks it in the same pass.
    /// Returns the trip and its text. `None` if the text ends within the trip, or if the trip is
    /// rejected: [`Rules::check`] on the complete trip returns the reasons.
    #[must_use]
    pub fn check_ahead<'t>(&self, text: &'t [u8]) -> Option<(Trip, &'t str)> {
        let mut values = Deserializer::from_slice(text).into_iter::<Object<RawTrip<'_>>>();
        let Object(sent) = values.next()?.ok()?;
        // The parser does not validate what it skips, which has to be UTF-8 nevertheless.
        let text = str::from_utf8(text.get(..values.byte_offset())?).ok()?;
        Some((self.check_sent(&sent).ok()?, text))
    }

    fn check_sent(&self, sent: &RawTrip<'_>) -> Result<Trip, Vec<RejectReason>> {
        if let Some(reason) = sent.why_replaced() {
            return Err(vec![reason]);
        }
        let mut fields = Fields::new(self.now);
        match self.read(sent, &mut fields) {
            Some(trip) if fields.reasons.is_empty() => Ok(trip),
            _ => Err(fields.reasons),
        }
    }

    /// Reads every field before it returns `None` for a missing one, so that all reasons are found.
    fn read(&self, sent: &RawTrip<'_>, fields: &mut Fields) -> Option<Trip> {
        let shape = sent.shape();
        let provider = self.read_provider(sent, fields);
        let device_id = fields.required("device_id", id("device_id", sent.device_id, provider));
        let trip_id = fields.required("trip_id", id("trip_id", sent.trip_id, provider));
        let vehicle_type = read_vehicle_type(sent, &shape, fields);
        let (trip_duration, trip_distance) = read_amounts(sent, &shape, fields);
        let times = read_times(sent, fields);
        let ends = self.read_ends(&shape, fields);
        let currency = currency("currency", sent.currency);
        let decimals = decimals(self.feed.cost_unit, &currency);
        let standard_cost = fields.cost(sent.standard_cost, decimals);
        let actual_cost = fields.cost(sent.actual_cost, decimals);
        let mut optional_id = |name, sent| fields.optional(id(name, sent, provider));
        let data_provider_id = optional_id("data_provider_id", sent.data_provider_id);
        let journey_id = optional_id("journey_id", sent.journey_id);
        let mut optional_text = |name, sent| fields.optional(text(name, sent));

        let mut trip = Trip {
            provider_name: optional_text("provider_name", sent.provider_name),
            parking_verification_url: optional_text(
                "parking_verification_url",
                sent.parking_verification_url,
            ),
            parking_category: optional_text("parking_category", sent.parking_category),
            data_provider_id,
            vehicle_id: fields.optional(text_or_number("vehicle_id", sent.vehicle_id)),
            vehicle_type,
            propulsion_type: fields.optional(read_propulsion(sent)),
            accuracy: fields.optional(size("accuracy", sent.accuracy)),
            standard_cost,
            actual_cost,
            currency: fields.currency(&currency),
            journey_id,
            trip_type: fields.optional(text_or_texts("trip_type", sent.trip_type)),
            publication_time: times.publication.map(|stamp| stamp.time),
            provider_id: provider?,
            device_id: device_id?,
            trip_id: trip_id?,
            trip_duration: trip_duration?,
            trip_distance: trip_distance?,
            start_time: times.start?.time,
            end_time: times.end?.time,
            start: ends.0?,
            end: ends.1?,
            flags: Flags::NONE,
        };
        trip.flags = self.flags(&trip, &shape, &times, fields.flags);
        Some(trip)
    }

    fn read_provider(&self, sent: &RawTrip<'_>, fields: &mut Fields) -> Option<Uuid> {
        let provider = fields.required("provider_id", provider_id(sent.provider_id))?;
        if !self.provider_ids.contains(&provider) {
            fields.refuse(RejectReason::ForeignProvider);
        }
        Some(provider)
    }

    fn read_ends(&self, shape: &Shape, fields: &mut Fields) -> (Option<Point>, Option<Point>) {
        match shape {
            Shape::Unknown => {
                fields.refuse(RejectReason::MissingField { field: "route" });
                (None, None)
            }
            Shape::Route(None) => {
                fields.refuse(RejectReason::MistypedField {
                    field: "route",
                    expected: "a GeoJSON FeatureCollection",
                });
                (None, None)
            }
            Shape::Route(Some(track)) => (
                self.point(TripEnd::Start, track.start(), fields),
                self.point(TripEnd::End, track.end(), fields),
            ),
            Shape::Locations { start, end } => (
                self.location(TripEnd::Start, start.as_ref(), fields),
                self.location(TripEnd::End, end.as_ref(), fields),
            ),
        }
    }

    fn location(&self, end: TripEnd, location: Option<&End>, fields: &mut Fields) -> Option<Point> {
        if let Some(location) = location {
            return self.point(end, location.0, fields);
        }
        let field = match end {
            TripEnd::Start => "start_location",
            TripEnd::End => "end_location",
        };
        fields.refuse(RejectReason::MissingField { field });
        None
    }

    /// The point of one end, with the coordinates in their right order, if it exists on the globe.
    fn point(&self, end: TripEnd, sent: Option<Point>, fields: &mut Fields) -> Option<Point> {
        let Some(sent) = sent else {
            fields.refuse(RejectReason::NoUsablePoint { end });
            return None;
        };
        let point = if self.feed.swap_coordinates {
            sent.swapped()
        } else {
            sent
        };
        if !point.is_on_globe() {
            let swapped_fits = self.covers(point.swapped()) == Some(true);
            fields.refuse(RejectReason::OffTheGlobe { end, swapped_fits });
            return None;
        }
        Some(point)
    }

    pub(super) fn covers(&self, point: Point) -> Option<bool> {
        self.area.map(|area| area.covers(point))
    }
}

/// The times of a trip, each `None` if absent or wrong.
pub(super) struct Times {
    start: Option<Stamp>,
    end: Option<Stamp>,
    publication: Option<Stamp>,
}

impl Times {
    pub(super) fn has_seconds(&self) -> bool {
        [self.start, self.end, self.publication]
            .into_iter()
            .flatten()
            .any(|stamp| stamp.in_seconds)
    }
}

fn read_times(sent: &RawTrip<'_>, fields: &mut Fields) -> Times {
    let start = fields.time("start_time", sent.start_time);
    let end = fields.time("end_time", sent.end_time);
    let publication = fields.time("publication_time", sent.publication_time);
    let times = Times {
        start: fields.required("start_time", start),
        end: fields.required("end_time", end),
        publication: fields.optional(publication),
    };
    if let (Some(start), Some(end)) = (times.start, times.end)
        && end.time < start.time
    {
        fields.refuse(RejectReason::EndBeforeStart);
    }
    times
}

fn read_vehicle_type(sent: &RawTrip<'_>, shape: &Shape, fields: &mut Fields) -> Option<String> {
    let name = "vehicle_type";
    let field = text(name, sent.vehicle_type);
    // 2.0 has it in the list of vehicles.
    if matches!(shape, Shape::Locations { .. }) || sent.has_names_of_2_0() {
        fields.optional(field)
    } else {
        fields.required(name, field)
    }
}

/// The propulsion, under its name since 1.0 or under the older one.
fn read_propulsion(sent: &RawTrip<'_>) -> Field<String> {
    if sent.propulsion_types.is_some() {
        fields::texts("propulsion_types", sent.propulsion_types)
    } else {
        fields::texts("propulsion_type", sent.propulsion_type)
    }
}

/// Duration and distance, under the names of the trip's version or those of the other versions.
fn read_amounts(
    sent: &RawTrip<'_>,
    shape: &Shape,
    fields: &mut Fields,
) -> (Option<i64>, Option<i64>) {
    let ((duration_name, duration), (distance_name, distance)) = match shape {
        Shape::Locations { .. } => (
            ("duration", sent.duration.or(sent.trip_duration)),
            ("distance", sent.distance.or(sent.trip_distance)),
        ),
        Shape::Route(_) | Shape::Unknown => (
            ("trip_duration", sent.trip_duration.or(sent.duration)),
            ("trip_distance", sent.trip_distance.or(sent.distance)),
        ),
    };
    let mut amount = |name, sent| fields.required(name, whole_number(name, sent));
    (
        amount(duration_name, duration),
        amount(distance_name, distance),
    )
}

fn reported_id(raw: &RawValue) -> Option<String> {
    match Scalar::of(raw) {
        Scalar::Text(text) => Some(text.chars().take(MAX_REPORTED_ID_CHARS).collect()),
        Scalar::Number(digits) => Some(digits.chars().take(MAX_REPORTED_ID_CHARS).collect()),
        Scalar::Other => None,
    }
}
