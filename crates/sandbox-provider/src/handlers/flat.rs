//! The endpoints that only 2.0 has: vehicles and telemetry.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query as QueryParameters, State as Shared};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use chrono::Utc;
use serde_json::{Value, json};

use super::page::Page;
use super::{BASE_PATH, Published, Refusal, State, typed};
use crate::body::{Ending, Envelope};
use crate::fleet::Vehicle;
use crate::options::ProviderOptions;
use crate::query::{TripQuery, required};
use crate::quirk::{Quirk, Quirks};

/// Vehicles on a page.
const PAGE_SIZE: usize = 500;
/// Vehicles on a page that takes long.
const SLOW_PAGE_SIZE: usize = 20;
/// How long a slow response takes.
const SLOW: Duration = Duration::from_secs(2);
/// How long a list of vehicles is valid, in milliseconds.
const TTL_MS: u32 = 60_000;

pub(super) fn router() -> Router<Arc<State>> {
    Router::new()
        .route(&format!("{BASE_PATH}/vehicles"), get(vehicles))
        .route(&format!("{BASE_PATH}/vehicles/{{device_id}}"), get(vehicle))
        .route(&format!("{BASE_PATH}/telemetry"), get(telemetry))
}

async fn vehicles(
    Shared(state): Shared<Arc<State>>,
    QueryParameters(parameters): QueryParameters<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let options = admitted_options(&state, &headers)?;
    let listed = {
        let state = Arc::clone(&state);
        move |vehicle: &Vehicle| state.register.is_listed(state.feed.options(), vehicle)
    };
    slow_down(options).await;
    let first_records = options.quirks.has(Quirk::RepeatedVehicles);
    let first_records = first_records
        .then(|| state.feed.vehicles().map(Vehicle::mistaken))
        .into_iter()
        .flatten();
    let all = first_records.chain(state.feed.vehicles()).filter(listed);
    let total = all.clone().count();
    let is_slow = options.quirks.has(Quirk::SlowVehicles);
    let page_size = if is_slow { SLOW_PAGE_SIZE } else { PAGE_SIZE };
    let page = Page::requested(page_size, &parameters);
    let links = page.links(Quirks::NONE, &headers, "vehicles", &parameters, total);
    let on_page = all.skip(page.number * page.size).take(page.size);
    let records = records(&state, on_page);
    let envelope = Envelope::of_list("vehicles", &members(options), Some(&links));
    Ok(typed(options, envelope.body(records)))
}

async fn vehicle(
    Shared(state): Shared<Arc<State>>,
    Path(device_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let options = admitted_options(&state, &headers)?;
    slow_down(options).await;
    let is_requested = |vehicle: &Vehicle| vehicle.sent_id(options).to_string() == device_id;
    let found = state
        .feed
        .vehicles()
        .find(|vehicle| is_requested(vehicle) && state.register.is_known(options, vehicle))
        .ok_or_else(|| Refusal::status(404))?;
    let envelope = Envelope::of_list("vehicles", &members(options), None);
    let records = records(&state, std::iter::once(found));
    Ok(typed(options, envelope.body(records)))
}

async fn telemetry(
    Shared(state): Shared<Arc<State>>,
    QueryParameters(parameters): QueryParameters<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let options = admitted_options(&state, &headers)?;
    let query = required(&parameters, "telemetry_time")
        .and_then(TripQuery::hour)
        .map_err(Refusal::bad_request)?;
    let published = Published::new(options, query, None);
    if let Some(status) = published.status {
        return Err(Refusal::status(status));
    }
    let members = json!({"version": options.version.in_body(false)});
    let mut envelope = Envelope::of_list("telemetry", &members, None);
    let points = || state.feed.telemetry(query.first_hour);
    let is_first = !state.has_sent_telemetry.swap(true, Ordering::Relaxed);
    if is_first && options.quirks.has(Quirk::TelemetryBreaksOff) {
        envelope.ending = Ending::Dropped;
        envelope.half = points().count() / 2;
    }
    Ok(typed(options, envelope.body(points())))
}

async fn slow_down(options: &ProviderOptions) {
    if options.quirks.has(Quirk::SlowVehicles) {
        tokio::time::sleep(SLOW).await;
    }
}

/// Refuses the request unless the provider has version 2.0 and admits it. Returns the options.
fn admitted_options<'a>(
    state: &'a State,
    headers: &HeaderMap,
) -> Result<&'a ProviderOptions, Refusal> {
    let options = state.feed.options();
    if !options.version.is_flat() {
        return Err(Refusal::status(404));
    }
    state.admit(headers)?;
    Ok(options)
}

fn members(options: &ProviderOptions) -> Value {
    json!({
        "version": options.version.in_body(true),
        "last_updated": Utc::now().timestamp_millis(),
        "ttl": TTL_MS,
    })
}

fn records(
    state: &Arc<State>,
    vehicles: impl Iterator<Item = Vehicle> + Send + 'static,
) -> impl Iterator<Item = String> + Send + 'static {
    let state = Arc::clone(state);
    vehicles.filter_map(move |vehicle| vehicle.record(state.feed.options()).ok())
}
