//! `mds status`.

use std::path::PathBuf;

use clap::Args;
use pipeline::StatusRequest;

use super::providers::{ProviderArg, names};

/// `mds status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only this provider; several with commas or repeated. [default: every enabled one]
    #[arg(long, value_name = "NAME|all", value_delimiter = ',')]
    pub(crate) provider: Vec<ProviderArg>,

    /// The first day or civil hour to look at: `yyyy-mm-dd` or `yyyy-mm-dd-hh`. [default: 35 days
    /// ago]
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Write a page for a browser: to FILE, for `-` to standard output, or for `s3` to the bucket
    /// as `{stage}/status.html`.
    #[arg(long, value_name = "FILE|-|s3")]
    pub(crate) html: Option<PathBuf>,
}

impl StatusArgs {
    pub(crate) fn request(&self) -> StatusRequest {
        StatusRequest {
            providers: names(&self.provider),
            since: self.since.clone(),
        }
    }
}
