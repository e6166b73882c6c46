//! `mds archive`.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

use super::RangeArgs;
use super::providers::ProviderArg;

/// `mds archive`.
#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// Print an object of an hour, decrypted: the trips as the provider sent them, the report of
    /// their requests, the rejected ones with their reasons, or the rows for the portal.
    Get(ArchiveGetArgs),
    /// List the objects of each hour with their sizes and times.
    List(ArchiveListArgs),
}

/// `mds archive get`.
#[derive(Debug, Args)]
pub(crate) struct ArchiveGetArgs {
    /// A provider's name.
    #[arg(long, value_name = "NAME", value_parser = super::providers::one)]
    pub(crate) provider: String,

    /// The block's label, which is the end of its hour: civil hour `yyyy-mm-dd-hh`, with a `b` for
    /// the second occurrence of a repeated hour, or an RFC 3339 instant.
    #[arg(long, value_name = "LABEL")]
    pub(crate) time_max: String,

    /// Which object: `trips`, `refused` (the last response that was not believed), `extract` (what
    /// was requested and what came), `rejects`, `publish`, `telemetry`, or a name that `mds archive
    /// list` shows, such as `trips.2020-01-03T05-00-12Z.json`.
    #[arg(long, value_name = "OBJECT", default_value = "trips")]
    pub(crate) object: ObjectName,

    /// How to write it. [default: `jsonl` for a list, `json` for `extract` and with `--json`]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,

    /// Write to FILE, or to standard output for `-`. With `--format json` it is what the `--file`
    /// of `mds sync-db` (trips) and `mds sync-socrata` (publish) read.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "-",
        hide_default_value = true
    )]
    pub(crate) file: PathBuf,
}

/// `mds archive list`.
#[derive(Debug, Args)]
pub(crate) struct ArchiveListArgs {
    /// A provider's name, several with commas or repeated, or `all` for every provider of the
    /// providers file.
    #[arg(long, value_name = "NAME|all", value_delimiter = ',', required = true)]
    pub(crate) provider: Vec<ProviderArg>,

    #[command(flatten)]
    pub(crate) range: RangeArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// As it is stored, byte for byte.
    Json,
    /// One element on each line; its numbers keep their digits.
    Jsonl,
    /// A FeatureCollection with the route of each trip, for `trips`, `refused` and `rejects`.
    Geojson,
}

/// The last part of an object's key, such as `trips.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectName(pub(crate) String);

impl FromStr for ObjectName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let stem = text.strip_suffix(".json").unwrap_or(text);
        let stem = if stem == "refused" {
            "trips.refused"
        } else {
            stem
        };
        Ok(Self(format!("{stem}.json")))
    }
}
