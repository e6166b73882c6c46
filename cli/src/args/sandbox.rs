//! The arguments of `mds sandbox` and `mds demo`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use sandbox_provider::{MdsVersion, Oddity};
use trips::block::ProviderName;

/// `mds sandbox`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    pub(crate) only: Option<SandboxCommand>,

    /// Where database, bucket and portal keep their data; kept afterwards. [default: a folder that
    /// is removed]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,

    /// Write the environment variables that `mds --env-file` reads to this file.
    #[arg(long, value_name = "FILE", default_value = "sandbox.env")]
    pub(crate) write_env: PathBuf,

    /// Mean trips an hour of each provider.
    #[arg(long, default_value_t = 60, value_name = "N")]
    pub(crate) trips_per_hour: u32,
}

/// A part of the sandbox by itself.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// One provider of any MDS version, as odd as you like; prints its entry for the providers
    /// file.
    Provider(SandboxProviderArgs),

    /// Measure how long a Lambda function's binary takes from its start to its first request for an
    /// event; prints one number of milliseconds a line. For `make lambda-figures`.
    #[command(hide = true)]
    FunctionStarts(FunctionStartsArgs),
}

/// `mds sandbox function-starts`.
#[derive(Debug, Args)]
pub(crate) struct FunctionStartsArgs {
    /// The function's binary.
    pub(crate) binary: PathBuf,

    /// How often to start it.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) count: u32,
}

/// `mds sandbox provider`.
#[derive(Debug, Args)]
pub(crate) struct SandboxProviderArgs {
    /// Its name in the printed entry.
    #[arg(long, default_value = "heron")]
    pub(crate) name: ProviderName,

    /// The MDS version it speaks: 0.2, 0.3, 0.4, 1.0, 1.1, 1.2 or 2.0.
    #[arg(long, default_value = "1.2", value_name = "VERSION")]
    pub(crate) mds_version: MdsVersion,

    /// Mean trips an hour.
    #[arg(long, default_value_t = 60, value_name = "N")]
    pub(crate) trips_per_hour: u32,

    /// Trips on a page, in the versions that have pages. [default: one page]
    #[arg(long, value_name = "N")]
    pub(crate) page_size: Option<usize>,

    /// Hours after its end before an hour is published.
    #[arg(long, default_value_t = 0, value_name = "HOURS")]
    pub(crate) lag: u32,

    /// Seconds that a token lives; with it, the login is OAuth with client credentials.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) token_lives: Option<u64>,

    /// What it does otherwise than MDS says; can be given several times.
    #[arg(long, value_parser = oddity(), value_name = "ODDITY")]
    pub(crate) odd: Vec<Oddity>,

    /// Another number, another city's trips.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,

    /// The port on loopback; 0 for any.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) port: u16,
}

fn oddity() -> impl TypedValueParser<Value = Oddity> {
    let values =
        Oddity::ALL.map(|oddity| PossibleValue::new(oddity.name()).help(oddity.description()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Oddity>())
}

/// `mds demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where everything is kept to look at afterwards.
    #[arg(long, value_name = "FOLDER", default_value = "target/demo")]
    pub(crate) folder: PathBuf,
}
