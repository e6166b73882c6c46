//! How a provider is to be.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::{Fault, MdsVersion, Oddities, Times};

/// The token that the default options ask for.
const TOKEN: &str = "sandbox-token";

/// How a provider and its trips are to be. Two providers with the same `seed`, `provider_id` and
/// numbers have the same trips.
#[derive(Clone, Debug)]
pub struct ProviderOptions {
    /// Chooses one world out of many.
    pub seed: u64,
    /// `provider_id` of every trip.
    pub provider_id: Uuid,
    /// `provider_name` of every trip.
    pub name: String,
    /// The version spoken.
    pub version: MdsVersion,
    /// The mean over a year.
    pub trips_per_hour: f64,
    /// How that is spread.
    pub rhythm: Rhythm,
    /// The zone of the city's clocks, which the rhythm follows.
    pub zone: Tz,
    /// How many trips a page holds, in the versions that have pages (0.2 to 0.4.0); none for one
    /// page.
    pub page_size: Option<usize>,
    /// The bearer token asked for; none lets everybody in.
    pub token: Option<String>,
    /// OAuth client credentials in place of `token`.
    pub oauth: Option<OAuthLogin>,
    /// How the `Accept` header is looked at.
    pub accept: AcceptPolicy,
    /// What of the trips goes wrong, and how often.
    pub rates: Rates,
    /// What it does otherwise than its version of MDS says.
    pub oddities: Oddities,
    /// 2.0: the share of the fleet that `/vehicles` does not list, though `/vehicles/{device_id}`
    /// knows it.
    pub unlisted_vehicles: f64,
    /// 2.0: the share of the fleet that neither knows before
    /// [`Provider::register_vehicles`](super::Provider::register_vehicles).
    pub unknown_vehicles: f64,
    /// How long after its end an hour is published.
    pub publication_lag: TimeDelta,
    /// The status of an hour that is not ready, in place of the version's own.
    pub not_ready_status: Option<u16>,
    /// Faults to begin with: an instant in the hour, what happens, how often.
    pub faults: Vec<(DateTime<Utc>, Fault, Times)>,
    /// The port on loopback; 0 for any.
    pub port: u16,
}

impl Default for ProviderOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            provider_id: Uuid::from_u128(0x7d8a_3c5e_52a4_4d0f_9b1e_6f20_91c3_a857),
            name: "Heron".to_owned(),
            version: MdsVersion::V0_3,
            trips_per_hour: 60.0,
            rhythm: Rhythm::City,
            zone: chrono_tz::US::Central,
            page_size: None,
            token: Some(TOKEN.to_owned()),
            oauth: None,
            accept: AcceptPolicy::Lenient,
            rates: Rates::default(),
            oddities: Oddities::NONE,
            unlisted_vehicles: 0.0,
            unknown_vehicles: 0.0,
            publication_lag: TimeDelta::zero(),
            not_ready_status: None,
            faults: Vec::new(),
            port: 0,
        }
    }
}

/// A login by OAuth client credentials: a token for a client's id and secret, at
/// `{base_url}/token`.
#[derive(Clone, Debug)]
pub struct OAuthLogin {
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// How long a token lives; the answer says it in `expires_in`, in whole seconds.
    pub lives: Duration,
}

/// How trips are spread over the hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// By season, weekday and time of day in the city's zone.
    City,
    /// The same number every hour: `trips_per_hour`, rounded.
    Flat,
}

/// How the `Accept` header of a request is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptPolicy {
    /// Not at all.
    Lenient,
    /// Anything but the version's media type with major and minor number is a 406.
    Strict,
}

/// Shares of the trips, from 0 to 1, that are out of the ordinary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Good trips that are sent twice in their hour.
    pub duplicates: f64,
    /// Bad: no `device_id`.
    pub missing_device: f64,
    /// Bad: the start lies behind the end.
    pub end_before_start: f64,
    /// Bad: the last point has a latitude that no place has.
    pub off_globe: f64,
    /// The last point is at 0, 0.
    pub null_island: f64,
    /// The whole trip is some 15 km from the centre, outside every layer of the city.
    pub outside: f64,
    /// Less than a minute, and not moved.
    pub phantom: f64,
    /// A `trip_distance` of more than 500 miles.
    pub absurd_distance: f64,
    /// 2.0: the vehicle was moved by the provider's staff.
    pub not_rider: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            duplicates: 0.005,
            missing_device: 0.001,
            end_before_start: 0.001,
            off_globe: 0.001,
            null_island: 0.0005,
            outside: 0.03,
            phantom: 0.01,
            absurd_distance: 0.0005,
            not_rider: 0.01,
        }
    }
}

impl Rates {
    /// Ordinary trips only.
    #[must_use]
    pub fn none() -> Self {
        Self {
            duplicates: 0.0,
            missing_device: 0.0,
            end_before_start: 0.0,
            off_globe: 0.0,
            null_island: 0.0,
            outside: 0.0,
            phantom: 0.0,
            absurd_distance: 0.0,
            not_rider: 0.0,
        }
    }
}
