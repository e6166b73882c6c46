//! How a run ended, for people and for programs.

mod table;
mod text;

use pipeline::{AuditSummary, Plan, RunEnd};
use serde_json::{Map, Value, json};
use trips::words::counted;

use crate::commands::audit::portal_has;
use crate::output;

pub(crate) use text::summary as summary_text;

/// A run that has ended, as far as it came.
pub(super) struct Report<'a> {
    pub(super) plan: &'a Plan,
    pub(super) end: &'a RunEnd,
    /// The exit status, if a signal stopped the run.
    pub(super) stopped: Option<u8>,
    pub(super) seconds: f64,
}

impl Report<'_> {
    /// Prints the report, and on standard error what has stopped the run.
    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        if self.stopped.is_some() {
            note!("{}", text::stopped(self.plan, self.end));
        } else {
            print_gave_up(self.end);
        }
        if json {
            return output::json(&self.document()?);
        }
        match &self.plan.nothing {
            Some(nothing) if nothing.is_done() => output::text(&nothing.message),
            // It is the command's error.
            Some(_) => Ok(()),
            None => output::text(&text::report(self)),
        }
    }

    fn document(&self) -> anyhow::Result<Map<String, Value>> {
        let Value::Object(mut document) = serde_json::to_value(&self.end.summary)? else {
            anyhow::bail!("a summary is a JSON object");
        };
        let plan = self.plan;
        let more = json!({
            "providers": table::rows(plan, &self.end.summary),
            "nothing_to_do": plan.nothing_to_do,
            "not_archived": plan.not_archived,
            "not_loaded": plan.not_loaded,
            "not_ended": plan.not_ended,
            "before_start": plan.before_start,
            "unusable_entries": plan.unusable_entries,
            "nothing": plan.nothing,
            "audit": plan.audit,
            "not_begun": self.end.not_begun,
            "gave_up": self.end.gave_up,
            "stopped": self.stopped.is_some(),
            "seconds": (self.seconds * 1000.0).round() / 1000.0,
        });
        if let Value::Object(more) = more {
            document.extend(more);
        }
        Ok(document)
    }
}

/// Says on standard error why a run has stopped trying.
pub(super) fn print_gave_up(end: &RunEnd) {
    if let Some(gave_up) = &end.gave_up {
        note!("{}", gave_up.with_rest(end.not_begun));
    }
}

/// Says on standard error which blocks of the range a plan leaves out.
pub(super) fn print_left_out(plan: &Plan) {
    if let Some(audit) = &plan.audit {
        note!(
            "audit of {}: {}; {}, of which {} are deleted",
            counted(audit.hours, "hour"),
            counted(audit.hours_that_differ, "hour").with("differs", "differ"),
            portal_has(audit.missing, audit.different, audit.extra),
            audit.extra_deleted
        );
        print_held_back(audit);
        let not_planned = audit.left.saturating_sub(audit.extra_held_back);
        if not_planned > 0 {
            note!(
                "{} of no block, or of hours before their provider's start (`active_from`), so this run leaves them as \
                 they are; `mds audit` over the same hours names them",
                counted(not_planned, "row").with("that differs is", "that differ are")
            );
        }
    }
    for line in text::left_out(plan) {
        note!("{line}");
    }
}

/// Says on standard error which rows an audit has left at the portal.
pub(crate) fn print_held_back(audit: &AuditSummary) {
    if let Some(held_back) = &audit.held_back {
        note!("{held_back}");
    }
}

/// Says on standard error that blocks are from before their provider's start.
pub(crate) fn print_before_start(plan: &Plan) {
    if let Some(line) = text::before_start(plan) {
        note!("{line}");
    }
}
