//! `mds probe` with feeds whose hours are good one by one, but not together.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use sandbox_provider::Rhythm;
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::support::{options, stdout, world_of};

const PROBE: [&str; 5] = ["probe", "--provider", "bird", "--time-max", "2020-01-15-13"];
const TRIPS_PER_HOUR: u32 = 3;

/// How a feed makes the ids of its trips.
#[derive(Clone, Copy)]
enum Ids {
    /// Each hour has the trips 1, 2, 3.
    BeginAnew,
    UniqueForAllTime,
}

/// A provider of 1.2 with the same number of trips in each hour.
struct Feed {
    provider_id: Uuid,
    ids: Ids,
}

impl Respond for Feed {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut query = request.url.query_pairs();
        let (_, asked) = query.find(|(name, _)| name == "end_time").unwrap();
        // 1.2 names an hour by its start: `2020-01-15T18`.
        let start = NaiveDateTime::parse_from_str(&format!("{asked}:00"), "%Y-%m-%dT%H:%M");
        let start = start.unwrap().and_utc();
        let trips: Vec<_> = (1..=TRIPS_PER_HOUR).map(|n| self.trip(start, n)).collect();
        ResponseTemplate::new(200)
            .set_body_json(json!({"version": "1.2.0", "data": {"trips": trips}}))
    }
}

impl Feed {
    fn trip(&self, hour: DateTime<Utc>, number: u32) -> Value {
        let began = hour + TimeDelta::minutes(i64::from(number) * 10);
        let ended = began + TimeDelta::minutes(5);
        let id = match self.ids {
            Ids::BeginAnew => json!(number),
            Ids::UniqueForAllTime => json!(hour.timestamp() + i64::from(number)),
        };
        let point = |time: DateTime<Utc>, longitude: f64| {
            json!({
                "type": "Feature",
                "properties": {"timestamp": time.timestamp_millis()},
                "geometry": {"type": "Point", "coordinates": [longitude, 30.26]},
            })
        };
        json!({
            "provider_id": self.provider_id,
            "provider_name": "bird",
            "device_id": Uuid::from_u128(u128::from(number)),
            "vehicle_id": "A-1",
            "vehicle_type": "scooter",
            "propulsion_types": ["electric"],
            "trip_id": id,
            "trip_duration": 300,
            "trip_distance": 900,
            "accuracy": 5,
            "start_time": began.timestamp_millis(),
            "end_time": ended.timestamp_millis(),
            "route": {
                "type": "FeatureCollection",
                "features": [point(began, -97.74), point(ended, -97.75)],
            },
        })
    }
}

/// What the probe reports about a feed, and its exit status.
async fn probed(ids: Ids) -> (Value, Option<i32>) {
    let world = world_of(options(&["bird"])).await;
    let provider_id = world.stack.providers["bird"].options().provider_id;
    let server = MockServer::start().await;
    let feed = Feed { provider_id, ids };
    Mock::given(wiremock::matchers::any())
        .respond_with(feed)
        .mount(&server)
        .await;
    world
        .edit_providers(|providers| providers["bird"]["mds_api_url"] = server.uri().into())
        .await;
    let arguments = [&["--json"], &PROBE[..]].concat();
    let output = world.output(&arguments).await;
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (report, output.status.code())
}

/// The finding about the ids of several hours.
fn ids_of_hours(report: &Value) -> &Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|it| it["about"] == "ids of hours");
    found.unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_begin_anew_each_hour_are_found_out() {
    let (report, status) = probed(Ids::BeginAnew).await;
    let found = ids_of_hours(&report);
    assert_eq!(found["verdict"], "harm", "{report}");
    let text = found["text"].as_str().unwrap();
    assert!(
        text.contains("trip ids begin anew: 3 ids of one hour are other trips in another"),
        "{text}"
    );
    assert_eq!(report["conclusion"], "harmful", "{report}");
    assert_eq!(status, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_one_trip_each_are_good() {
    let (report, _) = probed(Ids::UniqueForAllTime).await;
    assert_eq!(ids_of_hours(&report)["verdict"], "good", "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_no_trip_in_any_hour_shows_nothing() {
    let mut options = options(&["bird"]);
    let provider = options.providers.get_mut("bird").unwrap();
    provider.trips_per_hour = 0.0;
    provider.rhythm = Rhythm::Flat;
    let world = world_of(options).await;
    let report = in_one_line(&stdout(&world.expect(1, &PROBE).await));
    for words in [
        "HARM access",
        "no requested hour has a trip",
        "--time-max",
        "mds_api_url",
        "token",
    ] {
        assert!(report.contains(words), "`{words}` is missing in: {report}");
    }
    assert!(!report.contains("can be ingested"), "{report}");
}

/// The text with the columns of its table joined.
fn in_one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c == '│' || c == '|')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
