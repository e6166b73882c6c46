//! Rows of trips that the database has never had, if there are too many of them.

use trips::words::counted;

use crate::audit::Audit;
use crate::context::Context;

/// So few rows are deleted whatever their share: somebody has added them by hand.
const FEW: u64 = 20;

/// The share of the portal's rows, in percent, that may go without a question.
const MAX_PERCENT: u64 = 20;

/// So many rows of trips that the database has never had that somebody else may publish to the
/// dataset.
#[derive(Debug)]
pub(super) struct Strangers {
    /// How many the audit has collected.
    pub(super) rows: u64,
    /// How many rows the portal has in the hours of the audit.
    portal_rows: u64,
}

impl Strangers {
    /// `None` if the rows are few. An audit collects only so many of the rows that only the portal
    /// has: then the share of those counts for all.
    pub(super) fn among(audit: &Audit, rows: u64) -> Option<Self> {
        let collected = (audit.extra_rows.len() as u64).max(1);
        let all = rows.saturating_mul(audit.report.extra.max(collected)) / collected;
        let portal_rows = audit.report.portal_rows;
        let are_many = rows > FEW && all.saturating_mul(100) > portal_rows * MAX_PERCENT;
        are_many.then_some(Self { rows, portal_rows })
    }

    pub(super) fn message(&self, ctx: &Context) -> String {
        let dataset = ctx.portal().map_or_else(
            |_| "the dataset".to_owned(),
            |portal| format!("dataset {}", portal.dataset),
        );
        format!(
            "{} of trips that the database has never had, of {} that the portal has in these hours: does another stage \
             or another database publish to {dataset}, too? Each needs a dataset of its own. If these rows are to go, \
             `mds audit --repair --accept-losses` over the same hours deletes them",
            counted(self.rows, "row").with("is kept", "are kept"),
            self.portal_rows
        )
    }
}
