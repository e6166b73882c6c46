//! The query for one hour.

use chrono::{DateTime, Duration, Utc};
use trips::block::Hour;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::config::ProviderConfig;
use crate::version::{QueryStyle, TimeFormat};
use crate::window::WideWindow;

/// How far behind the hour 0.2 is asked: some providers compare start or end, others the time at
/// which they stored the trip.
const LOOK_AHEAD_HOURS: i64 = 1;

/// Parameters of the request for one hour, in the provider's own words.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    parameters: Vec<(String, String)>,
    /// Set where more is asked for than the hour.
    pub(crate) window: Option<WideWindow>,
}

impl Query {
    pub(crate) fn new(config: &ProviderConfig, hour: Hour) -> Self {
        let rules = config.version.rules();
        let format = config.time_format.unwrap_or(rules.time_format);
        let (start, end) = (hour.start(), hour.end());
        let (wanted, window) = match rules.query {
            QueryStyle::WholeTripWindow => {
                let window = WideWindow {
                    hour,
                    start: start - Duration::hours(config.lookback_hours.into()),
                    end: end + Duration::hours(LOOK_AHEAD_HOURS),
                };
                let ends = vec![("start_time", window.start), ("end_time", window.end)];
                (ends, Some(window))
            }
            QueryStyle::EndWindow => {
                let ends = vec![("min_end_time", start), ("max_end_time", end)];
                (ends, None)
            }
            QueryStyle::EndHour => (vec![("end_time", start)], None),
        };
        let parameters = wanted
            .into_iter()
            .map(|(name, at)| (their_name(config, name), written(at, format)))
            .collect();
        Self { parameters, window }
    }

    /// `url` with these parameters behind the ones it has.
    pub(crate) fn on(&self, url: &Url) -> Url {
        let mut url = url.clone();
        url.query_pairs_mut().extend_pairs(&self.parameters);
        url
    }

    /// The parameters as they are sent; without those of the configured URL, which may be secret.
    pub(crate) fn asked(&self) -> String {
        Serializer::new(String::new())
            .extend_pairs(&self.parameters)
            .finish()
    }
}

/// Their name of a parameter. Older files call the two ends of a window `start_time` and `end_time`
/// at any version, so those keys work for 0.3's names too.
fn their_name(config: &ProviderConfig, name: &str) -> String {
    let older = match name {
        "min_end_time" => "start_time",
        "max_end_time" => "end_time",
        other => other,
    };
    let overrides = &config.mds_param_override;
    overrides
        .get(name)
        .or_else(|| overrides.get(older))
        .filter(|theirs| !theirs.is_empty())
        .map_or_else(|| name.to_owned(), Clone::clone)
}

fn written(at: DateTime<Utc>, format: TimeFormat) -> String {
    match format {
        TimeFormat::Seconds => at.timestamp().to_string(),
        TimeFormat::Milliseconds => at.timestamp_millis().to_string(),
        TimeFormat::Hour => at.format("%Y-%m-%dT%H").to_string(),
    }
}

/// The address of the trips: the configured one if its path has a segment `trips`, otherwise
/// `trips` below it.
pub(crate) fn trips_url(configured: &Url) -> Url {
    let mut url = configured.clone();
    url.set_fragment(None);
    let names_trips = url
        .path_segments()
        .is_some_and(|mut segments| segments.any(|segment| segment == "trips"));
    if !names_trips && let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push("trips");
    }
    url
}

#[cfg(test)]
mod tests;
