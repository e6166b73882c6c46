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

/// Their name of a parameter. Older files call the two ends of a window `start_time` and
/// `end_time` at any version, so those keys work for 0.3's names too.
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
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn asked(settings: &Value) -> String {
        let mut entry = json!({
            "mds_api_url": "https://mds.example.com",
            "provider_id": "0309585e-599f-4e57-ac85-ffffffffffff",
            "auth_type": "Bearer",
            "token": "t"
        });
        for (key, value) in settings.as_object().unwrap() {
            entry[key] = value.clone();
        }
        let config = ProviderConfig::from_value(entry).unwrap();
        let hour = Hour::starting_at("2020-01-01T22:00:00Z".parse().unwrap()).unwrap();
        Query::new(&config, hour).asked()
    }

    #[rstest]
    #[case(json!({"version": "0.2"}), "start_time=1577829600&end_time=1577923200")]
    #[case(json!({"version": "0.2", "lookback_hours": 2}), "start_time=1577908800&end_time=1577923200")]
    #[case(json!({"version": "0.3.0"}), "min_end_time=1577916000000&max_end_time=1577919600000")]
    #[case(json!({"version": "0.4"}), "end_time=2020-01-01T22")]
    #[case(json!({"version": "1.0"}), "end_time=2020-01-01T22")]
    #[case(json!({"version": "1.1"}), "end_time=2020-01-01T22")]
    #[case(json!({"version": "1.2"}), "end_time=2020-01-01T22")]
    #[case(json!({"version": "2.0"}), "end_time=2020-01-01T22")]
    fn every_version_asks_in_its_own_way(#[case] settings: Value, #[case] query: &str) {
        assert_eq!(asked(&settings), query);
    }

    #[rstest]
    #[case(
        json!({"version": "0.3", "mds_param_override": {"start_time": "start_time", "end_time": "end_time"}}),
        "start_time=1577916000000&end_time=1577919600000"
    )]
    #[case(
        json!({"version": "0.3", "mds_param_override": {"min_end_time": "from & to"}}),
        "from+%26+to=1577916000000&max_end_time=1577919600000"
    )]
    #[case(
        json!({"version": "0.3", "time_format": "seconds"}),
        "min_end_time=1577916000&max_end_time=1577919600"
    )]
    #[case(
        json!({"version": "0.3", "time_format": "unix"}),
        "min_end_time=1577916000000&max_end_time=1577919600000"
    )]
    #[case(json!({"version": "0.2", "time_format": "ms"}), "start_time=1577829600000&end_time=1577923200000")]
    #[case(json!({"version": "0.4", "mds_param_override": {"end_time": "hour"}}), "hour=2020-01-01T22")]
    #[case(json!({"version": "0.4", "time_format": "milliseconds"}), "end_time=1577916000000")]
    fn names_and_times_can_be_overridden(#[case] settings: Value, #[case] query: &str) {
        assert_eq!(asked(&settings), query);
    }

    #[rstest]
    #[case("https://a.example", "https://a.example/trips")]
    #[case("https://a.example/mds/austin", "https://a.example/mds/austin/trips")]
    #[case("https://a.example/mds/", "https://a.example/mds/trips")]
    #[case("https://a.example/mds/?key=1#f", "https://a.example/mds/trips?key=1")]
    #[case("https://a.example/mds/trips", "https://a.example/mds/trips")]
    #[case("https://a.example/mds/trips/", "https://a.example/mds/trips/")]
    #[case("https://a.example/trips/brussels", "https://a.example/trips/brussels")]
    fn trips_are_below_the_base_unless_it_names_them(#[case] base: &str, #[case] trips: &str) {
        assert_eq!(trips_url(&Url::parse(base).unwrap()).as_str(), trips);
    }

    #[test]
    fn parameters_of_the_configured_url_are_sent_but_not_shown() {
        let query = Query {
            parameters: vec![("end_time".into(), "2020-01-01T22".into())],
            window: None,
        };
        let url = query.on(&Url::parse("https://a.example/trips?key=canary").unwrap());
        assert_eq!(
            url.as_str(),
            "https://a.example/trips?key=canary&end_time=2020-01-01T22"
        );
        assert!(!query.asked().contains("canary"));
    }
}
