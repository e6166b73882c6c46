//! The folders of this machine that the container sees: those of the files that the options name,
//! and of AWS's profiles.

use std::collections::BTreeSet;
use std::env as process;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use clap::ArgMatches;

use super::env;
use crate::args::{ProviderKeys, Source};
use crate::failure;
use crate::output::STANDARD;

/// The file of variables is read by this process.
const ENV_FILE: &str = "env_file";
const HOME: &str = "/home/mds";

/// Mounts every folder that the options name, and the folder of every file, at the place that it
/// has here, so that the paths lead to the same files.
pub(super) fn pass(
    command: &mut Command,
    matches: &ArgMatches,
    folder: &Path,
) -> anyhow::Result<()> {
    let mut folders = BTreeSet::new();
    for file in files(matches) {
        folders.insert(folder_of(absolute(folder, &file))?);
    }
    for folder in &folders {
        command.arg("--mount").arg(bind(folder, folder, false));
    }
    if !folders.is_empty() {
        command.arg("--workdir").arg(folder);
    }
    // Several variables may name one file, or a folder and a file in it. An engine refuses a place
    // that is given twice.
    let mut mounted = folders;
    let named: BTreeSet<PathBuf> = env::files().map(|(_, path)| path).collect();
    for path in named {
        if !mounted.iter().any(|it| holds(it, &path)) {
            command.arg("--mount").arg(bind(&path, &path, true));
            mounted.insert(path);
        }
    }
    let profiles = process::home_dir().map(|home| home.join(".aws"));
    let has_keys = process::var_os("AWS_ACCESS_KEY_ID").is_some();
    if let Some(profiles) = profiles.filter(|it| !has_keys && it.is_dir()) {
        let inside = Path::new(HOME).join(".aws");
        command.arg("--mount").arg(bind(&profiles, &inside, true));
        command.arg("--env").arg(format!("HOME={HOME}"));
    }
    Ok(())
}

/// The values of all options that are paths, of the command and of those around it.
fn files(matches: &ArgMatches) -> BTreeSet<PathBuf> {
    let mut found: BTreeSet<PathBuf> = BTreeSet::new();
    let mut open = Some(matches);
    while let Some(matches) = open {
        for id in matches.ids().filter(|id| id.as_str() != ENV_FILE) {
            // Fails for options of another type, and for groups.
            let Ok(Some(values)) = matches.try_get_many::<PathBuf>(id.as_str()) else {
                continue;
            };
            found.extend(values.cloned());
        }
        found.extend(ProviderKeys::named(matches, Source::File).map(PathBuf::from));
        open = matches.subcommand().map(|(_, inner)| inner);
    }
    found.remove(Path::new(STANDARD));
    found
}

/// The path from the root, without `.` and `..`, which need not exist.
fn absolute(folder: &Path, file: &Path) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.join(file).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path
}

/// Whether the file or folder is seen through the folder. A link in it may lead elsewhere.
fn holds(folder: &Path, path: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    let is_inside = || {
        real(path)
            .zip(real(folder))
            .map(|(path, it)| path.starts_with(it))
    };
    path == folder || (path.starts_with(folder) && is_inside() == Some(true))
}

/// The folder itself, or that of a file or of a folder that does not exist yet.
fn folder_of(path: PathBuf) -> anyhow::Result<PathBuf> {
    if path.is_dir() && path.parent().is_some() {
        return Ok(path);
    }
    parent(&path)
}

fn parent(file: &Path) -> anyhow::Result<PathBuf> {
    match file.parent() {
        Some(folder) if folder.parent().is_some() => Ok(folder.to_owned()),
        _ => Err(failure::usage(format!(
            "{} lies in the root folder, which a container has for itself; move it into a folder",
            file.display()
        ))),
    }
}

/// The value of `--mount`: fields of comma-separated values.
fn bind(from: &Path, to: &Path, is_readonly: bool) -> OsString {
    let field = |name: &str, path: &Path| {
        let text = format!("{name}={}", path.display());
        if text.contains([',', '"']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text
        }
    };
    let mut value = format!(
        "type=bind,{},{}",
        field("source", from),
        field("target", to)
    );
    if is_readonly {
        value.push_str(",readonly");
    }
    value.into()
}
