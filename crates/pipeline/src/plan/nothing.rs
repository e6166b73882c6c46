//! Why a plan has no blocks.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use trips::status::{BlockStatus, Step, StepSelection};
use trips::words::counted;

use super::Plan;
use crate::context::Context;
use crate::event::PlanRequest;

/// Why a plan has no blocks, as a word for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {
    /// The main reason.
    pub reason: NothingReason,
    /// Every reason with its count.
    pub message: String,
}

/// The main reason why a plan has no blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NothingReason {
    /// The chosen steps of blocks are done; or an audit has found no difference.
    Done,
    /// The chosen steps need an archive, and there is none.
    NotArchived,
    /// The chosen step publishes, and nothing is loaded.
    NotLoaded,
    /// The range is before the start of each provider.
    BeforeStart,
    /// The range lies in the future.
    NotEnded,
    /// The providers file has no provider, or none that is enabled.
    NoProvider,
}

/// Why a plan leaves a block out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOut {
    Done,
    NotArchived,
    NotLoaded,
}

/// Why a block with this status has no steps.
pub(super) fn left_out(status: BlockStatus, request: &PlanRequest) -> LeftOut {
    let chosen = request.steps();
    if request.force {
        // Only a plan that publishes leaves blocks out. To load one again that owns no trips would
        // bring none.
        return if status.has_done(Step::SyncDb) || !chosen.is_publish_only() {
            LeftOut::Done
        } else {
            LeftOut::NotLoaded
        };
    }
    let is_open = |step: &Step| !status.has_done(*step);
    let next = Step::ALL.into_iter().find(is_open);
    let is_waiting = Step::ALL
        .into_iter()
        .any(|step| chosen.includes(step) && is_open(&step));
    match next {
        Some(Step::Extract) if is_waiting => LeftOut::NotArchived,
        Some(Step::SyncDb) if is_waiting => LeftOut::NotLoaded,
        _ => LeftOut::Done,
    }
}

impl Nothing {
    /// Why this plan has no blocks; `None` if it has some.
    pub(super) fn of(plan: &Plan, steps: StepSelection, ctx: &Context) -> Option<Self> {
        if plan.block_count > 0 {
            return None;
        }
        let reason = main_reason(plan);
        let message = if reason == NothingReason::NoProvider {
            no_provider(ctx)
        } else {
            format!("nothing to do: {}", reasons(plan, steps))
        };
        Some(Self { reason, message })
    }

    /// Whether there was something to do, and it is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.reason == NothingReason::Done
    }
}

fn main_reason(plan: &Plan) -> NothingReason {
    let has_compared = plan.audit.as_ref().is_some_and(|audit| audit.hours > 0);
    if has_compared || plan.nothing_to_do > 0 {
        NothingReason::Done
    } else if plan.not_archived > 0 {
        NothingReason::NotArchived
    } else if plan.not_loaded > 0 {
        NothingReason::NotLoaded
    } else if plan.before_start > 0 {
        NothingReason::BeforeStart
    } else if plan.not_ended > 0 {
        NothingReason::NotEnded
    } else if plan.audit.is_none() && plan.providers.is_empty() {
        NothingReason::NoProvider
    } else {
        NothingReason::Done
    }
}

fn reasons(plan: &Plan, steps: StepSelection) -> String {
    let mut parts = Vec::new();
    if let Some(audit) = &plan.audit {
        parts.push(match audit.hours_that_differ {
            0 => format!(
                "portal and database agree in {}",
                counted(audit.hours, "hour")
            ),
            n if audit.left > 0 => format!(
                "{}, and {} left as they are, since no run mends them",
                counted(n, "hour").with("differs", "differ"),
                counted(audit.left, "row").with("is", "are")
            ),
            n => format!(
                "{}, and no block of these hours has to be published",
                counted(n, "hour").with("differs", "differ")
            ),
        });
    }
    if plan.nothing_to_do > 0 {
        parts.push(format!(
            "{} done already ({})",
            counted(plan.nothing_to_do, "block").with("is", "are"),
            by_status(plan)
        ));
    }
    let needed = if steps.sync_db {
        "mds extract"
    } else {
        "mds run"
    };
    for (count, one, several) in [
        (
            plan.not_archived,
            format!("is not archived yet; `{needed}` requests it from its provider"),
            format!("are not archived yet; `{needed}` requests them from their providers"),
        ),
        (
            plan.not_loaded,
            "is not loaded yet; `mds sync-db` loads it".to_owned(),
            "are not loaded yet; `mds sync-db` loads them".to_owned(),
        ),
        (
            plan.before_start,
            "is from before its provider's start (`active_from`); --provider with its name includes it".to_owned(),
            "are from before their provider's start (`active_from`); --provider with its name includes them".to_owned(),
        ),
        (
            plan.not_ended,
            "has not ended yet".to_owned(),
            "have not ended yet".to_owned(),
        ),
    ] {
        if count > 0 {
            parts.push(counted(count, "block").with(&one, &several));
        }
    }
    let mut text = parts.join("; ");
    if main_reason(plan) == NothingReason::NotEnded {
        text.insert_str(0, "the range lies in the future: ");
        text.push_str("; check its times and this machine's clock");
    }
    text
}

/// `20 published, 4 no trips`.
fn by_status(plan: &Plan) -> String {
    let mut counts = BTreeMap::<BlockStatus, u64>::new();
    for provider in &plan.providers {
        for (status, n) in &provider.done {
            *counts.entry(*status).or_default() += n;
        }
    }
    let mut text = String::new();
    for (status, n) in counts.iter().rev() {
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}{n} {}", status.as_str());
    }
    text
}

fn no_provider(ctx: &Context) -> String {
    let file = &ctx.config().env.providers_key;
    let known: Vec<_> = ctx.providers().map(|it| it.name.as_str()).collect();
    if known.is_empty() {
        return format!(
            "no provider is configured: {file} is empty; `mds config provider add NAME` adds one"
        );
    }
    format!(
        "no provider is enabled: {file} has {}; `mds config provider enable NAME` enables one, and --provider \
         with its name includes it at any time",
        known.join(", ")
    )
}

#[cfg(test)]
mod tests;
