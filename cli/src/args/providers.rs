//! `--provider`, the same in every command that takes several.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use trips::block::ProviderName;

use super::{ArchiveCommand, Cli, Command, ScheduleCommand};
use crate::failure::usage;

/// One of the names after `--provider`; names are separated by commas, and the option can be
/// repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProviderArg {
    /// Every enabled provider.
    All,
    /// A name; whether it can be one shows once the providers file is read.
    Name(String),
}

impl FromStr for ProviderArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.trim() {
            "all" => Self::All,
            name => Self::Name(name.to_owned()),
        })
    }
}

impl fmt::Display for ProviderArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Name(name) => name,
        })
    }
}

/// The names as a request has them.
pub(crate) fn names(providers: &[ProviderArg]) -> Vec<String> {
    providers.iter().map(ToString::to_string).collect()
}

/// Reads the one provider of a command that looks at a single feed or block.
pub(crate) fn one(text: &str) -> Result<String, String> {
    if text == "all" || text.contains(',') {
        return Err("one provider is meant here: give its name in the providers file".to_owned());
    }
    text.parse::<ProviderName>()
        .map(|name| name.to_string())
        .map_err(|error| error.to_string())
}

impl Cli {
    /// Checks what no single option can tell.
    ///
    /// # Errors
    ///
    /// A wrong usage.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let providers = match &self.command {
            Command::Run(args) => {
                if args.no_extract && args.no_sync_db && args.no_sync_socrata {
                    return Err(usage(
                        "no step is left to do: leave out one of --no-extract, --no-sync-db and --no-sync-socrata",
                    ));
                }
                &args.blocks.provider
            }
            Command::Extract(args) | Command::SyncDb(args) | Command::SyncSocrata(args) => {
                &args.blocks.provider
            }
            Command::Audit(args) => &args.provider,
            Command::Status(args) => &args.provider,
            Command::Schedule(ScheduleCommand::Forget(args)) => &args.provider,
            Command::Archive(ArchiveCommand::List(args)) => &args.provider,
            _ => return Ok(()),
        };
        if providers.len() > 1 && providers.contains(&ProviderArg::All) {
            return Err(usage(
                "--provider all stands alone: it means every enabled provider",
            ));
        }
        for provider in providers {
            if let ProviderArg::Name(name) = provider {
                name.parse::<ProviderName>()
                    .map_err(|error| usage(format!("--provider: {error}")))?;
            }
        }
        Ok(())
    }
}
