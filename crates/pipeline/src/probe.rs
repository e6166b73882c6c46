//! `probe`: asks a provider for a handful of hours and says what its feed is like, before anything
//! depends on it.
//!
//! Nothing is written, in the bucket or the database.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use boundaries::Boundaries;
use chrono::{DateTime, TimeDelta, Utc};
use mds_client::{HourReport, HourResponse, MdsClient};
use serde::Serialize;
use trips::Feed;
use trips::block::{Hour, ProviderName};
use uuid::Uuid;

use self::sample::{Sample, SampleSink};
use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::extract::Fleet;
use crate::plan::DEFAULT_LAG_HOURS;

mod findings;
mod redact;
mod sample;

/// Ages in hours at which the newest hour is looked for.
const AGES: [i64; 11] = [1, 2, 4, 8, 16, 24, 36, 48, 72, 120, 168];
/// Civil hour at which hours end that have many trips to look at.
const BUSY_HOUR: &str = "-18";

/// What a provider's feed is like.
#[derive(Debug, Serialize)]
pub struct ProbeReport {
    /// The provider's short name.
    pub provider: ProviderName,
    /// What was asked, in this order.
    pub hours: Vec<ProbedHour>,
    /// What follows from it.
    pub findings: Vec<Finding>,
}

impl ProbeReport {
    /// Whether trips would be lost or spoilt if hours were ingested now.
    #[must_use]
    pub fn is_harmful(&self) -> bool {
        self.findings.iter().any(|it| it.verdict == Verdict::Harm)
    }
}

/// One hour that was asked for.
#[derive(Debug, Serialize)]
pub struct ProbedHour {
    /// Why it was asked for.
    pub purpose: Purpose,
    /// The hour's label: its end in civil time.
    pub label: String,
    /// What came.
    pub answer: Answer,
    /// How long it took.
    pub seconds: f64,
    #[serde(skip)]
    pub(crate) sample: Option<Sample>,
}

/// Why an hour was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// An hour that ought to be there.
    Whole,
    /// The same once more.
    Again,
    /// The hour before it.
    Neighbour,
    /// A week before it.
    Old,
    /// An hour that has not come yet.
    Future,
    /// How new the newest hour is, in hours of age.
    Newest {
        /// Hours since its end.
        age: i64,
    },
}

/// What a provider said about an hour.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    /// Trips, or none.
    Ready(HourReport),
    /// The hour is not published yet.
    NotYet {
        /// The status that said so.
        http_status: u16,
    },
    /// There was no service in that hour.
    NotOperating,
    /// An error.
    Failed {
        /// Its name.
        name: ErrorName,
        /// A sentence.
        message: String,
    },
}

/// What was found out about one side of a feed.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub about: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What it is.
    pub text: String,
    /// The line of the provider's entry that repairs it, where one does.
    pub remedy: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing; the pipeline copes with it.
    Note,
    /// Trips would be lost or spoilt.
    Harm,
}

/// Asks for the hour that ends at `hour`, or for one that a schedule would ask for now, for its
/// neighbours in time and for one to come, and draws conclusions. `on_hour` is shown each as it
/// comes.
///
/// # Errors
///
/// `InvalidInput` for an unknown provider or an hour that has not ended, `ConfigInvalid`. What the
/// provider does wrong is no error here: it is found.
pub async fn probe(
    ctx: &Context,
    name: &ProviderName,
    hour: Option<&str>,
    mut on_hour: impl FnMut(&ProbedHour) + Send,
) -> Result<ProbeReport, PipelineError> {
    let now = ctx.now();
    let prober = Prober::new(ctx, name, now).await?;
    let lag = ctx
        .provider_config(name)?
        .lag_hours
        .unwrap_or(DEFAULT_LAG_HOURS);
    let whole = match hour {
        Some(text) => Hour::from_label(ctx.zone(), text)?,
        None => busy_hour(ctx, now - TimeDelta::hours(i64::from(lag))),
    };
    if whole.end() > now {
        let message = format!("the hour {} has not ended yet", whole.label(ctx.zone()));
        return Err(PipelineError::new(ErrorName::InvalidInput, message));
    }
    let ago = |hours| Hour::containing(whole.start() - TimeDelta::hours(hours));
    let mut hours = Vec::new();
    for (purpose, hour) in [
        (Purpose::Whole, whole),
        (Purpose::Again, whole),
        (Purpose::Neighbour, whole.previous()),
        (Purpose::Old, ago(24 * 7)),
        (Purpose::Future, Hour::containing(now + TimeDelta::hours(2))),
    ] {
        let probed = prober.ask(purpose, hour).await;
        on_hour(&probed);
        let login_failed = purpose == Purpose::Whole && probed.is_refused();
        hours.push(probed);
        if login_failed {
            break;
        }
    }
    if hours.len() > 1 {
        for age in AGES {
            let hour = Hour::containing(now - TimeDelta::hours(age + 1));
            let probed = prober.ask(Purpose::Newest { age }, hour).await;
            on_hour(&probed);
            let found = probed.trips() > 0;
            hours.push(probed);
            if found {
                break;
            }
        }
    }
    let config = ctx.provider_config(name)?;
    let mut findings = findings::findings(config, lag, prober.boundaries.as_ref().err(), &hours);
    if config.version.rules().vehicles_apart
        && let Some((_, _, sample)) = findings::looked_at(&hours)
    {
        findings.push(findings::vehicles(sample, &prober.vehicles().await));
    }
    Ok(ProbeReport {
        findings,
        provider: name.clone(),
        hours,
    })
}

