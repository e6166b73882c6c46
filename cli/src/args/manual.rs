//! `mds completions` and `mds man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// `mds completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// `mds man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder for the pages, one for each command. It is made if there is none.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
}
