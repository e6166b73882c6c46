//! The endpoints that only 2.0 has: vehicles and telemetry.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query as QueryParameters, State as Shared};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use super::page::Page;
use super::{BASE_PATH, Published, Refusal, State, typed};
use crate::body::Envelope;
use crate::fleet::Vehicle;
use crate::options::ProviderOptions;
use crate::query::{TripQuery, required};
use crate::quirk::Quirks;

/// Vehicles on a page.
const PAGE_SIZE: usize = 500;
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
    let total = state.feed.vehicles().filter(&listed).count();
    let page = Page::requested(PAGE_SIZE, &parameters);
    let links = page.links(Quirks::NONE, &headers, "vehicles", &parameters, total);
    let on_page = state
        .feed
        .vehicles()
        .filter(listed)
        .skip(page.number * page.size)
        .take(page.size);
    let records = records(&state, on_page);
    let envelope = Envelope::of_list("vehicles", &members(options), Some(&links));
    Ok(typed(options, envelope.body(records)))
}

async fn vehicle(
    Shared(state): Shared<Arc<State>>,
    Path(device_id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let options = admitted_options(&state, &headers)?;
    let found = state
        .feed
        .vehicles()
        .find(|vehicle| vehicle.id == device_id && state.register.is_known(options, vehicle))
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
    let envelope = Envelope::of_list("telemetry", &members, None);
    Ok(typed(
        options,
        envelope.body(state.feed.telemetry(query.first_hour)),
    ))
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
