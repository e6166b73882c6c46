//! What a probe keeps of an hour's trips: counts and the forms of fields. It prints no value as it
//! was sent.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{Hash, Hasher as _};
use std::io;
use std::sync::Arc;

use boundaries::Boundaries;
use chrono::{DateTime, Utc};
use mds_client::{MdsVersion, TripSink};
use serde::Deserialize;
use serde_json::value::RawValue;
use trips::Feed;
use trips::block::Hour;
use trips::envelope::NonFiniteTrip;
use trips::json::object_in;
use trips::trip::{Flag, Reject, RejectReason, Rules, ServiceArea, Trip};
use uuid::Uuid;

use super::redact::shapes;

/// A feed of more providers than this is not one that an entry can list.
const MAX_FOREIGN_PROVIDERS: usize = 5;
/// How many trips of an hour are compared with those of other hours.
const MAX_COMPARED: usize = 20_000;

/// Counts of an hour's trips.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(crate) trips: u64,
    pub(crate) rejected: u64,
    pub(crate) duplicates: u64,
    /// Number of trips whose ids are numbers.
    pub(crate) integer_ids: u64,
    /// Number of trips whose duration looks like milliseconds.
    pub(crate) in_milliseconds: u64,
    /// Number of trips off the globe that would be in the city with swapped coordinates.
    pub(crate) swapped_off_globe: u64,
    pub(crate) reasons: BTreeMap<String, u64>,
    /// For each reason, the form of the first trip.
    pub(crate) examples: BTreeMap<String, String>,
    /// Ids of other providers under which trips came, as far as they are UUIDs.
    pub(crate) foreign_providers: BTreeSet<Uuid>,
    /// The devices of the trips.
    pub(crate) devices: HashSet<Uuid>,
    pub(crate) flags: BTreeMap<Flag, u64>,
    /// Number of trips with a route.
    pub(crate) routes: u64,
    /// Number of points of all routes.
    pub(crate) points: u64,
    /// Hash of the trips, whatever their order.
    pub(crate) digest: u64,
    ids: HashSet<u64>,
    /// The ids of trips that can be loaded, and when each began and ended, as hashes.
    times: HashMap<u64, u64>,
}

impl Sample {
    pub(crate) fn flagged(&self, flag: Flag) -> u64 {
        self.flags.get(&flag).copied().unwrap_or(0)
    }

    /// The ids of trips which began or ended at another time in the other hour.
    pub(crate) fn ids_of_other_trips<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = u64> + 'a {
        let is_other = move |(id, times): &(&u64, &u64)| {
            let there = other.times.get(*id);
            there.is_some_and(|there| there != *times)
        };
        self.times.iter().filter(is_other).map(|(id, _)| *id)
    }
}

/// Receives an hour's trips and checks them as a load would.
pub(crate) struct SampleSink {
    pub(crate) hour: Hour,
    pub(crate) now: DateTime<Utc>,
    pub(crate) provider_ids: Vec<Uuid>,
    pub(crate) feed: Feed,
    pub(crate) boundaries: Option<Arc<Boundaries>>,
    pub(crate) sample: Sample,
}

/// The parts of a trip that a checked trip no longer shows.
#[derive(Deserialize)]
struct AsSent<'a> {
    provider_id: Option<Uuid>,
    #[serde(borrow)]
    trip_id: Option<&'a RawValue>,
    #[serde(borrow)]
    device_id: Option<&'a RawValue>,
    route: Option<Route>,
}

#[derive(Deserialize)]
struct Route {
    #[serde(default)]
    features: Vec<serde::de::IgnoredAny>,
}

impl TripSink for SampleSink {
    fn begin(&mut self, version: &str) -> io::Result<()> {
        if let Ok(version) = version.parse::<MdsVersion>() {
            self.feed.seconds_expected = version.has_seconds();
        }
        Ok(())
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        self.sample.trips += 1;
        self.sample.digest = self.sample.digest.wrapping_add(hash(raw.get()));
        // A trip that cannot be parsed here is rejected below, with a reason.
        if let Ok(sent) = object_in::<AsSent<'_>>(raw.get()) {
            self.count(&sent);
        }
        self.check(raw);
        Ok(())
    }

    fn non_finite_trip(&mut self, trip: &NonFiniteTrip<'_>) -> io::Result<()> {
        self.sample.trips += 1;
        self.sample.digest = self.sample.digest.wrapping_add(hash(trip.text));
        if let Ok(sent) = object_in::<AsSent<'_>>(trip.with_nulls.get()) {
            self.count(&sent);
        }
        let reject = self.rules().reject_non_finite(trip);
        self.reject(reject, trip.with_nulls);
        Ok(())
    }
}

impl SampleSink {
    fn count(&mut self, sent: &AsSent<'_>) {
        let is_number = |id: Option<&RawValue>| {
            id.is_some_and(|id| id.get().starts_with(|c: char| c.is_ascii_digit()))
        };
        let sample = &mut self.sample;
        let foreign = |id: &Uuid| !self.provider_ids.contains(id);
        if let Some(id) = sent.provider_id.filter(foreign)
            && sample.foreign_providers.len() < MAX_FOREIGN_PROVIDERS
        {
            sample.foreign_providers.insert(id);
        }
        sample.integer_ids += u64::from(is_number(sent.trip_id) || is_number(sent.device_id));
        if let Some(id) = sent.trip_id {
            sample.duplicates += u64::from(!sample.ids.insert(hash(id.get())));
        }
        if let Some(route) = &sent.route {
            sample.routes += 1;
            sample.points += u64::try_from(route.features.len()).unwrap_or(0);
        }
    }

    fn rules(&self) -> Rules<'_> {
        Rules {
            hour: self.hour,
            now: self.now,
            provider_ids: &self.provider_ids,
            feed: self.feed,
            area: self
                .boundaries
                .as_deref()
                .map(|area| area as &dyn ServiceArea),
        }
    }

    fn check(&mut self, raw: &RawValue) {
        match self.rules().check(raw.get()) {
            Ok(trip) => {
                let sample = &mut self.sample;
                sample.devices.insert(trip.device_id);
                if sample.times.len() < MAX_COMPARED {
                    let times = hash(&(trip.start_time, trip.end_time));
                    // Of a trip that is sent twice, the first counts.
                    sample.times.entry(hash(&trip.trip_id)).or_insert(times);
                }
                sample.in_milliseconds += u64::from(is_in_milliseconds(&trip));
                for flag in trip.flags.iter() {
                    *sample.flags.entry(flag).or_default() += 1;
                }
            }
            Err(reject) => self.reject(reject, raw),
        }
    }

    fn reject(&mut self, reject: Reject, raw: &RawValue) {
        let sample = &mut self.sample;
        sample.rejected += 1;
        let swapped = |reason: &RejectReason| {
            matches!(
                reason,
                RejectReason::OffTheGlobe {
                    swapped_fits: true,
                    ..
                }
            )
        };
        sample.swapped_off_globe += u64::from(reject.reasons.iter().any(swapped));
        for reason in reject.reasons {
            sample
                .examples
                .entry(reason.to_string())
                .or_insert_with(|| shapes(raw, &reason.fields()));
            *sample.reasons.entry(reason.to_string()).or_default() += 1;
        }
    }
}

/// Whether the duration is about a thousand times what the times say.
fn is_in_milliseconds(trip: &Trip) -> bool {
    let elapsed = (trip.end_time - trip.start_time).num_seconds();
    elapsed > 0 && (900..=1_100).contains(&(trip.trip_duration / elapsed))
}

fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
