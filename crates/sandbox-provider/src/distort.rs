//! Quirks of single trips, applied to their JSON.

use serde_json::{Map, Value, json};

use super::quirk::{Quirk, Quirks};

/// The quirks that this module applies.
const TRIP_QUIRKS: [Quirk; 15] = [
    Quirk::TextTimes,
    Quirk::FractionalTimes,
    Quirk::UpperCaseIds,
    Quirk::NullFields,
    Quirk::AbsentFields,
    Quirk::UnknownKeys,
    Quirk::OnePointRoute,
    Quirk::NoRoute,
    Quirk::UnorderedRoute,
    Quirk::ForeignProvider,
    Quirk::MajorCosts,
    Quirk::OddOptionalFields,
    Quirk::DurationsInMilliseconds,
    Quirk::OwnVehicleTypes,
    Quirk::FeatureLocations,
];
const COSTS: [&str; 2] = ["standard_cost", "actual_cost"];
const DURATIONS: [&str; 2] = ["trip_duration", "duration"];
const LOCATIONS: [&str; 2] = ["start_location", "end_location"];
/// The provider whose id foreign trips have.
const OTHER_PROVIDER: &str = "5a1e0000-0000-4000-8000-000000000001";
const TIMES: [&str; 3] = ["start_time", "end_time", "publication_time"];
const IDS: [&str; 3] = ["provider_id", "device_id", "trip_id"];
/// Fields that a client does not need for loading a trip.
const OPTIONAL: [&str; 10] = [
    "provider_name",
    "accuracy",
    "propulsion_type",
    "propulsion_types",
    "publication_time",
    "parking_verification_url",
    "parking_category",
    "standard_cost",
    "actual_cost",
    "currency",
];

/// Applies the quirks to a trip.
pub(super) fn distorted(quirks: Quirks, trip: String) -> Result<String, serde_json::Error> {
    if !quirks.has_any(&TRIP_QUIRKS) {
        return Ok(trip);
    }
    let mut trip: Map<String, Value> = serde_json::from_str(&trip)?;
    for quirk in quirks.iter() {
        apply(quirk, &mut trip);
    }
    serde_json::to_string(&trip)
}

/// The trip with an end that is no time.
pub(super) fn spoiled(trip: &str) -> Result<String, serde_json::Error> {
    let mut trip: Map<String, Value> = serde_json::from_str(trip)?;
    trip.insert("end_time".to_owned(), json!("x"));
    serde_json::to_string(&trip)
}

fn apply(quirk: Quirk, trip: &mut Map<String, Value>) {
    match quirk {
        Quirk::TextTimes => each_time(trip, |time| *time = Value::String(time.to_string())),
        Quirk::FractionalTimes => each_time(trip, |time| {
            if let Some(whole) = time.as_i64() {
                *time = serde_json::from_str(&format!("{whole}.25")).unwrap_or(Value::Null);
            }
        }),
        Quirk::UpperCaseIds => each(trip, &IDS, |id| {
            if let Value::String(text) = id {
                text.make_ascii_uppercase();
            }
        }),
        Quirk::NullFields => {
            each(trip, &OPTIONAL, |field| *field = Value::Null);
            trip.insert("journey_id".to_owned(), Value::Null);
        }
        Quirk::AbsentFields => trip.retain(|key, _| !OPTIONAL.contains(&key.as_str())),
        Quirk::UnknownKeys => {
            trip.insert(
                "app_build".to_owned(),
                json!({"of": ["no", {"version": 1}]}),
            );
            trip.insert("zone".to_owned(), json!([[1.5, null], "x"]));
        }
        Quirk::OnePointRoute => with_points(trip, |points| points.truncate(1)),
        Quirk::UnorderedRoute => with_points(trip, |points| points.reverse()),
        Quirk::ForeignProvider if is_one_of_four(trip) => {
            trip.insert("provider_id".to_owned(), json!(OTHER_PROVIDER));
        }
        Quirk::MajorCosts => each(trip, &COSTS, |cost| {
            if let Some(cents) = cost.as_i64() {
                let dollars = format!("{}.{:02}", cents / 100, cents % 100);
                *cost = serde_json::from_str(&dollars).unwrap_or(Value::Null);
            }
        }),
        Quirk::OddOptionalFields => {
            each(trip, &OPTIONAL, |field| *field = json!({"as": "sent"}));
            each(trip, &["publication_time"], |time| *time = json!(0));
            trip.insert("journey_id".to_owned(), json!("J-17"));
        }
        Quirk::DurationsInMilliseconds => each(trip, &DURATIONS, |duration| {
            *duration = json!(duration.as_i64().map(|seconds| seconds * 1_000));
        }),
        Quirk::OwnVehicleTypes => each(trip, &["vehicle_type"], |kind| {
            *kind = json!("the blue one of J. Doe");
        }),
        Quirk::FeatureLocations => each(trip, &LOCATIONS, |location| {
            let coordinates = json!([location["lng"], location["lat"]]);
            let geometry = json!({"type": "Point", "coordinates": coordinates});
            *location = json!({"type": "Feature", "properties": {}, "geometry": geometry});
        }),
        Quirk::NoRoute => {
            trip.remove("route");
        }
        _ => {}
    }
}

/// The same trips every time: those whose id is divisible by four.
fn is_one_of_four(trip: &Map<String, Value>) -> bool {
    let last = match trip.get("trip_id") {
        Some(Value::String(id)) => id
            .chars()
            .last()
            .and_then(|c| c.to_digit(16))
            .map(u64::from),
        Some(id) => id.as_u64(),
        None => None,
    };
    last.is_some_and(|last| last.is_multiple_of(4))
}

fn each(trip: &mut Map<String, Value>, keys: &[&str], mut change: impl FnMut(&mut Value)) {
    for key in keys {
        if let Some(value) = trip.get_mut(*key) {
            change(value);
        }
    }
}

fn each_time(trip: &mut Map<String, Value>, mut change: impl FnMut(&mut Value)) {
    each(trip, &TIMES, &mut change);
    with_points(trip, |points| {
        let times = points
            .iter_mut()
            .filter_map(|point| point.pointer_mut("/properties/timestamp"));
        times.for_each(&mut change);
    });
}

fn with_points(trip: &mut Map<String, Value>, change: impl FnOnce(&mut Vec<Value>)) {
    let features = trip
        .get_mut("route")
        .and_then(|route| route.pointer_mut("/features"));
    if let Some(Value::Array(points)) = features {
        change(points);
    }
}
