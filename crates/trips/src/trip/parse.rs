//! The fields of a trip of any version, borrowed from its JSON text.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Point;
use super::lenient::{Number, Object};
use super::reject::RejectReason;
use super::route::{Geometry, Position, Route, Track};
use crate::json::object_in;

/// The known members of a trip. Unknown ones are skipped; `null` is the same as absent.
#[derive(Deserialize)]
pub(super) struct RawTrip<'a> {
    #[serde(borrow)]
    pub(super) provider_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) provider_name: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) data_provider_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) device_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) vehicle_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) vehicle_type: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) propulsion_type: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) propulsion_types: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) trip_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) trip_duration: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) duration: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) trip_distance: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) distance: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) accuracy: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) start_time: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) end_time: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) publication_time: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) parking_verification_url: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) standard_cost: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) actual_cost: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) currency: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) journey_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) trip_type: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) parking_category: Option<&'a RawValue>,
    route: Option<Route>,
    #[serde(borrow)]
    start_location: Option<Object<Location<'a>>>,
    #[serde(borrow)]
    end_location: Option<Object<Location<'a>>>,
    /// The trip was not UTF-8, and this is what is readable of it.
    mds_etl_not_utf8: Option<IgnoredAny>,
    /// The trip was no JSON, and these are its ids and times.
    mds_etl_not_json: Option<IgnoredAny>,
}

/// The two shapes that a trip's ends come in.
pub(super) enum Shape {
    /// Up to MDS 1.2: a route; `None` if it is not a list of features.
    Route(Option<Track>),
    /// MDS 2.0: two locations.
    Locations {
        start: Option<End>,
        end: Option<End>,
    },
    /// Neither of the two.
    Unknown,
}

/// A location that was sent, and its point if it has one.
pub(super) struct End(pub(super) Option<Point>);

/// MDS 2.0's GPS object, or a point of GeoJSON in its place: a feature or a geometry.
#[derive(Deserialize)]
struct Location<'a> {
    #[serde(borrow)]
    lat: Option<Number<'a>>,
    #[serde(borrow)]
    lng: Option<Number<'a>>,
    #[serde(borrow)]
    geometry: Option<Object<Geometry<'a>>>,
    #[serde(borrow)]
    coordinates: Option<Position<'a>>,
}

impl Location<'_> {
    fn point(&self) -> Option<Point> {
        let number = |field: Option<Number<'_>>| field.and_then(Number::value);
        number(self.lat)
            .zip(number(self.lng))
            .map(|(lat, lng)| Point { lat, lng })
            .or_else(|| self.geometry.as_ref()?.0.as_ref()?.point())
            .or_else(|| self.coordinates?.point())
    }
}

impl<'a> RawTrip<'a> {
    pub(super) fn read(json: &'a str) -> Result<Self, serde_json::Error> {
        object_in(json)
    }

    /// Why this is only what is readable of a trip, if it is that.
    pub(super) fn why_replaced(&self) -> Option<RejectReason> {
        let not_utf8 = self.mds_etl_not_utf8.map(|_| RejectReason::NotUtf8);
        not_utf8.or_else(|| self.mds_etl_not_json.map(|_| RejectReason::NotJson))
    }

    /// Whether members have the names of 2.0, and none the name that it had before.
    pub(super) fn has_names_of_2_0(&self) -> bool {
        let new = [
            self.duration,
            self.distance,
            self.journey_id,
            self.trip_type,
        ];
        let old = [self.trip_duration, self.trip_distance, self.vehicle_type];
        new.iter().any(Option::is_some) && old.iter().all(Option::is_none)
    }

    /// The shape of the trip. A trip with a location is of 2.0 even if it also has a route: the
    /// specification of 2.0 still mentions one. The route tells a location that is missing. A trip
    /// with neither is of 2.0 if its other members are.
    pub(super) fn shape(&self) -> Shape {
        let end =
            |location: &Object<Location<'_>>| End(location.0.as_ref().and_then(Location::point));
        let has_location = self.start_location.is_some() || self.end_location.is_some();
        if has_location || (self.route.is_none() && self.has_names_of_2_0()) {
            let track = self.route.as_ref().and_then(|route| route.0);
            let of_route = |point: Option<Point>| point.map(|point| End(Some(point)));
            Shape::Locations {
                start: (self.start_location.as_ref().map(end)).or_else(|| of_route(track?.start())),
                end: (self.end_location.as_ref().map(end)).or_else(|| of_route(track?.end())),
            }
        } else {
            self.route
                .as_ref()
                .map_or(Shape::Unknown, |route| Shape::Route(route.0))
        }
    }
}

/// The id of a trip that [`RawTrip::read`] could not read, if the id alone is readable.
pub(super) fn trip_id_alone(json: &str) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct OnlyId {
        trip_id: Option<Box<RawValue>>,
    }
    object_in::<OnlyId>(json).ok()?.trip_id
}
