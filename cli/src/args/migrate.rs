//! The arguments of `mds migrate`.

use clap::{Args, ValueEnum};
use pipeline::HoursAre;

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Print what would be done and what is in its way, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// The time zone of times that an older tool stored without one.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) timestamps_in: String,

    /// Which end of an hour the columns year, month, day and hour of an older tool's schedule name.
    /// Without it, the archives' folders or the trips decide.
    #[arg(long, value_name = "WHICH")]
    pub(crate) hours_are: Option<WhichEnd>,
}

/// Which end of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhichEnd {
    /// Its start.
    Starts,
    /// Its end, as in the Python tool.
    Ends,
}

impl From<WhichEnd> for HoursAre {
    fn from(which: WhichEnd) -> Self {
        match which {
            WhichEnd::Starts => Self::Starts,
            WhichEnd::Ends => Self::Ends,
        }
    }
}
