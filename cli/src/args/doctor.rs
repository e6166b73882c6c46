//! `mds doctor`.

use clap::Args;

/// `mds doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The longest time of each check, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) timeout: u64,
}
