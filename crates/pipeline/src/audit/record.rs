//! What an audit has found is recorded for the status page, one row for each provider.

use std::collections::BTreeMap;

use store::AuditFinding;
use trips::block::ProviderName;
use uuid::Uuid;

use super::{Audit, chosen};
use crate::context::Context;
use crate::error::PipelineError;
use crate::event::PlanRequest;

/// What is done about the rows that an audit has found to differ.
pub(crate) struct Repair {
    /// The run that publishes them again.
    pub(crate) run_id: Uuid,
    /// How many rows it leaves as they are, by provider; none for rows that belong to none.
    pub(crate) left: BTreeMap<Option<ProviderName>, u64>,
}

/// Records the findings, and their repair if there is one. A dry run records nothing.
pub(crate) async fn record(
    ctx: &Context,
    request: &PlanRequest,
    audit: &Audit,
    repair: Option<&Repair>,
) -> Result<(), PipelineError> {
    let Some(range) = audit.range.filter(|_| !request.dry_run) else {
        return Ok(());
    };
    let mut findings = findings(audit, asked_about(ctx, request)?);
    for finding in &mut findings {
        let left = repair.and_then(|repair| repair.left.get(&finding.provider));
        finding.rows_left = left.copied().unwrap_or(0);
    }
    let run_id = repair.map(|repair| repair.run_id);
    ctx.store().record_audit(range, run_id, &findings).await?;
    Ok(())
}

/// The providers that are asked about, so that one without rows is known to be compared, too.
fn asked_about(ctx: &Context, request: &PlanRequest) -> Result<Vec<ProviderName>, PipelineError> {
    Ok(match chosen(request)? {
        Some(names) => names.into_iter().collect(),
        None => ctx.providers().map(|it| it.name.clone()).collect(),
    })
}

/// The counts of all periods by provider. Rows that belong to none have an entry in any case.
fn findings(audit: &Audit, providers: Vec<ProviderName>) -> Vec<AuditFinding> {
    let names = providers.into_iter().map(Some).chain([None]);
    let mut findings: BTreeMap<_, _> = names
        .map(|provider| (provider, AuditFinding::default()))
        .collect();
    for period in &audit.report.periods {
        let finding = findings.entry(period.provider.clone()).or_default();
        finding.database_rows += period.database_rows;
        finding.missing += period.missing;
        finding.different += period.different;
        finding.waiting += period.waiting;
        finding.extra += period.extra;
    }
    findings
        .into_iter()
        .map(|(provider, finding)| AuditFinding {
            provider,
            ..finding
        })
        .collect()
}
