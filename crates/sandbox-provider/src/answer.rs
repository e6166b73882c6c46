//! How the provider answers.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query as QueryParameters, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use self::page::{Page, elsewhere};
use super::body::{Ending, Envelope};
use super::fault::{Fault, Faults};
use super::feed::{Feed, hour_of};
use super::fleet::Register;
use super::login::Tokens;
use super::oddity::{Oddities, Oddity};
use super::options::{AcceptPolicy, ProviderOptions};
use super::query::{Asked, renamed};
use super::sketch::Sketch;
use super::version::QueryStyle;
use sandbox_server::{RawConnection, drop_connection};

mod flat;
mod page;

/// The path below which the provider answers.
pub(super) const BASE_PATH: &str = "/mds";

/// What the handlers share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) feed: Feed,
    pub(super) faults: Faults,
    pub(super) tokens: Tokens,
    pub(super) register: Register,
}

impl State {
    /// Whether the request may be answered at all.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let options = self.feed.options();
        if !self.tokens.admits(options, headers) {
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
    let asked = if options.oddities.has(Oddity::RenamedParameters) {
        Asked::parse(style, &renamed(style, &parameters))
    } else {
        Asked::parse(style, &parameters)
    }
    .map_err(Refusal::bad_request)?;
    let visit = state.faults.visit(asked.last_hour());
    if let Some(response) = instead_of_an_answer(options.oddities, visit, &headers) {
        return Ok(response);
    }
    let fault = state
        .faults
        .next(asked.last_hour())
        .or_else(|| odd_fault(options.oddities, visit));
    if let Some(Fault::Slow(time)) = fault {
        tokio::time::sleep(time).await;
    }
    if let Some(response) = fault.as_ref().and_then(instead_of_trips) {
        return Ok(response);
    }
    let published = Published::look(options, asked, fault.as_ref());
    match published.status {
        Some(102) => Ok(connection.processing()),
        Some(status) => Err(Refusal::status(status)),
        None => answer(
            &state.feed,
            published,
            &parameters,
            &headers,
            fault.as_ref(),
        ),
    }
}

/// What a provider answers that is down, busy or elsewhere; `visit` counts the requests for the
/// hour from 0.
fn instead_of_an_answer(oddities: Oddities, visit: u32, headers: &HeaderMap) -> Option<Response> {
    let has = |oddity| oddities.has(oddity);
    let (status, header) = if has(Oddity::RedirectElsewhere) {
        let address = format!("{}/trips", elsewhere(headers));
        (302, Some((header::LOCATION, address)))
    } else if has(Oddity::ThrottledSeconds) && visit == 0 {
        (429, Some((header::RETRY_AFTER, "1".to_owned())))
    } else if has(Oddity::ThrottledDate) && visit == 0 {
        let date = Utc::now() + TimeDelta::seconds(1);
        let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        (429, Some((header::RETRY_AFTER, date)))
    } else if has(Oddity::DownAtFirst) && visit < 2 {
        (503, None)
    } else {
        return None;
    };
    let mut response = Refusal::status(status).into_response();
    if let Some((name, value)) = header
        && let Ok(value) = HeaderValue::try_from(value)
    {
        response.headers_mut().insert(name, value);
    }
    Some(response)
}

/// The fault of an answer that a provider with these oddities gives.
fn odd_fault(oddities: Oddities, visit: u32) -> Option<Fault> {
    let has = |oddity| oddities.has(oddity);
    if has(Oddity::Truncated) {
        Some(Fault::TruncatedJson)
    } else if has(Oddity::Html) {
        Some(Fault::HtmlPage200)
    } else if has(Oddity::ErrorObject) {
        Some(Fault::ErrorObject200)
    } else if has(Oddity::ResetAtFirst) && visit == 0 {
        Some(Fault::DropConnection)
    } else {
        None
    }
}

/// The answer of a fault that has no trips.
fn instead_of_trips(fault: &Fault) -> Option<Response> {
    match fault {
        Fault::NotOperating => Some(Refusal::status(404).into_response()),
        Fault::Status {
            status,
            retry_after,
        } => {
            let mut response = Refusal::status(*status).into_response();
            if let Some(seconds) = retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, (*seconds).into());
            }
            Some(response)
        }
        Fault::ErrorObject200 => Some(Json(Refusal::status(500).body()).into_response()),
        Fault::HtmlPage200 => Some(Html("<html><body>Please log in</body></html>").into_response()),
        _ => None,
    }
}

/// Which of the hours asked for are there, or the status in their place.
#[derive(Clone, Copy, Debug)]
struct Published {
    asked: Asked,
    end_hour: i64,
    status: Option<u16>,
}

