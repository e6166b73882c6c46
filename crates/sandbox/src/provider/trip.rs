//! A trip as JSON, in the words of a version.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use uuid::Uuid;

use super::MdsVersion;
use super::options::ProviderOptions;
use super::route::{Route, RoutePoint};
use super::sketch::{Kind, Purpose, Sketch, random, uuid};

/// More than 500 miles.
const ABSURD_METRES: i64 = 805_000;

#[derive(Serialize)]
struct Trip<'a> {
    provider_id: Uuid,
    provider_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<Id>,
    vehicle_id: String,
    vehicle_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    propulsion_type: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    propulsion_types: Option<[&'static str; 1]>,
    trip_id: Id,
    trip_duration: i64,
    trip_distance: i64,
    route: FeatureCollection,
    accuracy: u32,
    start_time: Time,
    end_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    publication_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parking_verification_url: Option<String>,
    standard_cost: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_cost: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Id {
    Uuid(Uuid),
    Integer(u64),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Time {
    Seconds(f64),
    Whole(i64),
}

#[derive(Serialize)]
#[serde(tag = "type")]
struct FeatureCollection {
    features: Vec<Feature>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
struct Feature {
    properties: Properties,
    geometry: Point,
}

#[derive(Serialize)]
struct Properties {
    timestamp: Time,
}

#[derive(Serialize)]
#[serde(tag = "type")]
struct Point {
    coordinates: [f64; 2],
}

/// A vehicle of the fleet; the same number is always the same vehicle.
struct Device {
    id: Uuid,
    kind: &'static str,
    propulsion: &'static str,
    metres_per_second: f64,
}

impl Device {
    fn of(options: &ProviderOptions, number: u64) -> Self {
        let mut random = random(options, Purpose::Device, 0, number);
        let id = uuid(&mut random);
        let (kind, propulsion, speeds) = match random.random_range(0..100) {
            0..8 if options.version == MdsVersion::V1_2 => {
                ("cargo_bicycle", "electric_assist", 2.8..4.5)
            }
            0..5 if has_mopeds(options) => ("moped", "electric", 6.0..9.0),
            0..30 => ("bicycle", "electric_assist", 3.0..5.0),
            _ => ("scooter", "electric", 2.6..4.6),
        };
        Self {
            id,
            kind,
            propulsion,
            metres_per_second: random.random_range(speeds),
        }
    }
}

/// Mopeds came with 0.4.1, which is what 0.4 without pages is.
fn has_mopeds(options: &ProviderOptions) -> bool {
    options.version > MdsVersion::V0_4
        || (options.version == MdsVersion::V0_4 && options.page_size.is_none())
}

/// The trip as JSON text.
pub(super) fn rendered(
    options: &ProviderOptions,
    sketch: &Sketch,
) -> Result<String, serde_json::Error> {
    let mut random = sketch.random.clone();
    let id = uuid(&mut random);
    let device = Device::of(options, sketch.device);
    let route = Route::draw(sketch, device.metres_per_second, &mut random);
    let (standard_cost, actual_cost) = costs(sketch, &mut random);
    let version = options.version;
    let published_ms = sketch.end_ms + random.random_range(5_000..900_000);
    let integers = options.quirks.integer_ids;
    serde_json::to_string(&Trip {
        provider_id: options.provider_id,
        provider_name: &options.name,
        device_id: (sketch.kind != Kind::MissingDevice).then_some(if integers {
            Id::Integer(sketch.device + 1)
        } else {
            Id::Uuid(device.id)
        }),
        vehicle_id: format!("M{:05}", sketch.device + 1),
        vehicle_type: device.kind,
        propulsion_type: (!version.has_propulsion_types()).then_some([device.propulsion]),
        propulsion_types: version
            .has_propulsion_types()
            .then_some([device.propulsion]),
        trip_id: if integers {
            Id::Integer(sketch.number + 1)
        } else {
            Id::Uuid(id)
        },
        trip_duration: (sketch.end_ms - sketch.start_ms) / 1_000,
        trip_distance: distance(sketch.kind, &route),
        accuracy: random.random_range(3..30),
        start_time: time(options, sketch.reported_start_ms),
        end_time: time(options, sketch.end_ms),
        publication_time: version
            .has_publication_time()
            .then(|| time(options, published_ms)),
        parking_verification_url: random
            .random_bool(0.2)
            .then(|| format!("https://parking.example.com/{id}.jpg")),
        standard_cost,
        actual_cost,
        currency: version.has_currency().then_some("USD"),
        route: FeatureCollection {
            features: route
                .points
                .iter()
                .map(|point| feature(options, point))
                .collect(),
        },
    })
}

fn feature(options: &ProviderOptions, point: &RoutePoint) -> Feature {
    let coordinates = if options.quirks.swapped_coordinates {
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
fn time(options: &ProviderOptions, ms: i64) -> Time {
    if options.version.has_seconds() {
        Time::Seconds(ms as f64 / 1_000.0)
    } else if options.quirks.seconds_for_milliseconds {
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

/// A dollar and 15 cents a minute; a few rides are cheaper, of a few the price is not told.
fn costs(sketch: &Sketch, random: &mut ChaCha8Rng) -> (i64, Option<i64>) {
    let minutes = (sketch.end_ms - sketch.start_ms + 59_999) / 60_000;
    let standard = 100 + 15 * minutes;
    match random.random_range(0..100) {
        0..4 => (standard, None),
        4..10 => (standard, Some(standard / 2)),
        _ => (standard, Some(standard)),
    }
}
