//! `mds`: the pipeline from the command line (docs/CONTRACT.md, "The command line").
//!
//! Data goes to standard output; logs, progress and errors to standard error. The exit status is 0
//! when all is done, 1 when some block failed, 2 for wrong usage or configuration.

mod args;
mod aws;
mod commands;
mod env_file;
mod failure;
mod logs;
mod progress;
mod signals;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mds: {error:#}");
            failure::exit_code(&error)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Some(file) = &cli.env_file {
        env_file::load(file)?;
    }
    let progress = progress::Progress::new();
    logs::init(&cli, &progress);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(commands::dispatch(cli, progress))
}
