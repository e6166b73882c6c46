//! One module per command.

mod archive;
mod ask;
mod audit;
mod config;
mod connect;
#[cfg(feature = "sandbox")]
mod demo;
#[cfg(feature = "sandbox")]
mod demo_folder;
mod doctor;
mod init;
mod manual;
mod migrate;
mod probe;
mod report;
mod rotate_key;
pub(crate) mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod schedule;
mod status;
mod step;

pub(crate) use init::secrets as init_secrets;

use std::process::ExitCode;

use trips::status::Step;

use crate::args::{Cli, Command, ConfigCommand};
use crate::progress::Progress;
use crate::signals::until_stopped;

pub(crate) async fn dispatch(cli: Cli, progress: Progress) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Run(args) => run::run(&args, cli.json, &progress).await,
        Command::Extract(args) => step::one_step(Step::Extract, &args, cli.json, &progress).await,
        Command::SyncDb(args) => step::one_step(Step::SyncDb, &args, cli.json, &progress).await,
        Command::SyncSocrata(args) => {
            step::one_step(Step::SyncSocrata, &args, cli.json, &progress).await
        }
        Command::Audit(args) => Box::pin(audit::audit(&args, cli.json, &progress)).await,
        Command::Probe(args) => until_stopped(probe::probe(&args, cli.json)).await,
        Command::Init(args) => until_stopped(Box::pin(init::init(&args, cli.json))).await,
        Command::Doctor(args) => until_stopped(doctor::doctor(&args, cli.json)).await,
        Command::Status(args) => until_stopped(status::status(&args, cli.json)).await,
        Command::Report(command) => until_stopped(report::report(&command, cli.json)).await,
        Command::Schedule(command) => until_stopped(schedule::schedule(&command, cli.json)).await,
        Command::Archive(command) => until_stopped(archive::archive(command, cli.json)).await,
        // Ctrl-C in the editor is the editor's.
        Command::Config(ConfigCommand::Edit(args)) => Box::pin(config::edit(&args, cli.json)).await,
        Command::Config(command) => {
            until_stopped(config::config(command, cli.json, &progress)).await
        }
        Command::Migrate(args) => until_stopped(migrate::migrate(args, cli.json)).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => sandbox::sandbox(&args).await,
        #[cfg(feature = "sandbox")]
        Command::Demo(args) => Box::pin(demo::demo(&args, &progress)).await,
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    }
}
