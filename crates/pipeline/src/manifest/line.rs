//! The lines of a manifest.
//!
//! A plan of ten years has more than a million of them, and they hardly differ. So one item for
//! each hour is written in full, and the parts of its text serve for the other providers.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use config::ConfigVersion;
use trips::block::Hour;
use trips::status::Step;
use uuid::Uuid;

use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, PlanRequest};
use crate::plan::PlannedBlock;

/// The members before which an item's text is cut.
const BEFORE_HOUR: &str = ",\"block_start\":";
const BEFORE_STEPS: &str = ",\"steps\":";
/// The member after whose name the number of its block stands.
const BEFORE_NUMBER: &str = "\"schedule_id\":";

/// Writes the items of a run.
pub(super) struct Line {
    run_id: Uuid,
    force: bool,
    accept_losses: bool,
    config: ConfigVersion,
    /// The text up to the number of the block.
    head: String,
    /// The text from the start of the hour up to the steps.
    hour: Option<(DateTime<Utc>, String)>,
    /// The text from the steps to the end, for all steps so far.
    tails: Vec<(Vec<Step>, String)>,
    text: String,
}

impl Line {
    pub(super) fn new(run_id: Uuid, request: &PlanRequest, config: ConfigVersion) -> Self {
        Self {
            run_id,
            force: request.force,
            accept_losses: request.accept_losses,
            config,
            head: String::new(),
            hour: None,
            tails: Vec::new(),
            text: String::new(),
        }
    }

    /// The JSON of the block's item, as serde writes it.
    pub(super) fn of(
        &mut self,
        schedule_id: i64,
        block: &PlannedBlock,
    ) -> Result<&str, PipelineError> {
        if !self.knows(block) {
            self.learn(schedule_id, block)?;
        }
        let Self { text, .. } = self;
        text.clear();
        text.push_str(&self.head);
        // Writing to a text does not fail.
        let _ = write!(text, "{schedule_id}");
        // A provider's name has no character that JSON escapes.
        text.push_str(",\"provider\":\"");
        text.push_str(block.provider.as_str());
        text.push('"');
        text.push_str(self.hour.as_ref().map_or("", |(_, hour)| hour));
        let tail = self.tails.iter().find(|(steps, _)| *steps == block.steps);
        text.push_str(tail.map_or("", |(_, tail)| tail));
        Ok(text)
    }

    fn knows(&self, block: &PlannedBlock) -> bool {
        let hour = self.hour.as_ref();
        hour.is_some_and(|(start, _)| *start == block.block_start)
            && self.tails.iter().any(|(steps, _)| *steps == block.steps)
    }

    /// Writes the block's item in full, and keeps the parts of its text.
    fn learn(&mut self, schedule_id: i64, block: &PlannedBlock) -> Result<(), PipelineError> {
        let unwritten = |why: &str| {
            PipelineError::new(ErrorName::Internal, format!("an item has no JSON: {why}"))
        };
        let text = serde_json::to_string(&self.item(schedule_id, block))
            .map_err(|error| unwritten(&error.to_string()))?;
        let (head, hour, tail) = cut(&text).ok_or_else(|| unwritten("a member is missing"))?;
        head.clone_into(&mut self.head);
        self.hour = Some((block.block_start, hour.to_owned()));
        self.tails.retain(|(steps, _)| *steps != block.steps);
        self.tails.push((block.steps.clone(), tail.to_owned()));
        Ok(())
    }

    pub(super) fn item(&self, schedule_id: i64, block: &PlannedBlock) -> BlockItem {
        let hour = Hour::containing(block.block_start);
        BlockItem {
            run_id: self.run_id,
            schedule_id,
            provider: block.provider.clone(),
            block_start: hour.start(),
            block_end: hour.end(),
            label: block.label.clone(),
            steps: block.steps.clone(),
            force: self.force,
            accept_losses: self.accept_losses,
            config: Some(self.config.clone()),
            extract: None,
            sync_db: None,
            sync_socrata: None,
        }
    }
}

/// The parts of an item's text: up to the number of its block, its hour, and the rest from its
/// steps on. What stands before these members cannot contain their names.
fn cut(text: &str) -> Option<(&str, &str, &str)> {
    let number = text.find(BEFORE_NUMBER)? + BEFORE_NUMBER.len();
    let hour = text.find(BEFORE_HOUR)?;
    let steps = text.find(BEFORE_STEPS)?;
    Some((
        text.get(..number)?,
        text.get(hour..steps)?,
        text.get(steps..)?,
    ))
}

#[cfg(test)]
mod tests;
