//! The variables that the container gets. Their values are never part of a command line, which
//! every user of the machine can read.

use std::collections::BTreeSet;
use std::env as process;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::ArgMatches;

use super::{ENV_FILE, IMAGE_VARIABLE};
use crate::args::{ProviderKeys, Source};
use crate::commands::init_secrets;
use crate::help;

/// Variables that lead to a file or folder of this machine.
const OF_THIS_MACHINE: [&str; 5] = ["EDITOR", "VISUAL", "PG_BIN", "TMPDIR", IMAGE_VARIABLE];
/// Variables that name a file or folder which the container gets as well.
const FILES: [&str; 6] = [
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];
/// Further variables of the AWS SDK, and those of proxies.
const PREFIXES: [&str; 3] = ["ATD_MDS", "AWS", "MDS"];
const PROXIES: [&str; 6] = [
    "ALL_PROXY",
    "NO_PROXY",
    "all_proxy",
    "https_proxy",
    "no_proxy",
    "HTTPS_PROXY",
];
const LOOPBACK: [&str; 3] = ["127.", "localhost", "[::1]"];

/// Passes on the file of variables and, by name, the variables of this process.
pub(super) fn pass(
    command: &mut Command,
    env_file: Option<&Path>,
    matches: &ArgMatches,
) -> anyhow::Result<()> {
    let mut names: BTreeSet<String> = process::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| is_passed(name))
        .collect();
    names.extend(of_command(matches).filter(|name| process::var_os(name).is_some()));
    if let Some(file) = env_file {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        names.extend(names_of(file)?);
        if text.lines().all(engine_reads) {
            command.arg(ENV_FILE).arg(file);
        }
    }
    let files: Vec<_> = files().map(|(name, _)| name).collect();
    names.retain(|name| {
        let is_missing = FILES.contains(&name.as_str()) && !files.contains(&name.as_str());
        !is_missing && !OF_THIS_MACHINE.contains(&name.as_str())
    });
    if names.iter().any(|name| leads_to_this_machine(name)) {
        command.arg("--network=host");
    }
    // Also those of the file: an engine takes quotes for a part of the value, and this process has
    // read the file already.
    for name in names {
        command.arg("--env").arg(name);
    }
    Ok(())
}

/// The variables that this command alone reads: the secrets of `mds init`, and those that options
/// name.
fn of_command(matches: &ArgMatches) -> impl Iterator<Item = String> {
    let is_init = matches.subcommand_name() == Some("init");
    let mut innermost = matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    let of_init = init_secrets().filter(move |_| is_init).map(str::to_owned);
    of_init.chain(ProviderKeys::named(innermost, Source::Variable))
}

/// The files and folders that variables of this process name, as far as they exist.
pub(super) fn files() -> impl Iterator<Item = (&'static str, PathBuf)> {
    FILES.into_iter().filter_map(|name| {
        let path = PathBuf::from(process::var_os(name)?);
        (path.is_absolute() && path.exists()).then_some((name, path))
    })
}

fn is_passed(name: &str) -> bool {
    help::variables().any(|known| known == name)
        || PREFIXES.iter().any(|prefix| {
            let rest = name.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.starts_with('_'))
        })
        || PROXIES.contains(&name)
}

/// The names that the file sets.
fn names_of(file: &Path) -> anyhow::Result<Vec<String>> {
    let pairs = dotenvy::from_path_iter(file).with_context(|| file.display().to_string())?;
    pairs
        .map(|pair| pair.map(|(name, _)| name))
        .collect::<Result<_, _>>()
        // The error would quote the line.
        .map_err(|_| anyhow::anyhow!("{} has a malformed line", file.display()))
}

/// Whether an engine accepts the line. It has no `export` and no values of several lines.
pub(super) fn engine_reads(line: &str) -> bool {
    let line = line.trim_start();
    let name = line.split('=').next().unwrap_or_default();
    line.is_empty()
        || line.starts_with('#')
        || (line.contains('=') && !name.is_empty() && !name.contains(char::is_whitespace))
}

/// Whether the variable is an address of this machine, as in a sandbox. In a network of its own,
/// the container would be that machine.
fn leads_to_this_machine(name: &str) -> bool {
    let is_address = name.starts_with("AWS_ENDPOINT_URL");
    let value = process::var(name).unwrap_or_default();
    let host = value.split("://").nth(1).unwrap_or_default();
    is_address && LOOPBACK.iter().any(|loopback| host.starts_with(loopback))
}
