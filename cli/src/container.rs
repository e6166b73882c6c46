//! `--docker-mode`: the same command in a container.
//!
//! The command line of the engine is printed and holds no value of a variable: the engine gets the
//! variables by name, from the environment that it inherits.

mod env;
mod mounts;

use std::env as process;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ArgMatches;

use crate::failure;

const FLAG: &str = "--docker-mode";
const ENV_FILE: &str = "--env-file";
const ENGINES: [&str; 2] = ["docker", "podman"];
const IMAGE_VARIABLE: &str = "MDS_IMAGE";
/// The image of this version.
const IMAGE: &str = env!("BUILD_IMAGE");
/// The variable that the image sets.
const IN_CONTAINER: &str = "MDS_IN_CONTAINER";

/// Whether this process runs in the image, where the flag has no effect. Scheduled jobs of the tool
/// that this one replaces give the flag to every command, wherever it runs.
pub(crate) fn is_inside() -> bool {
    process::var_os(IN_CONTAINER).is_some()
}

/// Replaces this process by the engine's, so that signals and the exit status are the command's
/// own. Returns only what went wrong. Call it after the environment file was loaded.
pub(crate) fn run(
    arguments: &[OsString],
    env_file: Option<&Path>,
    matches: &ArgMatches,
) -> anyhow::Error {
    match prepare(arguments, env_file, matches) {
        Ok(mut engine) => {
            note!("{}", shown(&engine));
            let program = engine.get_program().to_string_lossy().into_owned();
            let error = engine.exec();
            failure::usage(format!("{program} cannot be started: {error}"))
        }
        Err(error) => error,
    }
}

fn prepare(
    arguments: &[OsString],
    env_file: Option<&Path>,
    matches: &ArgMatches,
) -> anyhow::Result<Command> {
    refuse_absent(matches)?;
    let search_path = process::var_os("PATH").unwrap_or_default();
    let engine = find(&search_path)?;
    let folder = process::current_dir()?;
    let mut command = Command::new(&engine);
    command.args(["run", "--rm", "--interactive"]);
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        command.arg("--tty");
    }
    // The files that it writes belong to the caller.
    if let Ok(me) = fs::metadata("/proc/self") {
        if engine.ends_with("podman") && me.uid() != 0 {
            command.arg("--userns=keep-id");
        }
        command.arg(format!("--user={}:{}", me.uid(), me.gid()));
    }
    env::pass(&mut command, env_file, matches)?;
    mounts::pass(&mut command, matches, &folder)?;
    let image = process::var(IMAGE_VARIABLE)
        .ok()
        .filter(|image| !image.trim().is_empty());
    command.arg(image.as_deref().unwrap_or(IMAGE));
    command.args(inside(arguments));
    Ok(command)
}

/// Refuses what the image lacks, before a container starts: it has the released program and nothing
/// else.
fn refuse_absent(matches: &ArgMatches) -> anyhow::Result<()> {
    let lacks = match matches.subcommand() {
        Some((name @ ("sandbox" | "demo"), _)) => format!("the image has no `mds {name}`"),
        Some(("config", config)) if config.subcommand_name() == Some("edit") => {
            "the image has no editor for `mds config edit`".to_owned()
        }
        _ => return Ok(()),
    };
    Err(failure::usage(format!("{lacks}: leave out {FLAG}")))
}

/// The first engine that is installed.
fn find(search_path: &OsStr) -> anyhow::Result<PathBuf> {
    let is_program = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    ENGINES
        .iter()
        .flat_map(|name| process::split_paths(search_path).map(move |folder| folder.join(name)))
        .find(is_program)
        .ok_or_else(|| {
            failure::usage(format!(
                "{FLAG} needs a container engine, and neither docker nor podman is in PATH; install Docker \
                 (https://docs.docker.com/engine/install/) or Podman (https://podman.io), or leave out {FLAG}"
            ))
        })
}

/// The arguments of the command inside: without the flag, which would start a container in the
/// container, and without the file whose variables it gets from the engine.
fn inside(arguments: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == ENV_FILE {
            rest.next();
        } else if text != FLAG && !text.starts_with("--env-file=") {
            kept.push(argument.clone());
        }
    }
    kept
}

/// The command line, to be pasted into a shell.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name();
    let words = program.into_iter().chain(command.get_args());
    let quoted: Vec<_> = words.map(|word| quoted(&word.to_string_lossy())).collect();
    quoted.join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests;
