//! Which trips a response has, and which of these a load would reject: both are compared with the
//! trips that are loaded before the response is believed.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use mds_client::ProviderConfig;
use serde_json::value::RawValue;
use store::Claim;
use trips::Feed;
use trips::block::Hour;
use trips::envelope::NonFiniteTrip;
use trips::trip::{Reject, Rules};
use uuid::Uuid;

use super::belief::{Kept, Loss};
use super::previous_archive::{Fingerprint, Fingerprints};
use crate::error::PipelineError;

/// Collects the trips of a response as a load would find them.
#[derive(Debug, Clone)]
pub(super) struct Collector {
    hour: Hour,
    now: DateTime<Utc>,
    provider_ids: Vec<Uuid>,
    feed: Feed,
    found: Delivered,
}

/// The ids of a response's trips, as rows of the table have them.
#[derive(Debug, Clone, Default)]
pub(super) struct Delivered {
    loadable: Vec<Uuid>,
    rejected: Vec<(Uuid, Option<Fingerprint>)>,
    /// Why the first of the rejected trips is rejected.
    reason: Option<String>,
}

impl Collector {
    pub(super) fn new(config: &ProviderConfig, hour: Hour, now: DateTime<Utc>) -> Self {
        Self {
            hour,
            now,
            provider_ids: config.provider_ids.clone(),
            feed: config.feed(),
            found: Delivered::default(),
        }
    }

    pub(super) fn push(&mut self, raw: &RawValue, fingerprint: Option<Fingerprint>) {
        match self.rules().check(raw.get()) {
            Ok(trip) => self.found.loadable.push(trip.trip_id),
            Err(reject) => self.found.reject(&reject, fingerprint),
        }
    }

    pub(super) fn push_non_finite(
        &mut self,
        trip: &NonFiniteTrip<'_>,
        fingerprint: Option<Fingerprint>,
    ) {
        let reject = self.rules().reject_non_finite(trip);
        self.found.reject(&reject, fingerprint);
    }

    /// What was found. A rejected trip that the previous archive has as well counts as loadable:
    /// nothing that could be loaded is replaced by it.
    pub(super) fn finish(self, previous: Option<&Fingerprints>) -> Delivered {
        let mut found = self.found;
        if let (Some(previous), false) = (previous, found.rejected.is_empty()) {
            let known: HashSet<&Fingerprint> = previous.iter().collect();
            found.rejected.retain(|(id, fingerprint)| {
                let is_known = fingerprint.as_ref().is_some_and(|it| known.contains(it));
                if is_known {
                    found.loadable.push(*id);
                }
                !is_known
            });
        }
        found
    }

    /// Areas only add flags.
    fn rules(&self) -> Rules<'_> {
        Rules {
            hour: self.hour,
            now: self.now,
            provider_ids: &self.provider_ids,
            feed: self.feed,
            area: None,
        }
    }
}

impl Delivered {
    fn reject(&mut self, reject: &Reject, fingerprint: Option<Fingerprint>) {
        let ids = reject.row_ids.iter();
        self.rejected.extend(ids.map(|id| (*id, fingerprint)));
        if self.reason.is_none() {
            self.reason = reject.reasons.first().map(ToString::to_string);
        }
    }

    /// The loss if too many of the block's loaded trips are missing, or are there and would be
    /// rejected.
    pub(super) async fn loss(
        mut self,
        claim: &Claim,
        max_loss: f64,
    ) -> Result<Option<Loss>, PipelineError> {
        let trips = claim.compare_with_loaded(&self.loadable).await?;
        let loss = Loss::of(Kept::Loaded, trips.loaded, trips.missing, max_loss);
        let (Some(loss), false) = (&loss, self.rejected.is_empty()) else {
            return Ok(loss);
        };
        self.loadable.extend(self.rejected.iter().map(|(id, _)| id));
        let missing = claim.compare_with_loaded(&self.loadable).await?.missing;
        Ok(Some(loss.with_rejected(missing, self.reason)))
    }
}
