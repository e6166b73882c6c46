//! How the provider answers.

use std::sync::Arc;

use axum::extract::{Query as QueryParameters, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use chrono::Utc;
use serde_json::{Value, json};

use super::body::{Ending, envelope};
use super::fault::{Fault, Faults};
use super::feed::{Feed, hour_of};
use super::options::{AcceptPolicy, ProviderOptions};
use super::query::{Asked, parameter};
use super::sketch::Sketch;
use super::version::QueryStyle;
use crate::server::{RawConnection, drop_connection};

/// The path below which the provider answers.
pub(super) const BASE_PATH: &str = "/mds";

/// What the handlers share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) feed: Feed,
    pub(super) faults: Faults,
}

pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route(&format!("{BASE_PATH}/trips"), get(trips))
        .with_state(state)
}

async fn trips(
    Shared(state): Shared<Arc<State>>,
    QueryParameters(parameters): QueryParameters<Vec<(String, String)>>,
    headers: HeaderMap,
    Extension(connection): Extension<RawConnection>,
) -> Result<Response, Refusal> {
    let options = state.feed.options();
    check_token(options, &headers)?;
    check_accept(options, &headers)?;
    let asked =
        Asked::parse(options.version.query_style(), &parameters).map_err(Refusal::bad_request)?;
    let fault = state.faults.next(asked.last_hour());
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
        None => Ok(answer(
            &state.feed,
            published,
            &parameters,
            &headers,
            fault.as_ref(),
        )),
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
        let quirky = feed.options().quirks.ignores_hour;
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
) -> Response {
    let options = feed.options();
    let most = if let Some(Fault::Partial { trips }) = fault {
        *trips
    } else {
        usize::MAX
    };
    let page = Page::of(options, parameters);
    let ending = match fault {
        Some(Fault::DropConnection) => Ending::Dropped,
        Some(Fault::TruncatedJson) => Ending::Truncated,
        Some(Fault::Stall(time)) => Ending::Stalled(*time),
        _ => Ending::Whole,
    };
    // Counting costs a while in a huge hour, so only where it is needed.
    let counts = page.is_some() || ending != Ending::Whole;
    let total = if counts {
        published.sketches(feed).take(most).count()
    } else {
        0
    };
    let links = page.map(|page| page.links(headers, parameters, total));
    let (skipped, taken) = page.map_or((0, most), |page| (page.number * page.size, page.size));
    let sketches = published
        .sketches(feed)
        .take(most)
        .skip(skipped)
        .take(taken);
    let half = total.saturating_sub(skipped).min(taken) / 2;
    let version = options.version.in_body(page.is_some());
    let renderer = feed.clone();
    let trips = sketches.filter_map(move |sketch| renderer.render(&sketch));
    let mut response = envelope(version, trips, links.as_ref(), ending, half).into_response();
    let media_type = options
        .version
        .media_type()
        .unwrap_or_else(|| "application/json".to_owned());
    if let Ok(value) = HeaderValue::from_str(&media_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

/// One page of an answer; pages count from 0, but from 1 in their addresses.
#[derive(Clone, Copy, Debug)]
struct Page {
    number: usize,
    size: usize,
}

impl Page {
    fn of(options: &ProviderOptions, parameters: &[(String, String)]) -> Option<Self> {
        let size = options
            .page_size
            .filter(|size| *size > 0 && options.version.may_page())?;
        let number = parameter(parameters, "page")
            .and_then(|page| page.parse().ok())
            .unwrap_or(1_usize);
        Some(Self {
            number: number.saturating_sub(1),
            size,
        })
    }

    fn links(self, headers: &HeaderMap, parameters: &[(String, String)], total: usize) -> Value {
        let last = total.div_ceil(self.size).max(1) - 1;
        let address = |number: usize| Value::String(page_address(headers, parameters, number + 1));
        json!({
            "first": address(0),
            "last": address(last),
            "prev": if self.number > 0 { address(self.number - 1) } else { Value::Null },
            "next": if self.number < last { address(self.number + 1) } else { Value::Null },
        })
    }
}

fn page_address(headers: &HeaderMap, parameters: &[(String, String)], page: usize) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1");
    let kept = parameters.iter().filter(|(name, _)| name != "page");
    // The parameters of these versions are numbers and hours, which need no escapes.
    let query: String = kept
        .map(|(name, value)| format!("{name}={value}&"))
        .collect();
    format!("http://{host}{BASE_PATH}/trips?{query}page={page}")
}

fn check_token(options: &ProviderOptions, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(token) = &options.token else {
        return Ok(());
    };
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if given.strip_prefix("Bearer ") == Some(token) {
        Ok(())
    } else {
        Err(Refusal::status(401))
    }
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
