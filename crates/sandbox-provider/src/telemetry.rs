//! The telemetry of 2.0: the points of trips.

use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::options::ProviderOptions;
use super::sketch::{HOUR_MS, Sketch};
use super::trip::{Gps, Id, Time, gps, identity_and_route, time};

#[derive(Serialize)]
struct Telemetry {
    device_id: Id,
    provider_id: Uuid,
    telemetry_id: Uuid,
    timestamp: Time,
    trip_ids: [Id; 1],
    journey_id: Option<Uuid>,
    location: Gps,
}

/// The points of a trip in a clock hour, as JSON text.
pub(super) fn points(
    options: &Arc<ProviderOptions>,
    sketch: &Sketch,
    hour: i64,
) -> impl Iterator<Item = String> + Send + use<> {
    let (trip_id, vehicle, route) = identity_and_route(options, sketch);
    let options = Arc::clone(options);
    let (device, number) = (sketch.device, sketch.number);
    (0_u128..)
        .zip(route.points)
        .filter(move |(_, point)| point.time_ms.div_euclid(HOUR_MS) == hour)
        .filter_map(move |(index, point)| {
            serde_json::to_string(&Telemetry {
                device_id: Id::of(&options, vehicle.id, device),
                provider_id: options.provider_id,
                // The trip's random id, changed by the number of the point.
                telemetry_id: Uuid::from_u128(trip_id.as_u128() ^ (index + 1)),
                timestamp: time(&options, point.time_ms),
                trip_ids: [Id::of(&options, trip_id, number)],
                journey_id: None,
                location: gps(&options, point),
            })
            .ok()
        })
}
