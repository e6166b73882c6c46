//! What the providers return, and what they have returned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, NaiveDateTime, TimeDelta, Utc};
use sandbox_provider::city::{CENTRE_LAT, CENTRE_LNG};
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::story::{Change, HOURS, PROVIDERS, Place, Trip};
use crate::support::hour;

/// An answer, and when it was sent.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) at: DateTime<Utc>,
    pub(super) trips: Vec<Trip>,
}

/// The feeds of all providers.
pub(super) struct Feeds {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    hours: BTreeMap<Place, Vec<Trip>>,
    failing: BTreeSet<Place>,
    answers: BTreeMap<Place, Vec<Answer>>,
}

impl Feeds {
    pub(super) async fn start() -> Self {
        let (server, state) = (MockServer::start().await, Arc::<Mutex<State>>::default());
        Mock::given(any())
            .respond_with(Responder(Arc::clone(&state)))
            .mount(&server)
            .await;
        Self { server, state }
    }

    pub(super) fn url(&self, provider: usize) -> String {
        format!("{}/{}", self.server.uri(), PROVIDERS[provider])
    }

    /// Whether every hour is returned from now on.
    pub(super) fn recover(&self) {
        self.state.lock().unwrap().failing.clear();
    }

    pub(super) fn change(&self, change: Change) {
        let mut state = self.state.lock().unwrap();
        match change {
            Change::Deliver(place, trip) => {
                let hour = state.hours.entry(place).or_default();
                hour.retain(|it| it.number != trip.number);
                hour.push(trip);
            }
            Change::Double(place, trip) => state.hours.entry(place).or_default().push(trip),
            Change::Withdraw(place, number) => {
                let hour = state.hours.entry(place).or_default();
                hour.retain(|it| it.number != number);
            }
            Change::Move(from, number, to) => {
                let (moved, stays) = state
                    .hours
                    .remove(&from)
                    .unwrap_or_default()
                    .into_iter()
                    .partition(|it| it.number == number);
                state.hours.insert(from, stays);
                let moved: Vec<Trip> = moved;
                let to = Place { hour: to, ..from };
                state.hours.entry(to).or_default().extend(moved);
            }
            Change::Empty(place) => {
                state.hours.remove(&place);
            }
            Change::Fail(place) => {
                state.failing.insert(place);
            }
            Change::LoseRow(_) => {}
        }
    }

    /// The last answer that was sent by a time.
    ///
    /// A worker that was cut off between an archive and its report leaves the archive alone. Its
    /// time is then that of the object: the whole second in which it was written.
    pub(super) fn answer_by(&self, place: Place, time: DateTime<Utc>) -> Option<Answer> {
        let is_of_object = time.timestamp_subsec_nanos() == 0;
        let until = time + Duration::seconds(i64::from(is_of_object));
        let state = self.state.lock().unwrap();
        let answers = state.answers.get(&place)?;
        answers.iter().rev().find(|it| it.at <= until).cloned()
    }
}

struct Responder(Arc<Mutex<State>>);

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let place = place_of(request);
        let mut state = self.0.lock().unwrap();
        if state.failing.contains(&place) {
            return ResponseTemplate::new(500);
        }
        let trips = state.hours.get(&place).cloned().unwrap_or_default();
        let rendered: Vec<Value> = trips.iter().map(|trip| json_of(place, *trip)).collect();
        let at = Utc::now();
        state
            .answers
            .entry(place)
            .or_default()
            .push(Answer { at, trips });
        ResponseTemplate::new(200).set_body_raw(
            json!({"version": "1.2.0", "data": {"trips": rendered}}).to_string(),
            "application/vnd.mds+json;version=1.2",
        )
    }
}

fn place_of(request: &Request) -> Place {
    let provider = PROVIDERS
        .iter()
        .position(|name| request.url.path().contains(name));
    let asked = request
        .url
        .query_pairs()
        .find_map(|(name, value)| (name == "end_time").then(|| format!("{value}:00")));
    let asked = NaiveDateTime::parse_from_str(&asked.unwrap(), "%Y-%m-%dT%H:%M").unwrap();
    let hours = (asked.and_utc() - first_hour()).num_hours();
    Place {
        provider: provider.unwrap(),
        hour: usize::try_from(hours).unwrap(),
    }
}

/// The first instant of the first hour.
pub(super) fn first_hour() -> DateTime<Utc> {
    hour("2020-01-15-16")
}

pub(super) fn start_of(hour: usize) -> DateTime<Utc> {
    first_hour() + Duration::hours(i64::try_from(hour).unwrap())
}

pub(super) fn provider_id(provider: usize) -> Uuid {
    Uuid::from_u128(0x5eed_0000_0000_4000_8000_0000_0000_0001 + provider as u128)
}

pub(super) fn trip_id(provider: usize, number: usize) -> Uuid {
    let own = 0x7819_0000_0000_4000_8000_0000_0000_0000_u128;
    Uuid::from_u128(own + (provider * 1_000 + number) as u128)
}

/// Two trips share a device.
pub(super) fn device_id(provider: usize, number: usize) -> Uuid {
    let own = 0xde71_ce00_0000_4000_8000_0000_0000_0000_u128;
    Uuid::from_u128(own + (provider * 1_000 + number / 2) as u128)
}

/// When a trip began and ended. Trips of a device don't overlap.
pub(super) fn times(number: usize) -> (DateTime<Utc>, DateTime<Utc>) {
    let began = start_of(number % HOURS) + TimeDelta::minutes(5 * i64::try_from(number).unwrap());
    (began, began + TimeDelta::minutes(4))
}

pub(super) fn distance(trip: Trip) -> i64 {
    1_000 + i64::from(trip.content)
}

pub(super) fn published(trip: Trip) -> Option<DateTime<Utc>> {
    trip.published
        .map(|minute| start_of(HOURS) + TimeDelta::minutes(i64::from(minute)))
}

fn json_of(place: Place, trip: Trip) -> Value {
    let (began, ended) = times(trip.number);
    let point = |time: DateTime<Utc>, east: f64| {
        json!({
            "type": "Feature",
            "properties": {"timestamp": time.timestamp_millis()},
            "geometry": {"type": "Point", "coordinates": [CENTRE_LNG + east, CENTRE_LAT]},
        })
    };
    let mut value = json!({
        "provider_id": provider_id(place.provider),
        "provider_name": PROVIDERS[place.provider],
        "device_id": device_id(place.provider, trip.number),
        "vehicle_id": format!("{}", trip.number / 2),
        "vehicle_type": "scooter",
        "propulsion_types": ["electric"],
        "trip_id": trip_id(place.provider, trip.number),
        "trip_duration": 240,
        "trip_distance": distance(trip),
        "route": {"type": "FeatureCollection", "features": [point(began, 0.0), point(ended, 0.005)]},
        "accuracy": 5,
        "start_time": began.timestamp_millis(),
        "end_time": ended.timestamp_millis(),
    });
    if let Some(time) = published(trip) {
        value["publication_time"] = time.timestamp_millis().into();
    }
    if trip.is_broken {
        value["device_id"] = Value::Null;
    }
    value
}
