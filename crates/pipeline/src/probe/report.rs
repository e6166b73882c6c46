//! What a probe reports: the hours that it requested and its findings.

use mds_client::HourReport;
use serde::Serialize;
use trips::block::ProviderName;

use super::sample::Sample;
use crate::error::ErrorName;

/// What a provider's feed is like.
#[derive(Debug, Serialize)]
pub struct ProbeReport {
    /// The provider's short name.
    pub provider: ProviderName,
    /// The hours that were requested, in this order.
    pub hours: Vec<ProbedHour>,
    /// What the responses show.
    pub findings: Vec<Finding>,
    /// What follows from the findings.
    pub conclusion: Conclusion,
}

/// What follows from a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Hours can be archived.
    CanBeIngested,
    /// Trips would be lost or damaged if hours were archived now.
    Harmful,
    /// The provider gave no hour that could be looked at, so nothing is known about its feed.
    Unreachable,
}

impl Conclusion {
    pub(super) fn of(findings: &[Finding]) -> Self {
        let has = |verdict| findings.iter().any(|it| it.verdict == verdict);
        if has(Verdict::Unreachable) {
            Self::Unreachable
        } else if has(Verdict::Harm) {
            Self::Harmful
        } else {
            Self::CanBeIngested
        }
    }
}

/// One hour that was requested.
#[derive(Debug, Serialize)]
pub struct ProbedHour {
    /// Why it was requested.
    pub purpose: Purpose,
    /// The hour's label: its end in civil time.
    pub label: String,
    /// How the request ended.
    #[serde(rename = "answer")]
    pub outcome: HourOutcome,
    /// How long the request took.
    pub seconds: f64,
    #[serde(skip)]
    pub(crate) sample: Option<Sample>,
}

/// Why an hour was requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// An hour that should be complete.
    Whole,
    /// The same hour once more.
    Again,
    /// The hour before it.
    Neighbour,
    /// The hour one week before it.
    Old,
    /// An hour in the future.
    Future,
    /// A search for the newest hour with trips.
    Newest {
        /// How many hours ago the hour ended.
        age: i64,
    },
}

/// How the request for an hour ended.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HourOutcome {
    /// The provider returned the hour, with or without trips.
    Ready(HourReport),
    /// The provider has not published the hour yet.
    NotYet {
        /// The HTTP status that says so.
        http_status: u16,
    },
    /// The provider had no service in that hour.
    NotOperating,
    /// The request failed.
    Failed {
        /// The error's name.
        name: ErrorName,
        /// What happened.
        message: String,
        /// The provider's own words about it, if there are any: with tokens, ids and places
        /// hidden.
        said: Option<String>,
        /// Whether there was no answer that tells anything about the feed.
        #[serde(skip)]
        is_unreachable: bool,
    },
}

/// What a probe found about one aspect of a feed.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The aspect.
    pub about: &'static str,
    /// Whether it needs attention.
    pub verdict: Verdict,
    /// What was found.
    pub text: String,
    /// The line of the provider's entry that repairs it, if there is one.
    pub remedy: Option<String>,
}

/// Whether a finding needs attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing; the pipeline copes with it.
    Note,
    /// Trips would be lost or damaged.
    Harm,
    /// Nothing is known, since there was no answer.
    Unreachable,
}

impl ProbedHour {
    /// The number of trips that the provider returned.
    #[must_use]
    pub fn trips(&self) -> u64 {
        self.sample.as_ref().map_or(0, |sample| sample.trips)
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.outcome, HourOutcome::Failed { .. })
    }
}
