//! The Map runs of an execution: how many blocks are in each state, and which failed.

use std::collections::BTreeSet;

use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus, MapRunItemCounts};
use serde::Serialize;
use serde_json::Value;
use trips::words::counted;

use crate::aws::answer::refusal;
use crate::aws::client::Executions;
use crate::aws::watch::error_message;

/// How many failed blocks are named. The summary and `api.run_blocks` have the others.
const MAX_NAMED: usize = 50;

/// The Map run that an execution is in, or was in at its end.
#[derive(Debug, Clone)]
pub(crate) struct MapRun {
    arn: String,
    pub(crate) counts: Counts,
}

/// Number of blocks in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) total: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) timed_out: u64,
    pub(crate) aborted: u64,
    pub(crate) running: u64,
}

impl Counts {
    fn of(counts: &MapRunItemCounts) -> Self {
        let number = |n: i64| u64::try_from(n).unwrap_or_default();
        Self {
            total: number(counts.total()),
            succeeded: number(counts.succeeded()),
            failed: number(counts.failed()),
            timed_out: number(counts.timed_out()),
            aborted: number(counts.aborted()),
            running: number(counts.running()),
        }
    }

    fn without_success(self) -> u64 {
        self.failed + self.timed_out + self.aborted
    }

    pub(crate) fn ended(self) -> u64 {
        self.succeeded + self.without_success()
    }

    pub(crate) fn message(self) -> String {
        let now = match self {
            Self { total: 0, .. } => return "planning".to_owned(),
            it if it.total == it.ended() => "summarizing".to_owned(),
            Self { running, .. } => format!("{running} under way"),
        };
        match self.without_success() {
            0 => now,
            failed => format!("{now}, {failed} failed"),
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let open = self.total.saturating_sub(self.ended());
        write!(
            f,
            "of {} {} succeeded, {} failed",
            counted(self.total, "block"),
            self.succeeded,
            self.failed
        )?;
        for (count, how) in [
            (self.timed_out, "timed out"),
            (self.aborted, "were stopped"),
            (open, "did not end"),
        ] {
            if count > 0 {
                write!(f, ", {count} {how}")?;
            }
        }
        Ok(())
    }
}

/// A block whose child execution failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FailedBlock {
    provider: Option<String>,
    label: Option<String>,
    error: String,
    message: String,
}

impl std::fmt::Display for FailedBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        write!(
            f,
            "{} {}: {}",
            known(&self.provider),
            known(&self.label),
            self.error
        )?;
        match self.message.as_str() {
            "" => Ok(()),
            message => write!(f, ": {message}"),
        }
    }
}

/// The failed blocks that were named so far.
#[derive(Debug, Default)]
pub(crate) struct FailedBlocks {
    map_run: String,
    seen: BTreeSet<String>,
    pub(crate) named: Vec<FailedBlock>,
    is_refused: bool,
}

impl FailedBlocks {
    /// Finds the blocks of a Map run that failed since the last call.
    pub(crate) async fn new_ones(
        &mut self,
        executions: &Executions,
        run: &MapRun,
    ) -> anyhow::Result<Vec<FailedBlock>> {
        if self.map_run != run.arn {
            // The Map was tried again, with child executions of its own.
            self.map_run.clone_from(&run.arn);
            self.seen.clear();
        }
        let failed = usize::try_from(run.counts.without_success())?;
        if self.is_refused || failed <= self.seen.len() || self.named.len() >= MAX_NAMED {
            return Ok(Vec::new());
        }
        let named = self.named.len();
        let found = self.find(executions, run).await;
        self.is_refused = found.is_err();
        found?;
        Ok(self.named[named..].to_vec())
    }

    async fn find(&mut self, executions: &Executions, run: &MapRun) -> anyhow::Result<()> {
        for (count, status) in [
            (run.counts.failed, ExecutionStatus::Failed),
            (run.counts.timed_out, ExecutionStatus::TimedOut),
            (run.counts.aborted, ExecutionStatus::Aborted),
        ] {
            if count == 0 {
                continue;
            }
            for child in executions.children(&run.arn, status).await? {
                if self.named.len() < MAX_NAMED && self.seen.insert(child.execution_arn.clone()) {
                    self.named.push(executions.failed_block(&child).await?);
                }
            }
        }
        Ok(())
    }
}

impl Executions {
    /// The Map run that has begun last, or `None` before the Map state has begun. A Map that was
    /// tried again has several, in no particular order.
    pub(crate) async fn map_run(&self, arn: &str) -> anyhow::Result<Option<MapRun>> {
        let mut runs = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .client()
                .list_map_runs()
                .execution_arn(arn)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| refusal(&error))?;
            runs.extend(page.map_runs);
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        let Some(newest) = runs.into_iter().max_by_key(|run| *run.start_date()) else {
            return Ok(None);
        };
        let described = self
            .client()
            .describe_map_run()
            .map_run_arn(newest.map_run_arn())
            .send()
            .await
            .map_err(|error| refusal(&error))?;
        Ok(Some(MapRun {
            arn: newest.map_run_arn,
            counts: described
                .item_counts
                .as_ref()
                .map(Counts::of)
                .unwrap_or_default(),
        }))
    }

    /// The first child executions of a Map run with this status, as many as are named.
    async fn children(
        &self,
        map_run: &str,
        status: ExecutionStatus,
    ) -> anyhow::Result<Vec<ExecutionListItem>> {
        let mut children = Vec::new();
        let mut next = None;
        while children.len() < MAX_NAMED {
            let page = self
                .client()
                .list_executions()
                .map_run_arn(map_run)
                .status_filter(status.clone())
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| refusal(&error))?;
            children.extend(page.executions);
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(children)
    }

    async fn failed_block(&self, child: &ExecutionListItem) -> anyhow::Result<FailedBlock> {
        let execution = self.describe(child.execution_arn()).await?;
        let item: Value =
            serde_json::from_str(execution.input().unwrap_or_default()).unwrap_or_default();
        let text = |member: &str| item[member].as_str().map(str::to_owned);
        let status = execution.status().as_str();
        Ok(FailedBlock {
            provider: text("provider"),
            label: text("label").or_else(|| Some(child.name().to_owned())),
            error: execution.error().unwrap_or(status).to_owned(),
            message: error_message(execution.cause().unwrap_or_default()),
        })
    }
}
