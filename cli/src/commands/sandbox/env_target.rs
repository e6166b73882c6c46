//! The file that `mds sandbox` writes its variables to. A file that is not from a sandbox stays as
//! it is.

use std::fs;
use std::io;
use std::path::Path;

use crate::failure;

/// The bucket of every sandbox.
const BUCKET: &str = "ATD_MDS_BUCKET";
const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const LOOPBACK: [&str; 2] = ["http://127.0.0.1:", "http://localhost:"];

/// Refuses a file that a sandbox may not overwrite.
pub(super) fn check(file: &Path) -> anyhow::Result<()> {
    if file.is_dir() {
        return Err(failure::usage(format!(
            "--write-env {} is a folder; name a file",
            file.display()
        )));
    }
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(failure::usage(format!(
                "--write-env {} cannot be read: {error}",
                file.display()
            )));
        }
    };
    if is_of_a_sandbox(&text) {
        return Ok(());
    }
    Err(failure::usage(format!(
        "{} has variables that are not from a sandbox; choose another file with --write-env",
        file.display()
    )))
}

/// Whether all of it leads to parts on loopback. An empty file has nothing to lose.
fn is_of_a_sandbox(text: &str) -> bool {
    let pairs: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once('=').unwrap_or((line, "")))
        .collect();
    let value = |name: &str| pairs.iter().find(|(it, _)| *it == name);
    let is_local = |value: &str| {
        let value = value.trim_matches(['"', '\'']);
        LOOPBACK.iter().any(|loopback| value.starts_with(loopback))
    };
    let has_foreign = pairs
        .iter()
        .any(|(name, _)| !name.starts_with("ATD_MDS") && !name.starts_with("AWS"));
    pairs.is_empty()
        || !has_foreign
            && value(BUCKET).is_some()
            && pairs
                .iter()
                .any(|(name, value)| name.starts_with(ENDPOINT) && is_local(value))
}

#[cfg(test)]
mod tests;
