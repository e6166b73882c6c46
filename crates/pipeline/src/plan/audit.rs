//! A plan of what an audit has found: the blocks whose rows differ are published again, and nothing
//! else.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use store::OwnerBlock;
use trips::block::ProviderName;
use uuid::Uuid;

use super::start::is_before_active;
use super::{Plan, PlanRow, PlannedBlock, Planner};
use crate::audit::{Audit, AuditDepth, Repair, audit, deletable_rows, delete_extra_rows, record};
use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::PlanRequest;

/// What the audit of a plan has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditSummary {
    /// Hours that were compared.
    pub hours: u64,
    /// Hours that differ.
    pub hours_that_differ: u64,
    /// Rows that only the database has.
    pub missing: u64,
    /// Rows that the portal has with another content.
    pub different: u64,
    /// Rows that only the portal has.
    pub extra: u64,
    /// Of the extra rows, those that the plan has deleted; none in a dry run.
    pub extra_deleted: u64,
    /// Of the extra rows, those that no repair deletes, because the database does not have the
    /// blocks of their hours, or because they are many and the database has never had their trips.
    pub extra_held_back: u64,
    /// Rows that differ, and that are left as they are: those that are held back, and those of
    /// blocks that the plan leaves out or that do not exist. No later audit does more about them.
    pub left: u64,
    /// Which hours the rows that are held back are of, what these lack, and what to do; `None` if
    /// there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
}

/// Compares the portal with the database, and plans to publish again what differs. Rows that only
/// the portal has belong to no block, so they are deleted here.
pub(super) async fn plan_audit(
    ctx: &Context,
    request: &PlanRequest,
    run_id: Uuid,
    on_block: impl FnMut(&PlannedBlock) + Send,
) -> Result<Plan, PipelineError> {
    check(request)?;
    let mut audit = audit(ctx, request, AuditDepth::Sums, |_| {}).await?;
    // Nobody reads a note of a schedule's run.
    if let Some(error) = audit.not_recorded.take() {
        return Err(error);
    }
    plan_blocks(ctx, request, run_id, &audit, on_block).await
}

/// Plans to publish again what an audit has found to differ, and deletes the rows that only the
/// portal has.
///
/// # Errors
///
/// Those of [`plan()`](super::plan()); `BlockBusy` if others upload all the time.
pub async fn plan_repair(
    ctx: &Context,
    request: &PlanRequest,
    audit: &Audit,
) -> Result<Plan, PipelineError> {
    plan_blocks(ctx, request, request.run_id()?, audit, |_| {}).await
}

fn check(request: &PlanRequest) -> Result<(), PipelineError> {
    let wrong = |why| Err(PipelineError::new(ErrorName::InvalidInput, why));
    if request.no_sync_socrata {
        return wrong("an audit publishes what differs: leave out no_sync_socrata, or audit");
    }
    if request.incomplete_only {
        return wrong("audit and incomplete_only choose different blocks: give one of them");
    }
    Ok(())
}

async fn plan_blocks(
    ctx: &Context,
    request: &PlanRequest,
    run_id: Uuid,
    audit: &Audit,
    mut on_block: impl FnMut(&PlannedBlock) + Send,
) -> Result<Plan, PipelineError> {
    let request = PlanRequest {
        audit: true,
        force: true,
        no_extract: true,
        no_sync_db: true,
        ..request.clone()
    };
    let mut planner = Planner::start(ctx, &request, run_id, &[]).await?;
    planner.plan.not_ended = audit.report.not_ended;
    let mut planned = BTreeSet::new();
    for owner in &audit.blocks {
        if is_before_active(ctx, &request, &owner.block)? {
            planner.plan.before_start += 1;
            continue;
        }
        if let Some(block) = planner.add(row(owner)).await? {
            on_block(&block);
            planned.insert((block.provider, block.label));
        }
    }
    let mut summary = summary(audit);
    let mut left = left_by_provider(audit, &planned);
    let (deletable, held_back) = deletable_rows(ctx, audit, request.accept_losses).await?;
    summary.extra_held_back = held_back.rows;
    summary.held_back = held_back.message(ctx);
    if held_back.rows > 0 {
        *left.entry(None).or_default() += held_back.rows;
    }
    summary.left = left.values().sum();
    if let Some(why) = &summary.held_back {
        tracing::warn!(
            audit.held_back = held_back.rows,
            audit.reason = why,
            "rows kept that only the portal has"
        );
    }
    if !request.dry_run {
        summary.extra_deleted = delete_extra_rows(ctx, &deletable).await?;
    }
    record(ctx, &request, audit, Some(&Repair { run_id, left })).await?;
    planner.plan.audit = Some(summary);
    let plan = planner.finish().await?;
    plan.log();
    Ok(plan)
}

/// The missing and different rows of which nothing is planned, by provider; none for rows that no
/// block owns. Providers without such rows are left out.
fn left_by_provider(
    audit: &Audit,
    planned: &BTreeSet<(ProviderName, String)>,
) -> BTreeMap<Option<ProviderName>, u64> {
    let mut left = BTreeMap::new();
    let hours = audit.report.different_hours.iter();
    for block in hours.flat_map(|hour| &hour.blocks) {
        let rows = block.missing + block.different;
        let name = block.provider.clone().zip(block.label.clone());
        if rows > 0 && name.is_none_or(|name| !planned.contains(&name)) {
            *left.entry(block.provider.clone()).or_default() += rows;
        }
    }
    left
}

fn row(owner: &OwnerBlock) -> PlanRow {
    PlanRow {
        block: owner.block.clone(),
        schedule_id: Some(owner.schedule_id),
        status: owner.status,
        is_refetch_due: false,
        is_publishable: true,
        is_waiting: false,
        lacks_side_data: false,
    }
}

fn summary(audit: &Audit) -> AuditSummary {
    let report = &audit.report;
    AuditSummary {
        hours: report.hours,
        hours_that_differ: report.different_hours.len() as u64,
        missing: report.missing,
        different: report.different,
        extra: report.extra,
        extra_deleted: 0,
        extra_held_back: 0,
        left: 0,
        held_back: None,
    }
}
