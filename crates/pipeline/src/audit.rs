//! `audit`: whether the portal has what the database has (docs/CONTRACT.md, "Audit").
//!
//! Both sides sum up the hours of a month with one query. Only hours that differ are compared row
//! by row, unless all of them shall be.

use std::collections::BTreeSet;

use chrono::Utc;
use store::OwnerBlock;
use trips::block::{Hour, HourRange, ProviderName, ResolvedRange};
use trips::public_row::PublicForm;

use self::findings::Findings;
use self::hours::{HourSums, months};
use self::portal::Dataset;
use crate::context::Context;
use crate::error::PipelineError;
use crate::event::PlanRequest;
use crate::plan::audited_range;

mod batches;
mod content;
mod findings;
mod held_back;
mod hours;
mod portal;
mod record;
mod repair;
mod report;
mod rows;

pub(crate) use self::findings::ExtraRow;
pub(crate) use self::held_back::deletable_rows;
pub(crate) use self::record::{Repair, record};
pub(crate) use self::repair::delete_extra_rows;
pub use self::report::{AuditReport, BlockDifference, HourDifference, PeriodCounts};

/// What an audit has found.
#[derive(Debug)]
pub struct Audit {
    /// The counts, for people and programs.
    pub report: AuditReport,
    /// The hours that were compared; `None` if nothing has ended.
    pub(crate) range: Option<HourRange>,
    /// The blocks whose rows differ.
    pub(crate) blocks: Vec<OwnerBlock>,
    /// Rows that only the portal has, as many as are deleted at a time.
    pub(crate) extra_rows: Vec<ExtraRow>,
    /// The hours in which the database or the portal has rows.
    pub(crate) hours_with_rows: BTreeSet<Hour>,
    /// Why the findings could not be recorded, as for a login that may only read.
    pub not_recorded: Option<PipelineError>,
}

/// Which hours are compared row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditDepth {
    /// Those whose sums differ.
    Sums,
    /// All of them.
    Rows,
}

/// How far an audit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditProgress {
    /// Hours that are compared.
    pub hours: u64,
    /// Hours of the audit.
    pub all_hours: u64,
    /// Compared hours that differ.
    pub hours_that_differ: u64,
}

/// Compares the portal with the database, over the providers and hours of a request. Changes
/// nothing but the record of the last audit, without which the findings are still good. Calls
/// `on_month` after each month.
///
/// Rows that only the portal has belong to no provider and are always found.
///
/// # Errors
///
/// `InvalidInput` for a request that makes no sense, `ConfigInvalid` if a setting is missing or the
/// dataset does not fit, `SocrataThrottled`, `SocrataUnavailable`, `SocrataRejected`,
/// `DatabaseUnavailable`.
pub async fn audit(
    ctx: &Context,
    request: &PlanRequest,
    depth: AuditDepth,
    mut on_month: impl FnMut(AuditProgress) + Send,
) -> Result<Audit, PipelineError> {
    let asked = audited_range(ctx, request, Utc::now())?;
    let mut auditor = Auditor::start(ctx, depth).await?;
    let mut progress = AuditProgress {
        hours: 0,
        all_hours: asked.range.as_ref().map_or(0, HourRange::len),
        hours_that_differ: 0,
    };
    let mut compared = BTreeSet::new();
    for month in asked
        .range
        .iter()
        .flat_map(|range| months(*range, ctx.zone()))
    {
        progress.hours_that_differ += auditor.sum_up(month, &mut compared).await?;
        progress.hours += month.len();
        on_month(progress);
    }
    auditor.compare_rows(&compared).await?;
    if let Some(range) = asked.range {
        auditor.find_rows_without_end(range, &compared).await?;
    }
    auditor.finish(request, asked).await
}

/// An audit in the making.
struct Auditor<'a> {
    ctx: &'a Context,
    dataset: Dataset,
    depth: AuditDepth,
    form: PublicForm,
    findings: Findings,
}

impl<'a> Auditor<'a> {
    async fn start(ctx: &'a Context, depth: AuditDepth) -> Result<Self, PipelineError> {
        let portal = ctx.portal()?;
        portal.check_dataset().await?;
        Ok(Self {
            ctx,
            dataset: Dataset::new(portal.client),
            depth,
            form: ctx.public_form()?,
            findings: Findings::default(),
        })
    }

    /// Sums up the hours of a month on both sides. Adds those whose rows are to be compared, and
    /// returns how many differ.
    async fn sum_up(
        &mut self,
        month: HourRange,
        compared: &mut BTreeSet<Hour>,
    ) -> Result<u64, PipelineError> {
        let store = self.ctx.store();
        let (ours, theirs) = tokio::join!(
            store.hour_totals(month, self.form.times.rounding),
            self.dataset.hour_sums(month)
        );
        let (ours, theirs) = (ours?, theirs?);
        for totals in &ours {
            self.findings.add_database_rows(totals, self.ctx.zone());
        }
        let ours = HourSums::of_database(&ours, self.form.times.rounding);
        let hours: BTreeSet<Hour> = ours.keys().chain(theirs.keys()).copied().collect();
        let mut differing = 0;
        for hour in hours {
            let (our, their) = (ours.get(&hour), theirs.get(&hour));
            self.findings.hours_with_rows.insert(hour);
            self.findings.portal_rows += their.map_or(0, |sums| sums.rows);
            differing += u64::from(our != their);
            if our != their || self.depth == AuditDepth::Rows {
                let rows = |sums: Option<&HourSums>| sums.map_or(0, |sums| sums.rows);
                self.findings.add_hour(hour, rows(our), rows(their));
                compared.insert(hour);
            }
        }
        Ok(differing)
    }

    async fn finish(
        self,
        request: &PlanRequest,
        asked: ResolvedRange,
    ) -> Result<Audit, PipelineError> {
        let owners: Vec<i64> = self.findings.owners().collect();
        let blocks = self.ctx.store().owner_blocks(&owners).await?;
        let chosen = chosen(request)?;
        let mut audit = self
            .findings
            .into_audit(asked, blocks, &chosen, self.ctx.zone());
        tracing::info!(
            audit.hours = audit.report.hours,
            audit.hours_that_differ = audit.report.different_hours.len(),
            audit.missing = audit.report.missing,
            audit.different = audit.report.different,
            audit.extra = audit.report.extra,
            "portal compared with the database"
        );
        audit.not_recorded = record(self.ctx, request, &audit, None).await.err();
        Ok(audit)
    }
}

/// The providers whose blocks the request is about; `None` for all, also those that the providers
/// file no longer has.
fn chosen(request: &PlanRequest) -> Result<Option<BTreeSet<ProviderName>>, PipelineError> {
    let named = || request.provider.iter().chain(&request.providers);
    if named().any(|name| name == "all") {
        return Ok(None);
    }
    let names = named().map(|name| name.parse()).collect::<Result<_, _>>()?;
    Ok(Some(names))
}
