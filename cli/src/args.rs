//! The command line, as clap parses it.

mod archive;
mod audit;
mod config;
mod doctor;
mod init;
mod manual;
mod migrate;
mod provider_keys;
mod providers;
mod report;
#[cfg(feature = "sandbox")]
mod sandbox;
mod schedule;
mod status;

use std::path::PathBuf;

use chrono::Utc;
use clap::{Args, Parser, Subcommand, ValueEnum};
use pipeline::PlanRequest;

pub(crate) use archive::{ArchiveCommand, ArchiveGetArgs, ArchiveListArgs, Format};
pub(crate) use audit::AuditArgs;
pub(crate) use config::{
    AddProviderArgs, ConfigCommand, DiffArgs, EditArgs, EditProviderArgs, ProviderCommand, PutArgs,
    RotateArgs, StageArgs,
};
pub(crate) use doctor::DoctorArgs;
pub(crate) use init::{InitArgs, StageName};
pub(crate) use manual::{CompletionsArgs, ManArgs};
pub(crate) use migrate::MigrateArgs;
pub(crate) use provider_keys::{ProviderKeys, Source};
pub(crate) use providers::{ProviderArg, names};
pub(crate) use report::{ReportCommand, TripsArgs};
#[cfg(feature = "sandbox")]
pub(crate) use sandbox::{
    DemoArgs, FunctionStartsArgs, SandboxArgs, SandboxCommand, SandboxProviderArgs,
};
pub(crate) use schedule::{ForgetArgs, ScheduleCommand};
pub(crate) use status::StatusArgs;

/// Pulls shared-mobility trips hour by hour from MDS providers, archives them encrypted, loads them
/// into Postgres and publishes them to a Socrata portal.
#[derive(Debug, Parser)]
#[command(
    name = "mds",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Read environment variables from this file; they override those already set.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,

    /// Write no log lines, only progress and results.
    #[arg(long, global = true)]
    pub(crate) no_logs: bool,

    /// Print results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print the command that does the same in a container, and run it with docker or podman.
    #[arg(long, global = true)]
    pub(crate) docker_mode: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Plan a range of hours and run the remaining steps of each block.
    Run(RunArgs),
    /// Only pull hours from the provider into the archive.
    Extract(StepArgs),
    /// Only load archived hours into Postgres.
    SyncDb(StepArgs),
    /// Only publish loaded hours to the portal.
    SyncSocrata(StepArgs),
    /// Compare the portal with the database, and repair what differs.
    Audit(AuditArgs),
    /// Request a few hours from a provider and report what is wrong with its feed; writes nothing.
    Probe(ProbeArgs),
    /// Set up a city: make keys and files, check and store them, create the tables, probe a
    /// provider. Goes on where an earlier call stopped.
    Init(Box<InitArgs>),
    /// Try everything that a run needs, and say what is missing with the line that fixes it.
    Doctor(DoctorArgs),
    /// Show which hours are whole, per provider and day, and what to do about the others.
    Status(StatusArgs),
    /// Report on the data that is loaded.
    #[command(subcommand)]
    Report(ReportCommand),
    /// Change which hours are planned.
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Print and list what is archived of an hour.
    #[command(subcommand)]
    Archive(ArchiveCommand),
    /// Read and write the encrypted configuration; rotate its key.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Create or update the database's tables, or take over those of the Python tool.
    Migrate(MigrateArgs),
    /// Start providers, a portal, S3 and Postgres on loopback, to try commands with, until Ctrl-C.
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
    /// Show the whole job on embedded parts: no account, no network.
    #[cfg(feature = "sandbox")]
    Demo(DemoArgs),
    /// Print the completions of a shell.
    Completions(CompletionsArgs),
    /// Write a man page for each command.
    Man(ManArgs),
}

/// `mds probe`.
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// A provider's name in the providers file.
    #[arg(long, value_name = "NAME", value_parser = providers::one)]
    pub(crate) provider: String,

    /// End of the hour to check most closely: civil hour `yyyy-mm-dd-hh` or an RFC 3339 instant.
    /// [default: the last hour that ended at 18:00 and whose `lag_hours` have passed]
    #[arg(long, value_name = "HOUR")]
    pub(crate) time_max: Option<String>,
}

/// A range of hours.
#[derive(Debug, Args)]
pub(crate) struct RangeArgs {
    /// End of the range, exclusive: civil hour `yyyy-mm-dd-hh` or an RFC 3339 instant. [default:
    /// now]
    #[arg(long, value_name = "HOUR")]
    pub(crate) time_max: Option<String>,

    /// Start of the range, inclusive; same formats as `--time-max`.
    #[arg(long, value_name = "HOUR")]
    pub(crate) time_min: Option<String>,

