//! Requests one hour from a provider, checks its trips and describes the result in a few words.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http_kit::RetryPolicy;
use mds_client::{
    ClientOptions, HourReport, HourResponse, MdsClient, MdsError, ProviderConfig, TripSink,
};
use sandbox_provider::city;
use sandbox_provider::{MdsVersion, Provider, ProviderOptions, Quirk, Quirks, Rates, Rhythm};
use serde_json::Value;
use serde_json::value::RawValue;
use trips::block::Hour;
use trips::envelope::NonFiniteTrip;
use trips::trip::{Point, Rules, ServiceArea};

const TRIPS: u64 = 12;
/// Quirks of the trips themselves. A version cannot have one that changes none of its trips.
const OF_TRIPS: [Quirk; 12] = [
    Quirk::SecondsForMilliseconds,
    Quirk::MillisecondsForSeconds,
    Quirk::OnePointRoute,
    Quirk::NoRoute,
    Quirk::UnorderedRoute,
    Quirk::TripTypeList,
    Quirk::ForeignProvider,
    Quirk::MajorCosts,
    Quirk::OddOptionalFields,
    Quirk::DurationsInMilliseconds,
    Quirk::OwnVehicleTypes,
    Quirk::FeatureLocations,
];

pub(crate) struct Check {
    pub(crate) version: MdsVersion,
    pub(crate) quirk: Option<Quirk>,
    /// Additional settings for the provider's entry.
    pub(crate) settings: Value,
}

/// The trips as received.
#[derive(Debug, Default)]
struct Kept {
    trips: Vec<String>,
    /// With nulls for the numbers that are not finite.
    non_finite: Vec<String>,
}

impl TripSink for Kept {
    fn begin(&mut self, _version: &str) -> io::Result<()> {
        Ok(())
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        self.trips.push(raw.get().to_owned());
        Ok(())
    }

    fn non_finite_trip(&mut self, trip: &NonFiniteTrip<'_>) -> io::Result<()> {
        self.non_finite.push(trip.with_nulls.get().to_owned());
        Ok(())
    }
}

struct City;

impl ServiceArea for City {
    fn covers(&self, point: Point) -> bool {
        city::covers(point.lat, point.lng)
    }
}

pub(crate) async fn checked(check: &Check) -> String {
    let provider = Provider::start(options(check)).await.unwrap();
    let hour = Hour::starting_at("2021-05-15T23:00:00Z".parse().unwrap()).unwrap();
    if is_vacuous(check, &provider, hour) {
        return "cannot occur".to_owned();
    }
    let client = client(check, &provider);
    let response = client
        .fetch_hour(hour, "2021-06-01T00:00:00Z".parse().unwrap(), Kept::default)
        .await;
    match response {
        Ok(HourResponse::Ready { sink, report }) => {
            let rules = rules(hour, client.config());
            format!("{}{}", outcome(&rules, &sink), effort(check, &report))
        }
        Ok(HourResponse::NotOperating { .. }) => "no service".to_owned(),
        Ok(HourResponse::NotYet { http_status }) => format!("not yet ({http_status})"),
        Err(error) => failed(&error),
    }
}

fn options(check: &Check) -> ProviderOptions {
    #[allow(clippy::cast_precision_loss, reason = "a dozen")]
    ProviderOptions {
        version: check.version,
        trips_per_hour: TRIPS as f64,
        rhythm: Rhythm::Flat,
        rates: Rates::none(),
        quirks: check.quirk.into_iter().collect(),
        ..ProviderOptions::default()
    }
}

fn is_vacuous(check: &Check, provider: &Provider, hour: Hour) -> bool {
    let Some(quirk) = check.quirk.filter(|quirk| OF_TRIPS.contains(quirk)) else {
        return false;
    };
    assert!(provider.options().quirks.has(quirk));
    let proper = sandbox_provider::Feed::new(ProviderOptions {
        quirks: Quirks::NONE,
        ..provider.options().clone()
    });
    provider
        .feed()
        .trips(hour.start())
        .eq(proper.trips(hour.start()))
}

fn client(check: &Check, provider: &Provider) -> MdsClient {
    let mut entry = provider.entry();
    entry["paging"] = true.into();
    for (key, value) in check.settings.as_object().unwrap() {
        entry[key] = value.clone();
    }
    let config = ProviderConfig::from_value(entry).unwrap();
    MdsClient::new(
        http_kit::client().unwrap(),
        "heron".parse().unwrap(),
        config,
    )
    .unwrap()
    .with_options(ClientOptions {
        deadline: Some(Duration::from_secs(4)),
        max_body_bytes: 16 << 20,
        max_pages: 100,
        retry: RetryPolicy::immediate(),
        ..ClientOptions::default()
    })
}

fn rules(hour: Hour, config: &ProviderConfig) -> Rules<'_> {
    let now: DateTime<Utc> = "2021-06-01T00:00:00Z".parse().unwrap();
    Rules {
        hour,
        now,
        provider_ids: &config.provider_ids,
        feed: config.feed(),
        area: Some(&City),
    }
}

/// The number of loaded trips, and of those that are rejected, flagged or sent twice.
fn outcome(rules: &Rules<'_>, sent: &Kept) -> String {
    let mut ids = BTreeSet::new();
    let mut notes: BTreeMap<String, u64> = BTreeMap::new();
    let mut repeated = 0_u64;
    for json in &sent.trips {
        match rules.check(json) {
            Ok(trip) => {
                repeated += u64::from(!ids.insert(trip.trip_id));
                for flag in trip.flags.names() {
                    *notes.entry(format!("flagged {flag}")).or_default() += 1;
                }
            }
            Err(reject) => {
                for reason in reject.reasons {
                    *notes.entry(format!("rejected: {reason}")).or_default() += 1;
                }
            }
        }
    }
    let non_finite = sent.non_finite.iter().map(|text| {
        let with_nulls = serde_json::from_str(text).unwrap();
        rules.reject_non_finite(&NonFiniteTrip { text, with_nulls })
    });
    for reason in non_finite.flat_map(|reject| reject.reasons) {
        *notes.entry(format!("rejected: {reason}")).or_default() += 1;
    }
    let mut text = format!("{} loaded", ids.len());
    if repeated > 0 {
        text += &format!(", {repeated} twice");
    }
    for (note, count) in notes {
        text += &format!(", {count} {note}");
    }
    text
}

fn effort(check: &Check, report: &HourReport) -> String {
    let mut text = String::new();
    if report.pages > 1 {
        text += &format!(", {} pages", report.pages);
    }
    if report.empty_pages_left {
        text += ", more left";
    }
    if report.trips_outside_window > 0 {
        text += &format!(", {} of other hours left out", report.trips_outside_window);
    }
    if report.requests > report.pages {
        text += &format!(", {} requests", report.requests);
    }
    if !report.version_served.starts_with(check.version.short()) {
        text += &format!(", says it serves {}", report.version_served);
    }
    text
}

fn failed(error: &MdsError) -> String {
    let name = match error {
        MdsError::Config { .. } => "config",
        MdsError::Throttled { .. } => "throttled",
        MdsError::NoTurn { .. } => "no turn",
        MdsError::Pace { .. } => "pace",
        MdsError::Unavailable { .. } => "unavailable",
        MdsError::Rejected { .. } => "refused",
        MdsError::Malformed { .. } => "malformed",
        MdsError::Sink { .. } => "sink",
    };
    let text = error.to_string();
    let why = text.rsplit_once(": ").map_or(text.as_str(), |(_, why)| why);
    let why = why.split(", until ").next().unwrap_or(why);
    format!("{name}: {why}")
}
