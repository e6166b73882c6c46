//! `probe`: requests a few hours from a provider and reports what its feed is like, before anything
//! depends on it.
//!
//! It writes nothing to the bucket or the database.

use chrono::{DateTime, TimeDelta, Utc};
use trips::block::{Hour, ProviderName};

use self::prober::Prober;
pub use self::report::{
    Conclusion, Finding, HourOutcome, ProbeReport, ProbedHour, Purpose, Verdict,
};
use crate::context::Context;
use crate::error::{ErrorName, PipelineError};

mod findings;
mod prober;
mod redact;
mod report;
mod sample;

/// Ages in hours at which the search looks for the newest hour with trips.
const AGES: [i64; 11] = [1, 2, 4, 8, 16, 24, 36, 48, 72, 120, 168];
/// The end of a label whose hour has many trips.
const BUSY_HOUR: &str = "-18";

/// Requests the hour that ends at the time `hour`, or the last busy one that the provider should
/// have, then its neighbours in time and a future hour. Calls `on_hour` with each.
///
/// # Errors
///
/// `InvalidInput` for an unknown provider or an hour that has not ended, `ConfigInvalid`. What the
/// provider does wrong is a finding and not an error.
pub async fn probe(
    ctx: &Context,
    name: &ProviderName,
    hour: Option<&str>,
    mut on_hour: impl FnMut(&ProbedHour) + Send,
) -> Result<ProbeReport, PipelineError> {
    let now = Utc::now();
    let provider = ctx.provider(name)?;
    let lag = ctx.config().env.lag_of(provider.config.lag_hours);
    let prober = Prober::new(ctx, provider, now).await?;
    let whole = match hour {
        Some(text) => ctx.zone().parse_time(text)?.previous(),
        None => busy_hour(ctx, now - TimeDelta::hours(i64::from(lag))),
    };
    if whole.end() > now {
        let message = format!("the hour {} has not ended yet", whole.label(ctx.zone()));
        return Err(PipelineError::new(ErrorName::InvalidInput, message));
    }
    let mut hours = request_neighbours(&prober, whole, now, &mut on_hour).await;
    if hours.len() > 1 {
        hours.extend(request_newest(&prober, now, &mut on_hour).await);
    }
    let mut findings = findings::findings(provider.config, lag, prober.boundaries_error(), &hours);
    if provider.config.version.rules().vehicles_apart
        && let Some((_, _, sample)) = findings::inspected(&hours)
    {
        findings.push(findings::vehicles(sample, &prober.vehicles().await));
    }
    Ok(ProbeReport {
        conclusion: Conclusion::of(&findings),
        findings,
        provider: name.clone(),
        hours,
    })
}

/// Requests the hour, its neighbours and a future hour. If the first request fails, it is the only
/// one.
async fn request_neighbours(
    prober: &Prober<'_>,
    whole: Hour,
    now: DateTime<Utc>,
    on_hour: &mut (impl FnMut(&ProbedHour) + Send),
) -> Vec<ProbedHour> {
    let week_before = Hour::containing(whole.start() - TimeDelta::weeks(1));
    let mut hours = Vec::new();
    for (purpose, hour) in [
        (Purpose::Whole, whole),
        (Purpose::Again, whole),
        (Purpose::Neighbour, whole.previous()),
        (Purpose::Old, week_before),
        (Purpose::Future, Hour::containing(now + TimeDelta::hours(2))),
    ] {
        let probed = prober.request(purpose, hour).await;
        on_hour(&probed);
        let is_refused = purpose == Purpose::Whole && probed.has_failed();
        hours.push(probed);
        if is_refused {
            break;
        }
    }
    hours
}

/// Requests older and older hours until one has trips.
async fn request_newest(
    prober: &Prober<'_>,
    now: DateTime<Utc>,
    on_hour: &mut (impl FnMut(&ProbedHour) + Send),
) -> Vec<ProbedHour> {
    let mut hours = Vec::new();
    for age in AGES {
        let hour = Hour::containing(now - TimeDelta::hours(age + 1));
        let probed = prober.request(Purpose::Newest { age }, hour).await;
        on_hour(&probed);
        let is_newest = probed.trips() > 0;
        hours.push(probed);
        if is_newest {
            break;
        }
    }
    hours
}

/// The last busy hour that ended before `ended_by`.
fn busy_hour(ctx: &Context, ended_by: DateTime<Utc>) -> Hour {
    let last = Hour::containing(ended_by).previous();
    std::iter::successors(Some(last), |hour| Some(hour.previous()))
        .take(25)
        .find(|hour| hour.label(ctx.zone()).ends_with(BUSY_HOUR))
        .unwrap_or(last)
}
