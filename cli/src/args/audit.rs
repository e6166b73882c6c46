//! `mds audit`.

use clap::{ArgGroup, Args};
use pipeline::{AuditDepth, PlanRequest};
use trips::time::Month;

use super::providers::{ProviderArg, names};

/// `mds audit`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("range").required(true).multiple(true).args(["month", "time_min", "time_max"])))]
pub(crate) struct AuditArgs {
    /// Only blocks of this provider; several with commas or repeated. Rows that only the portal has
    /// belong to no provider and are always reported.
    #[arg(
        long,
        value_name = "NAME|all",
        default_value = "all",
        value_delimiter = ','
    )]
    pub(crate) provider: Vec<ProviderArg>,

    /// A civil month, `yyyy-mm`.
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["time_min", "time_max"])]
    pub(crate) month: Option<Month>,

    /// Start of the range, inclusive: civil hour `yyyy-mm-dd-hh` or an RFC 3339 instant.
    #[arg(long, value_name = "HOUR", requires = "time_max")]
    pub(crate) time_min: Option<String>,

    /// End of the range, exclusive; same formats.
    #[arg(long, value_name = "HOUR", requires = "time_min")]
    pub(crate) time_max: Option<String>,

    /// Compare every row of the range, also in hours whose sums agree. Sums do not show everything
    /// that somebody has edited at the portal, nor device ids that were published before
    /// `PUBLIC_DEVICE_ID_PERIOD` changed.
    #[arg(long)]
    pub(crate) rows: bool,

    /// Delete the rows that only the portal has, publish again the blocks whose rows differ, and
    /// compare once more.
    #[arg(long)]
    pub(crate) repair: bool,

    /// Delete also many rows of trips that the database has never had. Without it, more than a
    /// fifth of the portal's rows are kept: another stage may publish to the same dataset.
    #[arg(long, requires = "repair")]
    pub(crate) accept_losses: bool,
}

impl AuditArgs {
    pub(crate) fn depth(&self) -> AuditDepth {
        if self.rows {
            AuditDepth::Rows
        } else {
            AuditDepth::Sums
        }
    }

    pub(crate) fn request(&self) -> PlanRequest {
        let start = |month: Month| month.first_day().format("%Y-%m-%d-00").to_string();
        let (time_min, time_max) = match self.month {
            Some(month) => (Some(start(month)), month.next().map(start)),
            None => (self.time_min.clone(), self.time_max.clone()),
        };
        PlanRequest {
            providers: names(&self.provider),
            time_min,
            time_max,
            audit: true,
            accept_losses: self.accept_losses,
            ..PlanRequest::default()
        }
    }
}
