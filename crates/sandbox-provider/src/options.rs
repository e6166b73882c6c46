//! The options of a provider.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::{Fault, MdsVersion, Quirks, Times};

/// The token that the default options require.
const TOKEN: &str = "sandbox-token";

/// The options of a provider and its trips. Two providers with the same `seed`, `provider_id` and
/// numbers have the same trips.
#[derive(Clone, Debug)]
pub struct ProviderOptions {
    /// The seed of all random numbers.
    pub seed: u64,
    /// `provider_id` of every trip.
    pub provider_id: Uuid,
    /// `provider_name` of every trip.
    pub name: String,
    /// The version of MDS.
    pub version: MdsVersion,
    /// The mean number of trips over a year.
    pub trips_per_hour: f64,
    /// How the trips are distributed over the hours.
    pub rhythm: Rhythm,
    /// The zone of the city's clocks, which the rhythm follows.
    pub zone: Tz,
    /// How many trips a page holds, in the versions that have pages (0.2 to 0.4.0). With `None` a
    /// response is one page.
    pub page_size: Option<usize>,
    /// The required bearer token. With `None` every request is admitted.
    pub token: Option<String>,
    /// A login with OAuth client credentials, instead of `token`.
    pub oauth: Option<OAuthLogin>,
    /// How the `Accept` header is checked.
    pub accept: AcceptPolicy,
    /// The shares of unusual and malformed trips.
    pub rates: Rates,
    /// The deviations from the version of MDS.
    pub quirks: Quirks,
    /// 2.0: the share of the fleet that `/vehicles` does not list, but `/vehicles/{device_id}`
    /// returns.
    pub unlisted_vehicles: f64,
    /// 2.0: the share of the fleet that neither of them returns before
    /// [`Provider::register_vehicles`](super::Provider::register_vehicles) is called.
    pub unknown_vehicles: f64,
    /// How long after its end an hour is published.
    pub publication_lag: TimeDelta,
    /// The status of an hour that is not ready, instead of that of the version.
    pub not_ready_status: Option<u16>,
    /// The faults at the start: an instant in the hour, what happens, and how often.
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
            quirks: Quirks::NONE,
            unlisted_vehicles: 0.0,
            unknown_vehicles: 0.0,
            publication_lag: TimeDelta::zero(),
            not_ready_status: None,
            faults: Vec::new(),
            port: 0,
        }
    }
}

/// A login with OAuth client credentials: `{base_url}/token` grants a token for a client's id and
/// secret.
#[derive(Clone, Debug)]
pub struct OAuthLogin {
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// How long a token is valid. The response has it as `expires_in`, in whole seconds.
    pub token_lifetime: Duration,
}

/// How trips are distributed over the hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// By season, weekday and time of day in the city's zone.
    City,
    /// The same number every hour: `trips_per_hour`, rounded.
    Flat,
}

/// How the `Accept` header of a request is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptPolicy {
    /// It is ignored.
    Lenient,
    /// Anything but the version's media type with major and minor number gets a 406.
    Strict,
}

/// The shares of unusual and malformed trips, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Valid trips that are sent twice in their hour.
    pub duplicates: f64,
    /// Malformed: no `device_id`.
    pub missing_device: f64,
    /// Malformed: the start is after the end.
    pub end_before_start: f64,
    /// Malformed: the latitude of the last point is above 90 degrees.
    pub off_globe: f64,
    /// The last point is at 0, 0.
    pub null_island: f64,
    /// The whole trip is some 15 km from the centre, outside of every boundary layer.
    pub outside: f64,
    /// The trip takes less than a minute and does not move.
    pub phantom: f64,
    /// `trip_distance` is more than 500 miles.
    pub absurd_distance: f64,
    /// 2.0: the provider's staff moved the vehicle.
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
    /// Only ordinary trips.
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
