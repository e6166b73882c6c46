//! The query for one hour.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use trips::block::Hour;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::config::ProviderConfig;
use crate::hour_parameters::HourParameters;
use crate::version::{QueryStyle, TimeFormat};
use crate::window::WideWindow;

/// Hours after the block that a query at 0.2 covers: some providers compare a trip's start or end
/// with the window, others the time at which they stored the trip.
const LOOK_AHEAD_HOURS: i64 = 1;

/// Parameters of the request for one hour, under the names that the provider uses.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    parameters: Vec<(String, String)>,
    /// Set if the query covers more than the hour.
    pub(crate) window: Option<WideWindow>,
    /// The first and the last instant that the parameters may have on a further page.
    range: (DateTime<Utc>, DateTime<Utc>),
}

impl Query {
    pub(crate) fn new(config: &ProviderConfig, hour: Hour) -> Self {
        let rules = config.version.rules();
        let format = config.time_format.unwrap_or(rules.time_format);
        let (start, end) = (hour.start(), hour.end());
        let (instants, window, last) = match rules.query {
            QueryStyle::WholeTripWindow => {
                let window = WideWindow {
                    hour,
                    start: start - Duration::hours(config.lookback_hours.into()),
                    end: end + Duration::hours(LOOK_AHEAD_HOURS),
                };
                let instants = vec![("start_time", window.start), ("end_time", window.end)];
                (instants, Some(window), window.end)
            }
            QueryStyle::EndWindow => {
                let instants = vec![("min_end_time", start), ("max_end_time", end)];
                (instants, None, end)
            }
            QueryStyle::EndHour => {
                let last = end - Duration::milliseconds(1);
                (vec![("end_time", start)], None, last)
            }
        };
        let first = window.map_or(start, |window| window.start);
        let parameters = instants
            .into_iter()
            .map(|(name, instant)| (parameter_name(config, name), format_time(instant, format)))
            .collect();
        Self {
            parameters,
            window,
            range: (first, last),
        }
    }

    /// What a URL that the provider names has to agree with.
    pub(crate) fn hour_parameters(&self) -> HourParameters {
        HourParameters::between(self.parameters.clone(), self.range.0, self.range.1)
    }

    /// `url` with these parameters after its own.
    pub(crate) fn append_to(&self, url: &Url) -> Url {
        let mut url = url.clone();
        url.query_pairs_mut().extend_pairs(&self.parameters);
        url
    }
}

/// The parameters as they are sent, without those of the configured URL, which may be secret.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut serializer = Serializer::new(String::new());
        f.write_str(&serializer.extend_pairs(&self.parameters).finish())
    }
}

/// The provider's name of a parameter. Older files call the two ends of a window `start_time` and
/// `end_time` at any version, so these keys rename the parameters of 0.3 as well.
fn parameter_name(config: &ProviderConfig, name: &str) -> String {
    let older_name = match name {
        "min_end_time" => "start_time",
        "max_end_time" => "end_time",
        other => other,
    };
    let overrides = &config.mds_param_override;
    overrides
        .get(name)
        .or_else(|| overrides.get(older_name))
        .filter(|name| !name.is_empty())
        .map_or_else(|| name.to_owned(), Clone::clone)
}

fn format_time(instant: DateTime<Utc>, format: TimeFormat) -> String {
    match format {
        TimeFormat::Seconds => instant.timestamp().to_string(),
        TimeFormat::Milliseconds => instant.timestamp_millis().to_string(),
        TimeFormat::Hour => instant.format("%Y-%m-%dT%H").to_string(),
        TimeFormat::Rfc3339 => instant.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
    }
}

/// The URL of the trips: the configured one if its path has a segment `trips`, otherwise `trips`
/// below it.
pub(crate) fn trips_url(configured: &Url) -> Url {
    let mut url = configured.clone();
    url.set_fragment(None);
    let has_trips = url
        .path_segments()
        .is_some_and(|mut segments| segments.any(|segment| segment == "trips"));
    if !has_trips && let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push("trips");
    }
    url
}

#[cfg(test)]
mod tests;