    /// Length of the range in hours: before `--time-max` or, without it, from `--time-min`.
    /// [default: 1]
    #[arg(long, value_name = "HOURS")]
    pub(crate) interval: Option<u32>,
}

/// The choice of blocks, shared by the commands that run steps.
#[derive(Debug, Args)]
pub(crate) struct BlockArgs {
    /// A provider's name in the providers file, several with commas or repeated, or `all`.
    #[arg(long, value_name = "NAME|all", value_delimiter = ',', required = true)]
    pub(crate) provider: Vec<ProviderArg>,

    #[command(flatten)]
    pub(crate) range: RangeArgs,

    /// The newest hours that each provider should have by now: the last one ended `lag_hours` ago,
    /// or `MDS_LAG_HOURS` (30) if its entry has no `lag_hours`. `--interval` says how many.
    #[arg(long, conflicts_with_all = ["time_min", "time_max"])]
    pub(crate) scheduled: bool,

    /// Run the steps again, whatever the block's status.
    #[arg(long)]
    pub(crate) force: bool,

    /// Believe a provider whose response lacks trips that are loaded. Without it, such a response
    /// fails the block. With `mds run --audit`: delete also many rows of trips that the database
    /// has never had.
    #[arg(long)]
    pub(crate) accept_losses: bool,

    /// Only blocks that are not published yet; hours without trips are requested again.
    #[arg(long)]
    pub(crate) incomplete_only: bool,

    /// Print the plan, block by block, and write nothing anywhere. With `mds run --on aws`: print
    /// the execution's name and input, and start nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// With `--dry-run` on a terminal: print every block, not only the first 100.
    #[arg(long, requires = "dry_run")]
    pub(crate) full: bool,

    /// Do not ask before more than 20,000 blocks.
    #[arg(long)]
    pub(crate) yes: bool,

    /// Number of blocks to process at the same time: up to 10000 with `mds run --on aws`, else up
    /// to 1000.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(pipeline::MAX_CONCURRENCY)))]
    pub(crate) concurrency: u32,
}

/// `mds run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) blocks: BlockArgs,

    /// Skip the step that requests trips from the provider.
    #[arg(long)]
    pub(crate) no_extract: bool,

    /// Skip the step that loads trips into Postgres.
    #[arg(long)]
    pub(crate) no_sync_db: bool,

    /// Skip the step that publishes trips to the portal.
    #[arg(long)]
    pub(crate) no_sync_socrata: bool,

    /// Compare the portal with the database over the range, and publish again what differs, nothing
    /// else. Rows that only the portal has are deleted.
    #[arg(long, conflicts_with_all = ["no_sync_socrata", "incomplete_only"])]
    pub(crate) audit: bool,

    /// Where to run.
    #[arg(long, value_enum, default_value_t = Target::Local)]
    pub(crate) on: Target,

    /// With `--on aws`: wait until the execution ends, name each failed block with its error, print
    /// the summary and exit with its status.
    #[arg(long)]
    pub(crate) watch: bool,

    /// With `--on aws`: the execution's name. [default: derived from the request, so that the same
    /// request starts a second run only if the first one failed or had hours left. A request
    /// with hours to come, `--force`, `--accept-losses`, `--incomplete-only` or `--audit` may start
    /// one run in each hour]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// In this process.
    Local,
    /// In the state machine that ATD_MDS_STATE_MACHINE_ARN names.
    Aws,
}

/// `mds extract`, `mds sync-db`, `mds sync-socrata`.
#[derive(Debug, Args)]
pub(crate) struct StepArgs {
    #[command(flatten)]
    pub(crate) blocks: BlockArgs,

    /// A local file instead of the object in the bucket, for a single block. `extract` writes the
    /// trips to it and changes neither bucket nor database; the other steps read it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "incomplete_only"])]
    pub(crate) file: Option<PathBuf>,
}

impl BlockArgs {
    pub(crate) fn request(&self) -> PlanRequest {
        let mut providers = names(&self.provider);
        // An event names one provider by itself.
        let provider = (providers.len() == 1).then(|| providers.remove(0));
        PlanRequest {
            provider,
            providers,
            scheduled_time: self.scheduled.then(Utc::now),
            time_min: self.range.time_min.clone(),
            time_max: self.range.time_max.clone(),
            interval: self.range.interval,
            force: self.force,
            accept_losses: self.accept_losses,
            incomplete_only: self.incomplete_only,
            dry_run: self.dry_run,
            max_concurrency: Some(self.concurrency),
            ..PlanRequest::default()
        }
    }
}

impl RunArgs {
    pub(crate) fn request(&self) -> PlanRequest {
        PlanRequest {
            audit: self.audit,
            no_extract: self.no_extract,
            no_sync_db: self.no_sync_db,
            no_sync_socrata: self.no_sync_socrata,
            ..self.blocks.request()
        }
    }
}