/// The last busy hour that has ended by then.
fn busy_hour(ctx: &Context, ended_by: DateTime<Utc>) -> Hour {
    let last = Hour::containing(ended_by).previous();
    std::iter::successors(Some(last), |hour| Some(hour.previous()))
        .take(25)
        .find(|hour| hour.label(ctx.zone()).ends_with(BUSY_HOUR))
        .unwrap_or(last)
}

struct Prober<'a> {
    ctx: &'a Context,
    client: Arc<MdsClient>,
    boundaries: Result<Arc<Boundaries>, PipelineError>,
    feed: Feed,
    now: DateTime<Utc>,
}

impl<'a> Prober<'a> {
    async fn new(
        ctx: &'a Context,
        name: &ProviderName,
        now: DateTime<Utc>,
    ) -> Result<Self, PipelineError> {
        let config = ctx.provider_config(name)?;
        Ok(Self {
            ctx,
            client: ctx.provider_client(name).await?,
            // A city may look at a provider before it has put its boundaries; the findings say why
            // they were missed.
            boundaries: ctx.boundaries().await,
            feed: config.feed(),
            now,
        })
    }

    /// The devices of 2.0's list of vehicles.
    async fn vehicles(&self) -> Result<HashSet<Uuid>, PipelineError> {
        let fleet = self.client.fetch_vehicles(Fleet::default).await?;
        Ok(fleet.vehicles.iter().map(|it| it.device_id).collect())
    }

    async fn ask(&self, purpose: Purpose, hour: Hour) -> ProbedHour {
        let began = Instant::now();
        let sink = || SampleSink {
            hour,
            now: self.now,
            feed: self.feed,
            boundaries: self.boundaries.as_ref().ok().cloned(),
            sample: Sample::default(),
        };
        // The client tells an hour that is late from one that is not there by its age; this one is
        // asked for as if it had just ended.
        let now = self.now.max(hour.end());
        let (answer, sample) = match self.client.fetch_hour(hour, now, sink).await {
            Ok(HourResponse::Ready { sink, report }) => (Answer::Ready(report), Some(sink.sample)),
            Ok(HourResponse::NotYet { http_status }) => (Answer::NotYet { http_status }, None),
            Ok(HourResponse::NotOperating { .. }) => (Answer::NotOperating, None),
            Err(error) => {
                let error = PipelineError::from(error);
                let (name, message) = (error.name, error.message);
                (Answer::Failed { name, message }, None)
            }
        };
        ProbedHour {
            purpose,
            label: hour.label(self.ctx.zone()),
            answer,
            seconds: began.elapsed().as_secs_f64(),
            sample,
        }
    }
}

impl ProbedHour {
    /// Trips that came.
    #[must_use]
    pub fn trips(&self) -> u64 {
        self.sample.as_ref().map_or(0, |sample| sample.trips)
    }

    fn is_refused(&self) -> bool {
        matches!(self.answer, Answer::Failed { .. })
    }
}
