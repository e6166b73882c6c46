//! The request handlers of the provider.

mod failures;
mod flat;
mod page;
mod published;
mod refusal;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::body::Body;
use axum::extract::{Query as QueryParameters, State as Shared};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use sandbox_server::RawConnection;
use serde_json::Value;

use self::failures::{fault_response, quirk_fault, quirk_response};
use self::page::Page;
use self::published::Published;
use self::refusal::Refusal;
use super::body::{Ending, Envelope};
use super::distort;
use super::fault::{Fault, Faults};
use super::feed::Feed;
use super::fleet::Register;
use super::login::Tokens;
use super::options::{AcceptPolicy, ProviderOptions};
use super::query::{TripQuery, parameter, with_mds_names};
use super::quirk::{Quirk, Quirks};
use super::sketch::Sketch;

/// The path of all endpoints.
pub(super) const BASE_PATH: &str = "/mds";

/// The hour whose trips a provider returns that forgets what was requested.
const SOME_HOUR: &str = "2020-06-15T17";

/// The state that the handlers share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) feed: Feed,
    pub(super) faults: Faults,
    pub(super) tokens: Tokens,
    pub(super) register: Register,
    /// Whether telemetry has been requested.
    pub(super) has_sent_telemetry: AtomicBool,
}

impl State {
    /// Refuses requests without a valid token or with the wrong `Accept`.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let options = self.feed.options();
        if !self.tokens.is_authorized(options, headers) {
            return Err(Refusal::status(401));
        }
        check_accept(options, headers)
    }
}

pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route(&format!("{BASE_PATH}/trips"), get(trips))
        .route(&format!("{BASE_PATH}/token"), post(token))
        .merge(flat::router())
        .with_state(state)
}

async fn token(Shared(state): Shared<Arc<State>>, form: String) -> Result<Json<Value>, Refusal> {
    let form: Vec<(String, String)> = form
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    state
        .tokens
        .grant(state.feed.options(), &form)
        .map(Json)
        .ok_or_else(|| Refusal::status(401))
}

async fn trips(
    Shared(state): Shared<Arc<State>>,
    QueryParameters(parameters): QueryParameters<Vec<(String, String)>>,
    headers: HeaderMap,
    Extension(connection): Extension<RawConnection>,
) -> Result<Response, Refusal> {
    let options = state.feed.options();
    state.admit(&headers)?;
    let style = options.version.query_style();
    let query = if options.quirks.has(Quirk::RenamedParameters) {
        TripQuery::parse(style, &with_mds_names(style, &parameters))
    } else {
        TripQuery::parse(style, &parameters)
    }
    .or_else(|why| {
        let returns_others = options.quirks.has(Quirk::NextWithoutQuery);
        let is_page = parameter(&parameters, "page").is_some();
        if returns_others && is_page {
            TripQuery::hour(SOME_HOUR)
        } else {
            Err(why)
        }
    })
    .map_err(Refusal::bad_request)?;
    let earlier_requests = state.faults.count_request(query.last_hour());
    if let Some(response) = quirk_response(options.quirks, earlier_requests, &headers) {
        return Ok(response);
    }
    let fault = state
        .faults
        .next(query.last_hour())
        .or_else(|| quirk_fault(options.quirks, earlier_requests));
    if let Some(Fault::Slow(time)) = fault {
        tokio::time::sleep(time).await;
    }
    if let Some(response) = fault.as_ref().and_then(fault_response) {
        return Ok(response);
    }
    let published = Published::new(options, query, fault.as_ref());
    match published.status {
        Some(102) => Ok(connection.processing()),
        Some(status) => Err(Refusal::status(status)),
        None => trips_response(
            &state.feed,
            published,
            &parameters,
            &headers,
            fault.as_ref(),
        ),
    }
}

fn trips_response(
    feed: &Feed,
    published: Published,
    parameters: &[(String, String)],
    headers: &HeaderMap,
    fault: Option<&Fault>,
) -> Result<Response, Refusal> {
    let options = feed.options();
    let max_trips = if let Some(Fault::Partial { trips }) = fault {
        *trips
    } else {
        usize::MAX
    };
    let page = Page::of_trips(options, parameters);
    let ending = ending(options.quirks, fault);
    // Counting a huge hour takes a while, so count only if the total is needed.
    let needs_total = page.is_some() || ending != Ending::Whole;
    let total = if needs_total {
        published.sketches(feed).take(max_trips).count()
    } else {
        0
    };
    let links = page.map(|page| page.links(options.quirks, headers, "trips", parameters, total));
    let page = page.map(|page| page.wrapped(options.quirks, total));
    let (skipped, taken) = page.map_or((0, max_trips), |page| (page.number * page.size, page.size));
    let sketches = published
        .sketches(feed)
        .take(max_trips)
        .skip(skipped)
        .take(taken);
    let version = options.version.in_body(page.is_some());
    let is_top_level = options.version.is_flat() != options.quirks.has(Quirk::OtherEnvelope);
    let mut envelope = Envelope::of_trips(version, is_top_level, links.as_ref());
    envelope.ending = ending;
    envelope.half = total.saturating_sub(skipped).min(taken) / 2;
    envelope.is_latin_1 = options.quirks.has(Quirk::Latin1);
    if options.quirks.has(Quirk::ByteOrderMark) {
        envelope.before.insert(0, '\u{feff}');
    }
    let renderer = feed.clone();
    let is_revised = matches!(fault, Some(Fault::Revised));
    let spoiled = if let Some(Fault::Spoiled { trips }) = fault {
        *trips
    } else {
        0
    };
    let trips = sketches.enumerate().filter_map(move |(position, sketch)| {
        let trip = renderer.render(&Sketch {
            is_revised,
            ..sketch
        })?;
        if position < spoiled {
            distort::spoiled(&trip).ok()
        } else {
            Some(trip)
        }
    });
    if options.quirks.has(Quirk::Gzip) {
        let body = envelope.gzipped(trips).map_err(|_| Refusal::status(500))?;
        let mut response = typed(options, Body::from(body));
        let gzip = HeaderValue::from_static("gzip");
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, gzip);
        return Ok(response);
    }
    Ok(typed(options, envelope.body(trips)))
}

fn ending(quirks: Quirks, fault: Option<&Fault>) -> Ending {
    match fault {
        Some(Fault::DropConnection) => Ending::Dropped,
        Some(Fault::TruncatedJson) => Ending::Truncated,
        Some(Fault::Stall(time)) => Ending::Stalled(*time),
        _ if quirks.has(Quirk::Trickle) => Ending::Trickling,
        _ if quirks.has(Quirk::HugeBody) => Ending::Huge,
        _ => Ending::Whole,
    }
}

/// A response with the version's `Content-Type`.
fn typed(options: &ProviderOptions, body: Body) -> Response {
    let mut response = body.into_response();
    let media_type = if options.quirks.has(Quirk::PlainContentType) {
        "text/plain".to_owned()
    } else {
        options
            .version
            .media_type()
            .unwrap_or_else(|| "application/json".to_owned())
    };
    if let Ok(value) = HeaderValue::from_str(&media_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

fn check_accept(options: &ProviderOptions, headers: &HeaderMap) -> Result<(), Refusal> {
    let required = options
        .version
        .media_type()
        .filter(|_| options.accept == AcceptPolicy::Strict);
    let Some(required) = required else {
        return Ok(());
    };
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let accept: String = accept.chars().filter(|c| !c.is_whitespace()).collect();
    if accept.split(',').any(|accepted| accepted == required) {
        Ok(())
    } else {
        Err(Refusal::status(406))
    }
}
