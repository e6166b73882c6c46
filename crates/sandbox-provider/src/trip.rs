//! A trip as JSON, in the form of a version.

mod json;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use json::{Feature, FeatureCollection, FlatTrip, Point, Properties, Trip, TripType};
pub(super) use json::{Gps, Id, Time};

use super::distort::distorted;
use super::fleet::Vehicle;
use super::options::ProviderOptions;
use super::quirk::Quirk;
use super::route::{Route, RoutePoint};
use super::sketch::{HOUR_MS, Kind, Sketch, uuid};

/// More bytes than a client keeps of a trip.
const HUGE_TRIP: usize = 66 << 20;
/// More than 500 miles.
const ABSURD_METRES: i64 = 805_000;

/// The facts about a trip, independent of the version.
struct Facts {
    vehicle: Vehicle,
    device_id: Option<Id>,
    id: Uuid,
    trip_id: Id,
    route: Route,
    duration: i64,
    distance: i64,
    accuracy: u32,
    published_ms: i64,
    parking_verification_url: Option<String>,
    standard_cost: i64,
    actual_cost: Option<i64>,
}

/// The id, the vehicle and the route of a trip. They are always the same for the same sketch.
pub(super) fn identity_and_route(
    options: &ProviderOptions,
    sketch: &Sketch,
) -> (Uuid, Vehicle, Route) {
    draw_identity_and_route(options, sketch, &mut sketch.random.clone())
}

fn draw_identity_and_route(
    options: &ProviderOptions,
    sketch: &Sketch,
    random: &mut ChaCha8Rng,
) -> (Uuid, Vehicle, Route) {
    let id = uuid(random);
    let vehicle = Vehicle::of(options, sketch.device);
    let route = Route::draw(sketch, vehicle.metres_per_second, random);
    (id, vehicle, route)
}

impl Facts {
    fn draw(options: &ProviderOptions, sketch: &Sketch) -> Self {
        let mut random = sketch.random.clone();
        let (id, vehicle, route) = draw_identity_and_route(options, sketch, &mut random);
        let (standard_cost, actual_cost) = costs(sketch, &mut random);
        let published_ms = sketch.end_ms + random.random_range(5_000..900_000);
        Self {
            device_id: (sketch.kind != Kind::MissingDevice)
                .then(|| Id::of(options, vehicle.id, sketch.device)),
            trip_id: Id::of(options, id, sketch.number),
            duration: (sketch.end_ms - sketch.start_ms) / 1_000,
            distance: distance(sketch.kind, &route),
            accuracy: random.random_range(3..30),
            parking_verification_url: random
                .random_bool(0.2)
                .then(|| format!("https://parking.example.com/{id}.jpg")),
            id,
            vehicle,
            route,
            published_ms,
            standard_cost,
            actual_cost,
        }
    }
}

/// The trip as JSON text.
pub(super) fn rendered(
    options: &ProviderOptions,
    sketch: &Sketch,
) -> Result<String, serde_json::Error> {
    let sketch = &shifted(options, sketch);
    let mut facts = Facts::draw(options, sketch);
    let is_changed = sketch.is_repeat && options.quirks.has(Quirk::ChangedDuplicates);
    if sketch.is_revised || is_changed {
        facts.actual_cost = facts.actual_cost.map(|cost| cost + 1);
        facts.published_ms += HOUR_MS;
    }
    let text = if options.version.is_flat() {
        flat(options, sketch, facts)?
    } else {
        nested(options, sketch, facts)?
    };
    let text = distorted(options.quirks, text)?;
    let is_one_of_four = sketch.number.is_multiple_of(4);
    if options.quirks.has(Quirk::NonFiniteNumbers) && is_one_of_four {
        return Ok(text.replacen('{', "{\"max_speed\":NaN,\"min_speed\":[-Infinity],", 1));
    }
    if options.quirks.has(Quirk::Latin1) && is_one_of_four {
        return Ok(text.replacen('{', "{\"parked_at\":\"Caf\u{e9}\",", 1));
    }
    if options.quirks.has(Quirk::HugeTrip) && sketch.is_first {
        let filling = "0,".repeat(HUGE_TRIP / 2);
        return Ok(text.replacen('{', &format!("{{\"speeds\":[{filling}0],"), 1));
    }
    Ok(text)
}

/// Moves every fourth trip an hour back, if the provider has that quirk.
fn shifted(options: &ProviderOptions, sketch: &Sketch) -> Sketch {
    let mut sketch = sketch.clone();
    if options.quirks.has(Quirk::OutsideHour) && sketch.number.is_multiple_of(4) {
        sketch.start_ms -= HOUR_MS;
        sketch.end_ms -= HOUR_MS;
        sketch.reported_start_ms -= HOUR_MS;
    }
    sketch
}

