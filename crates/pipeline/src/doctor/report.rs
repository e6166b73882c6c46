//! What a check has found.

use std::pin::Pin;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::timeout;
use trips::named_enum;

named_enum! {
    /// How a check ended.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Outcome {
        /// It is as it should be.
        Ok => "ok",
        /// Runs work, but somebody should look at it.
        Warning => "warning",
        /// Runs fail.
        Broken => "broken",
        /// It could not be tried, or there is nothing to try.
        NotTried => "not_tried",
    }
}

/// The result of a check, without its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    outcome: Outcome,
    finding: String,
    remedy: Option<String>,
}

impl Verdict {
    /// It is as it should be.
    #[must_use]
    pub fn ok(finding: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Ok,
            finding: finding.into(),
            remedy: None,
        }
    }

    /// Runs work, but somebody should do `remedy`.
    #[must_use]
    pub fn warning(finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Warning,
            finding: finding.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// Runs fail until somebody does `remedy`.
    #[must_use]
    pub fn broken(finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Broken,
            finding: finding.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// This verdict, or another one if there is nothing to say.
    pub(super) fn unless_ok(self, other: impl FnOnce() -> Self) -> Self {
        if self.outcome == Outcome::Ok {
            other()
        } else {
            self
        }
    }

    /// Why it was not tried.
    #[must_use]
    pub fn not_tried(why: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::NotTried,
            finding: why.into(),
            remedy: None,
        }
    }
}

/// One check and what it has found. Holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What was checked.
    pub check: &'static str,
    /// Which one, if there are several: a provider, a layer, a bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found, in a sentence.
    pub finding: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

impl Check {
    /// A check that takes no time.
    #[must_use]
    pub fn at_once(check: &'static str, verdict: Verdict) -> Self {
        Self::new(check, None, verdict, Duration::ZERO)
    }

    fn new(check: &'static str, about: Option<String>, verdict: Verdict, took: Duration) -> Self {
        let Verdict {
            outcome,
            finding,
            remedy,
        } = verdict;
        Self {
            check,
            about,
            outcome,
            finding,
            remedy,
            seconds: (took.as_secs_f64() * 1_000.0).round() / 1_000.0,
        }
    }

    pub(super) fn about(self, about: impl Into<String>) -> Self {
        Self {
            about: Some(about.into()),
            ..self
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.outcome == Outcome::Broken
    }
}

/// All checks, in the order in which a set-up is made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DoctorReport {
    /// The checks.
    pub checks: Vec<Check>,
}

impl DoctorReport {
    /// How many checks ended like this.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        let checks = self.checks.iter();
        checks.filter(|check| check.outcome == outcome).count()
    }

    /// Whether a run would fail.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.count(Outcome::Broken) > 0
    }
}

/// A piece of work that ends with some checks.
pub(super) type Job<'a> = Pin<Box<dyn Future<Output = Vec<Check>> + Send + 'a>>;

/// Runs a check for at most `limit`.
pub(super) async fn timed(
    check: &'static str,
    about: Option<String>,
    limit: Duration,
    work: impl Future<Output = Verdict>,
) -> Check {
    let began = Instant::now();
    let verdict = timeout(limit, work).await.unwrap_or_else(|_| {
        Verdict::broken(
            format!("no answer within {} s", limit.as_secs()),
            "look whether a firewall or a security group is in the way",
        )
    });
    Check::new(check, about, verdict, began.elapsed())
}
