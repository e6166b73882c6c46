//! The files in the folder of the person who sets things up.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::Context as _;
use tempfile::NamedTempFile;

pub(super) const ENV: &str = "mds.env";
pub(super) const SETTINGS: &str = "settings.json";
pub(super) const PROVIDERS: &str = "providers.json";
/// What the two JSON files cannot say themselves, since JSON has no comments.
pub(super) const NOTES: &str = "mds-setup.md";
const IGNORE: &str = ".gitignore";

const NOTES_TEXT: &str = include_str!("notes.md");

/// Reads a file; `None` if it is not there.
pub(super) fn read(folder: &Path, name: &str) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| folder.join(name).display().to_string()),
    }
}

/// Writes a file that only its owner can read, whole or not at all. Returns `false` if there is one
/// already, which stays as it is.
pub(super) fn write_new(folder: &Path, name: &str, text: &str) -> anyhow::Result<bool> {
    let path = folder.join(name);
    let shown = || path.display().to_string();
    let mut file = NamedTempFile::new_in(folder).with_context(shown)?;
    file.write_all(text.as_bytes()).with_context(shown)?;
    file.as_file().sync_all().with_context(shown)?;
    match file.persist_noclobber(&path) {
        Err(failed) if failed.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        written => written.map(|_| true).with_context(shown),
    }
}

/// The explanations, and a list for git of what holds secrets.
pub(super) fn write_notes(folder: &Path) -> anyhow::Result<bool> {
    write_new(
        folder,
        IGNORE,
        &format!("/{ENV}\n/{SETTINGS}\n/{PROVIDERS}\n"),
    )?;
    write_new(folder, NOTES, NOTES_TEXT)
}
