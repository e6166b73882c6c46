//! Blocks that failed in a run and are no longer in the schedule: `mds schedule forget` has removed
//! them. The database knows only their numbers, so whoever has the plan names them.

use tokio_postgres::Client;
use trips::block::{Block, Hour};
use trips::time::CivilZone;
use uuid::Uuid;

use super::{
    FailedBlock, FailureGroup, MAX_NAMED, MAX_NAMED_IN_GROUP, ProviderSummary, RunSummary,
};
use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_count};

const COUNT: &str = "
    SELECT count(*) AS blocks FROM api.run_blocks b
    WHERE b.run_id = $1 AND b.outcome = 'failed'
      AND NOT EXISTS (SELECT FROM api.schedule s WHERE s.schedule_id = b.schedule_id)";

const AMONG: &str = "
    SELECT b.schedule_id, b.step, b.error_name, b.message FROM api.run_blocks b
    WHERE b.run_id = $1 AND b.schedule_id = ANY ($2) AND b.outcome = 'failed'
      AND NOT EXISTS (SELECT FROM api.schedule s WHERE s.schedule_id = b.schedule_id)";

/// A block that failed in a run and is no longer in the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedBlock {
    /// The id that its row had.
    pub schedule_id: i64,
    /// The step that failed.
    pub step: String,
    /// The error's name.
    pub error_name: Option<String>,
    /// The error's message.
    pub message: Option<String>,
}

/// How many of a run's failed blocks the schedule no longer has.
pub(super) async fn count(client: &Client, run_id: Uuid) -> Result<u64, StoreError> {
    let row = client.query_one(COUNT, &[&run_id]).await;
    let row = row.map_err(failed("summarizing a run"))?;
    read_count(&row, "blocks")
}

impl Store {
    /// Finds those of the given blocks that failed in a run and are no longer in the schedule.
    ///
    /// # Errors
    ///
    /// As [`Store::run_summary`].
    pub async fn removed_blocks(
        &self,
        run_id: Uuid,
        schedule_ids: &[i64],
    ) -> Result<Vec<RemovedBlock>, StoreError> {
        self.client()
            .await?
            .query(AMONG, &[&run_id, &schedule_ids])
            .await
            .map_err(failed("looking for blocks that were removed"))?
            .iter()
            .map(|row| {
                Ok(RemovedBlock {
                    schedule_id: get(row, "schedule_id")?,
                    step: get(row, "step")?,
                    error_name: get(row, "error_name")?,
                    message: get(row, "message")?,
                })
            })
            .collect()
    }
}

impl RunSummary {
    /// Number of failed blocks that belong to no provider yet, since the schedule no longer has
    /// them: [`add_removed`](Self::add_removed) adds each.
    #[must_use]
    pub fn removed(&self) -> u64 {
        let of_providers = self.providers.iter().map(|it| it.failed).sum();
        self.failed.saturating_sub(of_providers)
    }

    /// Names a failed block that the schedule no longer has. They are added in the order of time.
    pub fn add_removed(&mut self, block: &Block, removed: RemovedBlock, zone: &CivilZone) {
        let label = block.hour.label(zone);
        self.provider_of(block).failed += 1;
        if self.first_failed.len() < MAX_NAMED as usize {
            self.first_failed.push(FailedBlock {
                schedule_id: removed.schedule_id,
                provider: block.provider.clone(),
                label: label.clone(),
                block_start: block.hour,
                step: removed.step.clone(),
                error_name: removed.error_name.clone(),
                message: removed.message.clone(),
                command: block.command(zone),
            });
        }
        let same = self.failures.iter_mut().find(|group| {
            group.provider == block.provider
                && group.step == removed.step
                && group.error_name == removed.error_name
        });
        let Some(group) = same else {
            self.failures.push(FailureGroup {
                provider: block.provider.clone(),
                step: removed.step,
                error_name: removed.error_name,
                message: removed.message,
                blocks: 1,
                labels: vec![label],
                command: block.command(zone),
            });
            return;
        };
        let first = group.labels.first().map(|it| Hour::from_label(zone, it));
        if let Some(Ok(hour)) = first {
            let first = Block {
                hour,
                ..block.clone()
            };
            group.command = first.command_to(block.hour, zone);
        }
        group.blocks += 1;
        if group.labels.len() < MAX_NAMED_IN_GROUP as usize {
            group.labels.push(label);
        }
    }

    fn provider_of(&mut self, block: &Block) -> &mut ProviderSummary {
        let name = &block.provider;
        let found = self.providers.binary_search_by(|it| it.provider.cmp(name));
        let at = found.unwrap_or_else(|at| {
            self.providers
                .insert(at, ProviderSummary::new(name.clone()));
            at
        });
        &mut self.providers[at]
    }
}
