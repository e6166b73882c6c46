//! `mds report`: what the loaded data amounts to.

mod privacy;
mod trips;

use std::process::ExitCode;

use crate::args::ReportCommand;

pub(crate) async fn report(command: &ReportCommand, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        ReportCommand::Privacy { month } => privacy::privacy(*month, json).await,
        ReportCommand::Trips(args) => trips::trips(args, json).await,
    }
}
