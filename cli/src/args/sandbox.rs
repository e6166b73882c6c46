//! The arguments of `mds sandbox` and `mds demo`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use sandbox_provider::{MdsVersion, Quirk};
use trips::block::ProviderName;

/// `mds sandbox`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    pub(crate) only: Option<SandboxCommand>,

    /// The folder for the data of database, bucket and portal, which is kept. [default: a temporary
    /// folder]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,

    /// Write the environment variables that `mds --env-file` reads to this file.
    #[arg(long, value_name = "FILE", default_value = "sandbox.env")]
    pub(crate) write_env: PathBuf,

    /// Mean number of trips per hour of each provider.
    #[arg(long, default_value_t = 60, value_name = "N")]
    pub(crate) trips_per_hour: u32,

    /// Let the bucket keep what is replaced or deleted, as a versioned one does.
    #[arg(long)]
    pub(crate) keep_versions: bool,
}

/// A single part of the sandbox.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Start one provider of any MDS version, with any quirks; print its entry for the providers
    /// file.
    Provider(SandboxProviderArgs),

    /// Measure the time from the start of a Lambda function's binary to its first request for an
    /// event; print the milliseconds of each start. For `make lambda-figures`.
    #[command(hide = true)]
    FunctionStarts(FunctionStartsArgs),
}

/// `mds sandbox function-starts`.
#[derive(Debug, Args)]
pub(crate) struct FunctionStartsArgs {
    /// The binary of the function.
    pub(crate) binary: PathBuf,

    /// How often to start it.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) count: u32,
}

/// `mds sandbox provider`.
#[derive(Debug, Args)]
pub(crate) struct SandboxProviderArgs {
    /// The name of the provider in the printed entry.
    #[arg(long, default_value = "heron")]
    pub(crate) name: ProviderName,

    /// The MDS version: 0.2, 0.3, 0.4, 1.0, 1.1, 1.2 or 2.0.
    #[arg(long, default_value = "1.2", value_name = "VERSION")]
    pub(crate) mds_version: MdsVersion,

    /// Mean number of trips per hour.
    #[arg(long, default_value_t = 60, value_name = "N")]
    pub(crate) trips_per_hour: u32,

    /// Trips per page, in the versions that have pages. [default: one page]
    #[arg(long, value_name = "N")]
    pub(crate) page_size: Option<usize>,

    /// How many hours after its end an hour is published.
    #[arg(long, default_value_t = 0, value_name = "HOURS")]
    pub(crate) lag: u32,

    /// Log in with OAuth client credentials; a token is valid for this many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) token_lives: Option<u64>,

    /// A deviation from MDS; can be given several times.
    #[arg(long, value_parser = quirk(), value_name = "QUIRK")]
    pub(crate) odd: Vec<Quirk>,

    /// Seed of the random trips.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,

    /// The port on loopback; 0 for a free one.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) port: u16,
}

fn quirk() -> impl TypedValueParser<Value = Quirk> {
    let values =
        Quirk::ALL.map(|quirk| PossibleValue::new(quirk.as_str()).help(quirk.description()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Quirk>())
}

/// `mds demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder for all data, which is kept.
    #[arg(long, value_name = "FOLDER", default_value = "target/demo")]
    pub(crate) folder: PathBuf,
}