fn nested(
    options: &ProviderOptions,
    sketch: &Sketch,
    facts: Facts,
) -> Result<String, serde_json::Error> {
    let version = options.version;
    let propulsion = [facts.vehicle.propulsion];
    serde_json::to_string(&Trip {
        provider_id: options.provider_id,
        provider_name: &options.name,
        device_id: facts.device_id,
        vehicle_id: Vehicle::plate(sketch.device),
        vehicle_type: facts.vehicle.kind,
        propulsion_type: (!version.has_propulsion_types()).then_some(propulsion),
        propulsion_types: version.has_propulsion_types().then_some(propulsion),
        trip_id: facts.trip_id,
        trip_duration: facts.duration,
        trip_distance: facts.distance,
        accuracy: facts.accuracy,
        start_time: time(options, sketch.reported_start_ms),
        end_time: time(options, sketch.end_ms),
        publication_time: version
            .has_publication_time()
            .then(|| time(options, facts.published_ms)),
        parking_verification_url: facts.parking_verification_url,
        standard_cost: facts.standard_cost,
        actual_cost: facts.actual_cost,
        currency: version.has_currency().then_some("USD"),
        route: FeatureCollection {
            features: facts
                .route
                .points
                .iter()
                .map(|point| feature(options, point))
                .collect(),
        },
    })
}

fn flat(
    options: &ProviderOptions,
    sketch: &Sketch,
    facts: Facts,
) -> Result<String, serde_json::Error> {
    let kind = match sketch.kind {
        Kind::NotRider if sketch.number.is_multiple_of(2) => "rebalance",
        Kind::NotRider => "maintenance",
        _ => "rider",
    };
    let location = |point: Option<&RoutePoint>| gps(options, point.copied().unwrap_or_default());
    serde_json::to_string(&FlatTrip {
        provider_id: options.provider_id,
        device_id: facts.device_id,
        trip_id: facts.trip_id,
        trip_type: if options.quirks.has(Quirk::TripTypeList) {
            TripType::List([kind])
        } else {
            TripType::One(kind)
        },
        start_time: time(options, sketch.reported_start_ms),
        end_time: time(options, sketch.end_ms),
        start_location: location(facts.route.points.first()),
        end_location: location(facts.route.points.last()),
        duration: facts.duration,
        distance: facts.distance,
        publication_time: time(options, facts.published_ms),
        parking_verification_url: facts.parking_verification_url,
        parking_category: if facts.id.as_u128().is_multiple_of(2) {
            "rack"
        } else {
            "curb"
        },
        standard_cost: facts.standard_cost,
        actual_cost: facts.actual_cost,
        currency: "USD",
    })
}

pub(super) fn gps(options: &ProviderOptions, point: RoutePoint) -> Gps {
    let (lat, lng) = if options.quirks.has(Quirk::SwappedCoordinates) {
        (point.lng, point.lat)
    } else {
        (point.lat, point.lng)
    };
    Gps { lat, lng }
}

fn feature(options: &ProviderOptions, point: &RoutePoint) -> Feature {
    let coordinates = if options.quirks.has(Quirk::SwappedCoordinates) {
        [point.lat, point.lng]
    } else {
        [point.lng, point.lat]
    };
    let properties = Properties {
        timestamp: time(options, point.time_ms),
    };
    Feature {
        properties,
        geometry: Point { coordinates },
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 are far below 2^52"
)]
pub(super) fn time(options: &ProviderOptions, ms: i64) -> Time {
    let has = |quirk| options.quirks.has(quirk);
    if options.version.has_seconds() && !has(Quirk::MillisecondsForSeconds) {
        Time::Seconds(ms as f64 / 1_000.0)
    } else if has(Quirk::SecondsForMilliseconds) {
        Time::Whole(ms / 1_000)
    } else {
        Time::Whole(ms)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the length of a ride")]
fn distance(kind: Kind, route: &Route) -> i64 {
    let metres = route.metres.round() as i64;
    if kind == Kind::AbsurdDistance {
        metres + ABSURD_METRES
    } else {
        metres
    }
}

/// Standard and actual cost: a dollar and 15 cents a minute. A few rides are cheaper, and a few
/// have no actual cost.
fn costs(sketch: &Sketch, random: &mut ChaCha8Rng) -> (i64, Option<i64>) {
    let minutes = (sketch.end_ms - sketch.start_ms + 59_999) / 60_000;
    let standard = 100 + 15 * minutes;
    match random.random_range(0..100) {
        0..4 => (standard, None),
        4..10 => (standard, Some(standard / 2)),
        _ => (standard, Some(standard)),
    }
}
