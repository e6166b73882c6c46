//! `mds`: the pipeline from the command line (docs/CONTRACT.md, "The command line").
//!
//! [`args`] defines the command line, [`commands`] has a module for each command, and [`aws`]
//! starts and follows executions of the state machine.
//!
//! Data goes to standard output; logs, progress and errors go to standard error. With `--json` the
//! data is one JSON document, and an error is one JSON object. The exit status is 0 if everything
//! succeeded, 1 if a block failed, 2 for wrong usage or configuration or if nothing that was asked
//! for exists, and 130 or 143 if the command was stopped.

/// Writes a line for a person to standard error. Unlike `eprintln!` it does not panic if nobody
/// reads there any more, as behind `2>&1 | head`.
macro_rules! note {
    ($($text:tt)*) => {
        $crate::output::note(format_args!("{}\n", format_args!($($text)*)))
    };
}

mod args;
mod aws;
mod commands;
mod container;
mod env_file;
mod failure;
mod help;
mod logs;
mod output;
mod progress;
mod signals;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::ArgMatches;

use crate::args::Cli;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let (cli, matches) =
        help::parse(arguments.iter().cloned()).unwrap_or_else(|error| failure::refuse(&error));
    let json = cli.json;
    match run(cli, &arguments, &matches) {
        Ok(code) => code,
        Err(error) => {
            failure::report(&error, json);
            failure::exit_code(&error)
        }
    }
}

fn run(cli: Cli, arguments: &[OsString], matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    cli.check()?;
    if let Some(file) = &cli.env_file {
        env_file::load(file)?;
    }
    if cli.docker_mode && !container::is_inside() {
        return Err(container::run(arguments, cli.env_file.as_deref(), matches));
    }
    let progress = progress::Progress::new();
    logs::init(&cli, &progress);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(commands::dispatch(cli, progress))
}