impl Published {
    fn look(options: &ProviderOptions, asked: Asked, fault: Option<&Fault>) -> Self {
        let now = Utc::now();
        let ready_end = if matches!(fault, Some(Fault::NotReady)) {
            asked.last_hour()
        } else {
            hour_of(now - options.publication_lag)
        };
        let status = if asked.end_hour <= ready_end {
            None
        } else if options.version.query_style() == QueryStyle::EndHour
            && asked.end_hour > hour_of(now)
        {
            // Not in the past: a 404 in every version that is asked by the hour.
            Some(404)
        } else {
            options
                .not_ready_status
                .or(options.version.not_ready_status())
        };
        Self {
            asked,
            end_hour: asked.end_hour.min(ready_end),
            status,
        }
    }

    fn sketches(self, feed: &Feed) -> impl Iterator<Item = Sketch> + Send + use<> {
        let feed = feed.clone();
        let quirky = feed.options().oddities.has(Oddity::IgnoresHour);
        let hours = self.asked.first_hour..self.end_hour;
        hours
            .flat_map(move |hour| feed.sketches(hour))
            .filter(move |sketch| quirky || self.asked.matches(sketch))
    }
}

fn answer(
    feed: &Feed,
    published: Published,
    parameters: &[(String, String)],
    headers: &HeaderMap,
    fault: Option<&Fault>,
) -> Result<Response, Refusal> {
    let options = feed.options();
    let most = if let Some(Fault::Partial { trips }) = fault {
        *trips
    } else {
        usize::MAX
    };
    let page = Page::of_trips(options, parameters);
    let ending = ending(options.oddities, fault);
    // Counting costs a while in a huge hour, so only where it is needed.
    let counts = page.is_some() || ending != Ending::Whole;
    let total = if counts {
        published.sketches(feed).take(most).count()
    } else {
        0
    };
    let links = page.map(|page| page.links(options.oddities, headers, "trips", parameters, total));
    let page = page.map(|page| page.within(options.oddities, total));
    let (skipped, taken) = page.map_or((0, most), |page| (page.number * page.size, page.size));
    let sketches = published
        .sketches(feed)
        .take(most)
        .skip(skipped)
        .take(taken);
    let version = options.version.in_body(page.is_some());
    let is_top_level = options.version.is_flat() != options.oddities.has(Oddity::OtherEnvelope);
    let mut envelope = Envelope::of_trips(version, is_top_level, links.as_ref());
    envelope.ending = ending;
    envelope.half = total.saturating_sub(skipped).min(taken) / 2;
    if options.oddities.has(Oddity::ByteOrderMark) {
        envelope.before.insert(0, '\u{feff}');
    }
    let renderer = feed.clone();
    let revised = matches!(fault, Some(Fault::Revised));
    let trips = sketches.filter_map(move |sketch| renderer.render(&Sketch { revised, ..sketch }));
    if options.oddities.has(Oddity::Gzip) {
        let packed = envelope.packed(trips).map_err(|_| Refusal::status(500))?;
        let mut response = typed(options, Body::from(packed));
        let gzip = HeaderValue::from_static("gzip");
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, gzip);
        return Ok(response);
    }
    Ok(typed(options, envelope.body(trips)))
}

fn ending(oddities: Oddities, fault: Option<&Fault>) -> Ending {
    match fault {
        Some(Fault::DropConnection) => Ending::Dropped,
        Some(Fault::TruncatedJson) => Ending::Truncated,
        Some(Fault::Stall(time)) => Ending::Stalled(*time),
        _ if oddities.has(Oddity::Trickle) => Ending::Trickling,
        _ if oddities.has(Oddity::HugeBody) => Ending::Huge,
        _ => Ending::Whole,
    }
}

/// The body with the version's `Content-Type`.
fn typed(options: &ProviderOptions, body: Body) -> Response {
    let mut response = body.into_response();
    let media_type = if options.oddities.has(Oddity::PlainContentType) {
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
    let wanted = options
        .version
        .media_type()
        .filter(|_| options.accept == AcceptPolicy::Strict);
    let Some(wanted) = wanted else { return Ok(()) };
    let given = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let given: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    if given.split(',').any(|accepted| accepted == wanted) {
        Ok(())
    } else {
        Err(Refusal::status(406))
    }
}

/// An answer that is an error, in the form of MDS.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    description: String,
}

impl Refusal {
    fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let description = status.canonical_reason().unwrap_or("Refused").to_owned();
        Self {
            status,
            description,
        }
    }

    fn bad_request(description: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            description,
        }
    }

    fn body(&self) -> Value {
        let error = match self.status.as_u16() {
            400 => "bad_param",
            401 => "unauthorized",
            404 => "not_found",
            406 => "not_acceptable",
            _ => "server_error",
        };
        json!({"error": error, "error_description": self.description, "error_details": []})
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if self.status.is_informational() {
            return drop_connection();
        }
        (self.status, Json(self.body())).into_response()
    }
}
