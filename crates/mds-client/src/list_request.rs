//! What is asked for: the trips of an hour, or one of the lists that 2.0 has beside them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use trips::block::Hour;
use url::Url;
use uuid::Uuid;

use crate::fetch::MdsClient;
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
    /// The query without what may be secret.
    pub(crate) asked: String,
    /// Set where more is asked for than the hour.
    pub(crate) window: Option<WideWindow>,
    /// How long ago the hour ended.
    pub(crate) age: Duration,
}

impl ListRequest {
    /// The trips that ended in the hour.
    pub(crate) fn trips(client: &MdsClient, hour: Hour, now: DateTime<Utc>) -> Self {
        let query = Query::new(&client.config, hour);
        Self {
            list: TRIPS,
            url: query.on(&client.trips_url),
            asked: query.asked(),
            window: query.window,
            age: age(hour, now),
        }
    }

    /// The points of the hour.
    pub(crate) fn telemetry(client: &MdsClient, hour: Hour, now: DateTime<Utc>) -> Self {
        let mut url = beside(&client.trips_url, TELEMETRY);
        let time = hour.start().format("%Y-%m-%dT%H").to_string();
        url.query_pairs_mut().append_pair("telemetry_time", &time);
        Self {
            list: TELEMETRY,
            url,
            asked: format!("telemetry_time={time}"),
            window: None,
            age: age(hour, now),
        }
    }

    /// The fleet.
    pub(crate) fn vehicles(client: &MdsClient) -> Self {
        Self {
            list: VEHICLES,
            url: beside(&client.trips_url, VEHICLES),
            asked: String::new(),
            window: None,
            age: Duration::ZERO,
        }
    }

    /// One vehicle.
    pub(crate) fn vehicle(client: &MdsClient, device_id: Uuid) -> Self {
        let mut url = beside(&client.trips_url, VEHICLES);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(&device_id.to_string());
        }
        Self {
            url,
            ..Self::vehicles(client)
        }
    }
}

fn age(hour: Hour, now: DateTime<Utc>) -> Duration {
    (now - hour.end()).to_std().unwrap_or(Duration::ZERO)
}

/// The address of another list, which has its name where that of the trips has `trips`.
fn beside(trips_url: &Url, list: &str) -> Url {
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
