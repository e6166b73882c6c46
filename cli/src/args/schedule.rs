//! `mds schedule`.

use clap::{Args, Subcommand};
use pipeline::PlanRequest;

use super::providers::{ProviderArg, names};

/// `mds schedule`.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Remove hours that were planned by mistake and with which nothing was done: no archive, no
    /// trip, and no run at work on them. All other hours stay.
    Forget(ForgetArgs),
}

/// `mds schedule forget`.
#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    /// A provider's name in the providers file, several with commas or repeated, or `all`.
    #[arg(long, value_name = "NAME|all", value_delimiter = ',', required = true)]
    pub(crate) provider: Vec<ProviderArg>,

    /// Start of the range, inclusive: civil hour `yyyy-mm-dd-hh` or an RFC 3339 instant.
    #[arg(long, value_name = "HOUR")]
    pub(crate) time_min: String,

    /// End of the range, exclusive; same formats.
    #[arg(long, value_name = "HOUR")]
    pub(crate) time_max: String,

    /// Only count them.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl ForgetArgs {
    pub(crate) fn request(&self) -> PlanRequest {
        PlanRequest {
            providers: names(&self.provider),
            time_min: Some(self.time_min.clone()),
            time_max: Some(self.time_max.clone()),
            dry_run: self.dry_run,
            ..PlanRequest::default()
        }
    }
}
