//! The requests of a probe, one hour at a time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use boundaries::Boundaries;
use chrono::{DateTime, Utc};
use mds_client::{HourResponse, MdsClient};
use tracing::Instrument;
use trips::Feed;
use trips::block::{Hour, ProviderName};
use uuid::Uuid;

use super::report::{HourOutcome, ProbedHour, Purpose};
use super::sample::{Sample, SampleSink};
use crate::context::{Context, Provider};
use crate::error::PipelineError;
use crate::extract::listed_devices;
use crate::span::hour_span;

/// Requests hours and checks their trips as a load would.
pub(super) struct Prober<'a> {
    ctx: &'a Context,
    provider: &'a ProviderName,
    client: MdsClient,
    /// A city may probe a provider before it has stored its boundaries; a finding says why they are
    /// missing.
    boundaries: Result<Arc<Boundaries>, PipelineError>,
    provider_ids: Vec<Uuid>,
    feed: Feed,
    now: DateTime<Utc>,
}

impl<'a> Prober<'a> {
    pub(super) async fn new(
        ctx: &'a Context,
        provider: Provider<'a>,
        now: DateTime<Utc>,
    ) -> Result<Self, PipelineError> {
        Ok(Self {
            ctx,
            provider: provider.name,
            client: ctx.lone_client(provider)?,
            boundaries: ctx.boundaries().await,
            provider_ids: provider.config.provider_ids.clone(),
            feed: provider.config.feed(),
            now,
        })
    }

    /// Why the city's boundaries cannot be compared with.
    pub(super) fn boundaries_error(&self) -> Option<&PipelineError> {
        self.boundaries.as_ref().err()
    }

    /// Requests the devices of 2.0's list of vehicles.
    pub(super) async fn vehicles(&self) -> Result<HashSet<Uuid>, PipelineError> {
        listed_devices(&self.client).await
    }

    /// Requests an hour and checks its trips.
    pub(super) async fn request(&self, purpose: Purpose, hour: Hour) -> ProbedHour {
        let began = Instant::now();
        let label = hour.label(self.ctx.zone());
        let sink = || SampleSink {
            hour,
            now: self.now,
            provider_ids: self.provider_ids.clone(),
            feed: self.feed,
            boundaries: self.boundaries.as_ref().ok().cloned(),
            sample: Sample::default(),
        };
        // The client tells a late hour from a missing one by the hour's age, so the hour counts as
        // one that has just ended.
        let now = self.now.max(hour.end());
        let fetched = self
            .client
            .fetch_hour(hour, now, sink)
            .instrument(hour_span(self.provider, &label))
            .await;
        let (outcome, sample) = match fetched {
            Ok(HourResponse::Ready { sink, report }) => {
                (HourOutcome::Ready(report), Some(sink.sample))
            }
            Ok(HourResponse::NotYet { http_status }) => (HourOutcome::NotYet { http_status }, None),
            Ok(HourResponse::NotOperating { .. }) => (HourOutcome::NotOperating, None),
            Err(error) => {
                let said = error.said().map(str::to_owned);
                let is_unreachable = error.is_unreachable();
                let PipelineError { name, message, .. } = error.into();
                let failed = HourOutcome::Failed {
                    name,
                    message,
                    said,
                    is_unreachable,
                };
                (failed, None)
            }
        };
        ProbedHour {
            purpose,
            label,
            outcome,
            seconds: began.elapsed().as_secs_f64(),
            sample,
        }
    }
}
