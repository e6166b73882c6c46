//! `mds config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ProviderKeys;

/// `mds config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print a configuration file, decrypted, with its secrets hidden.
    Get {
        /// `providers`, `settings` or a key in the bucket.
        name: String,
        /// Print it as it is stored, byte for byte, with its secrets.
        #[arg(long)]
        reveal: bool,
        /// A former version: its number or id in `mds config history`, or a time at which it was
        /// the current one.
        #[arg(long, value_name = "ID|TIME")]
        version: Option<String>,
        #[command(flatten)]
        stage: StageArgs,
    },
    /// Check a local file, show what it changes, keep the former version, and store it, encrypted.
    Put {
        /// `providers`, `settings` or a key in the bucket.
        name: String,
        /// The file to store; `-` for standard input.
        file: PathBuf,
        #[command(flatten)]
        options: PutArgs,
        #[command(flatten)]
        stage: StageArgs,
    },
    /// Edit a stored file in `$VISUAL` or `$EDITOR`, check it, show what changes, and store it.
    Edit(EditArgs),
    /// Compare a stored file with a local one or with a former version; secrets stay hidden. Exit
    /// status 1 if they differ.
    Diff(DiffArgs),
    /// List the former versions of a file.
    History {
        /// `providers`, `settings` or a key in the bucket.
        name: String,
        #[command(flatten)]
        stage: StageArgs,
    },
    /// Print the JSON schema of a file, with which editors check and complete it.
    Schema {
        /// `providers` or `settings`.
        name: String,
    },
    /// Add, edit, enable, disable and list providers.
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// List the configuration files of the stage and the boundaries in the bucket.
    List {
        #[command(flatten)]
        stage: StageArgs,
    },
    /// Check the stored files and the boundaries that they name, as `put` does.
    Check {
        #[command(flatten)]
        stage: StageArgs,
    },
    /// Re-encrypt every object under a prefix with the first key of ATD_MDS_FERNET_KEY. Can be
    /// stopped and resumed.
    RotateKey(RotateArgs),
}

/// `mds config provider`.
#[derive(Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    /// Add a provider, disabled. On a terminal, what is required and not given is asked for.
    Add(AddProviderArgs),
    /// Change keys of a provider's entry; the rest of the file stays as it is written.
    Edit(EditProviderArgs),
    /// Include a provider in runs over all providers, and say from which hour on.
    Enable {
        /// The provider's name in the providers file.
        name: String,
        /// The first hour that schedules request: civil hour `yyyy-mm-dd-hh` or an RFC 3339
        /// instant. [default: as in the entry]
        #[arg(long, value_name = "HOUR")]
        active_from: Option<String>,
        #[command(flatten)]
        stage: StageArgs,
    },
    /// Leave a provider out of runs over all providers, and keep its entry.
    Disable {
        /// The provider's name in the providers file.
        name: String,
        #[command(flatten)]
        stage: StageArgs,
    },
    /// List the providers and whether their entries can be used.
    List {
        #[command(flatten)]
        stage: StageArgs,
    },
}

/// `mds config provider add`.
#[derive(Debug, Args)]
pub(crate) struct AddProviderArgs {
    /// The provider's name: lower-case letters, digits, `_` and `-`.
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) keys: ProviderKeys,

    /// Include it in runs over all providers at once.
    #[arg(long)]
    pub(crate) enable: bool,

    /// Then request a few hours and report what is wrong with the feed, as `mds probe` does.
    #[arg(long, conflicts_with = "production")]
    pub(crate) probe: bool,

    #[command(flatten)]
    pub(crate) stage: StageArgs,
}

/// `mds config provider edit`.
#[derive(Debug, Args)]
pub(crate) struct EditProviderArgs {
    /// The provider's name in the providers file.
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) keys: ProviderKeys,

    /// Remove a key from the entry, so that its default holds; may be repeated.
    #[arg(long, value_name = "KEY")]
    pub(crate) unset: Vec<String>,

    #[command(flatten)]
    pub(crate) stage: StageArgs,
}

/// `mds config edit`.
#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    /// `providers`, `settings` or a key in the bucket.
    pub(crate) name: String,

    /// Begin with a former version: its number or id in `mds config history`, or a time at which it
    /// was the current one.
    #[arg(long, value_name = "ID|TIME")]
    pub(crate) version: Option<String>,

    /// Store without asking. Required where standard input is no terminal.
    #[arg(long)]
    pub(crate) yes: bool,

    /// Store providers that lack entries of the stored file, or replace a file that no key opens.
    #[arg(long)]
    pub(crate) accept_removal: bool,

    #[command(flatten)]
    pub(crate) stage: StageArgs,
}

/// `mds config diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// `providers`, `settings` or a key in the bucket.
    pub(crate) name: String,

    /// The local file, which is compared with the stored one; `-` for standard input. [default: the
    /// stored file, compared with its last former version]
    pub(crate) file: Option<PathBuf>,

    /// Compare with this former version: its number or id in `mds config history`, or a time at
    /// which it was the current one. With FILE, FILE is compared with it, else the stored file.
    #[arg(long, value_name = "ID|TIME")]
    pub(crate) version: Option<String>,

    #[command(flatten)]
    pub(crate) stage: StageArgs,
}

/// `mds config rotate-key`.
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// Only objects whose key starts with PREFIX. [default: all]
    #[arg(
        long,
        default_value = "",
        value_name = "PREFIX",
        hide_default_value = true
    )]
    pub(crate) prefix: String,

    /// Then delete the older versions that a versioned bucket keeps of these objects, which the
    /// older keys still open. They cannot be restored.
    #[arg(long)]
    pub(crate) purge_versions: bool,
}

/// How `mds config put` stores a file.
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// Store it unencrypted.
    #[arg(long)]
    pub(crate) plain_text: bool,

    /// Store providers that lack entries of the stored file, or replace a file that no key opens.
    #[arg(long)]
    pub(crate) accept_removal: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StageArgs {
    /// Use the files of the stage `production`, whatever ATD_MDS_RUN_MODE says.
    #[arg(long)]
    pub(crate) production: bool,
}
