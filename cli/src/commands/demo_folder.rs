//! The folder of `mds demo`, which the next demo empties. Nothing else may be deleted.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;

use crate::failure;

/// Shows that a demo made the folder. Without it, files that have the names of a demo's may be
/// those of a sandbox, or of anybody.
const MARKER: &str = "made-by-mds-demo";
const MARKER_TEXT: &str = "`mds demo` made this folder, and empties it when it starts again.\n";
/// What a demo leaves in its folder, apart from the marker.
const LEFTOVERS: [&str; 5] = [
    "postgres",
    "s3",
    "portal.jsonl",
    "fernet.key",
    local_stack::STARTS_FOLDER,
];
/// The folders of the bucket.
const BUCKET: &str = "mds";
const PREFIXES: [&str; 3] = ["staging", "config", "boundaries"];

/// Creates the folder, or deletes what the last demo left in it.
///
/// # Errors
///
/// Something in the folder is not from a demo. Then nothing is deleted.
pub(super) fn prepare(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() && !folder.is_dir() {
        return Err(failure::usage(format!(
            "--folder {} is a file; name a folder, or a place where there is nothing yet",
            folder.display()
        )));
    }
    let names = names(folder).with_context(|| folder.display().to_string())?;
    if !names.is_empty() {
        check(folder, &names)?;
        clear(folder)?;
    }
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join(MARKER), MARKER_TEXT))
        .with_context(|| folder.display().to_string())
}

fn check(folder: &Path, names: &[String]) -> anyhow::Result<()> {
    let is_ours = |name: &String| name == MARKER || LEFTOVERS.contains(&name.as_str());
    if let Some(foreign) = names.iter().find(|name| !is_ours(name)) {
        return Err(refusal(folder, foreign));
    }
    if !names.iter().any(|name| name == MARKER) {
        return Err(refusal(folder, &names[0]));
    }
    let store = folder.join("s3");
    // The server keeps its records in hidden files next to the bucket.
    let is_stored = |name: &str| name == BUCKET || name.starts_with('.');
    check_names(folder, &store, is_stored)?;
    check_names(folder, &store.join(BUCKET), |name| PREFIXES.contains(&name))
}

fn check_names(folder: &Path, inner: &Path, is_ours: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let names = names(inner).with_context(|| inner.display().to_string())?;
    match names.iter().find(|name| !is_ours(name)) {
        Some(foreign) => {
            let shown = inner.strip_prefix(folder).unwrap_or(inner).join(foreign);
            Err(refusal(folder, &shown.display().to_string()))
        }
        None => Ok(()),
    }
}

fn refusal(folder: &Path, name: &str) -> anyhow::Error {
    failure::usage(format!(
        "{} contains {name}, which is not from a demo; choose another --folder",
        folder.display()
    ))
}

/// Deletes the marker last, so that a demo that is stopped here can start again.
fn clear(folder: &Path) -> anyhow::Result<()> {
    for name in LEFTOVERS {
        let path = folder.join(name);
        // A link to a folder is deleted, and not what it points to.
        let removed = match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        removed.with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The names in a folder; none if there is no folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = entries
        .map(|entry| Ok(lossy(&entry?.file_name())))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

fn lossy(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
