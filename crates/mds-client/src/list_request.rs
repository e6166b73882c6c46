//! Requests for lists: the trips of an hour, or one of the other lists of 2.0.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use trips::block::Hour;
use url::Url;

use crate::endpoint::Endpoint;
use crate::hour_parameters::HourParameters;
use crate::query::Query;
use crate::window::WideWindow;

pub(crate) const TRIPS: &str = "trips";
const VEHICLES: &str = "vehicles";
const TELEMETRY: &str = "telemetry";

/// A request for a list.
pub(crate) struct ListRequest {
    /// The list's name in the body.
    pub(crate) list: &'static str,
    /// The first page.
    pub(crate) url: Url,
    /// The query without the parameters of the configured URL, which may be secret.
    pub(crate) query: String,
    /// Set if the query covers more than the hour.
    pub(crate) window: Option<WideWindow>,
    /// The parameters that name the hour.
    pub(crate) hour: HourParameters,
    /// How long ago the hour ended.
    pub(crate) age: Duration,
}

/// What a response without content says about a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoContent {
    /// The list has nothing.
    Empty,
    /// The hour is so young that it may not be published yet.
    NotYet,
}

impl ListRequest {
    /// What it means if there is no content. As with 404, a provider may return that while it still
    /// processes the hour.
    pub(crate) fn no_content(&self, grace: Duration) -> NoContent {
        if self.list != VEHICLES && self.age < grace {
            NoContent::NotYet
        } else {
            NoContent::Empty
        }
    }

    /// The trips that ended in the hour.
    pub(crate) fn trips(endpoint: &Endpoint, hour: Hour, now: DateTime<Utc>) -> Self {
        let query = Query::new(&endpoint.config, hour);
        Self {
            list: TRIPS,
            url: query.append_to(&endpoint.trips_url),
            query: query.to_string(),
            window: query.window,
            hour: query.hour_parameters(),
            age: age(hour, now),
        }
    }

    /// The telemetry points of the hour.
    pub(crate) fn telemetry(endpoint: &Endpoint, hour: Hour, now: DateTime<Utc>) -> Self {
        let mut url = list_url(&endpoint.trips_url, TELEMETRY);
        let time = hour.start().format("%Y-%m-%dT%H").to_string();
        url.query_pairs_mut().append_pair("telemetry_time", &time);
        Self {
            list: TELEMETRY,
            url,
            query: format!("telemetry_time={time}"),
            window: None,
            hour: HourParameters::between(
                vec![("telemetry_time".to_owned(), time)],
                hour.start(),
                hour.end() - TimeDelta::milliseconds(1),
            ),
            age: age(hour, now),
        }
    }

    /// All vehicles.
    pub(crate) fn vehicles(endpoint: &Endpoint) -> Self {
        Self {
            list: VEHICLES,
            url: list_url(&endpoint.trips_url, VEHICLES),
            query: String::new(),
            window: None,
            hour: HourParameters::default(),
            age: Duration::ZERO,
        }
    }

    /// One vehicle.
    pub(crate) fn vehicle(endpoint: &Endpoint, device_id: &str) -> Self {
        let mut url = list_url(&endpoint.trips_url, VEHICLES);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(device_id);
        }
        Self {
            url,
            ..Self::vehicles(endpoint)
        }
    }
}

fn age(hour: Hour, now: DateTime<Utc>) -> Duration {
    (now - hour.end()).to_std().unwrap_or(Duration::ZERO)
}

/// The URL of another list: the segment `trips` of the path is replaced by the list's name.
fn list_url(trips_url: &Url, list: &str) -> Url {
    let mut url = trips_url.clone();
    let segments: Vec<String> = trips_url
        .path_segments()
        .into_iter()
        .flatten()
        .map(|segment| if segment == TRIPS { list } else { segment })
        .map(ToOwned::to_owned)
        .collect();
    url.set_path(&segments.join("/"));
    url
}

#[cfg(test)]
mod tests;
