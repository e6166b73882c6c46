//! Data on standard output or in a file. With `--json` it is one JSON document and nothing else.

use std::fmt::{Arguments, Display};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write as _, stderr, stdout};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde::Serialize;
use tempfile::Builder;

use crate::failure::not_written;

/// The name that stands for standard output.
pub(crate) const STANDARD: &str = "-";

/// Writes data to a file, or to standard output for `-`. A reader that has read enough, such as
/// `head`, is no error.
pub(crate) fn write(file: &Path, data: &[u8]) -> anyhow::Result<()> {
    if file != Path::new(STANDARD) {
        return write_whole(file, data).map_err(|error| not_written(file, &error));
    }
    let mut out = stdout().lock();
    tolerate(out.write_all(data).and_then(|()| out.flush()))
}

/// Writes a file that appears whole: on a full disk, a page that is cut off must not take the place
/// of the one before.
fn write_whole(file: &Path, data: &[u8]) -> io::Result<()> {
    let existing = fs::metadata(file).ok();
    if existing.as_ref().is_some_and(|it| !it.is_file()) {
        return fs::write(file, data);
    }
    // A link stays, and leads to the new content.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let usual = Permissions::from_mode(0o666);
    let Ok(mut beside) = Builder::new().permissions(usual).tempfile_in(folder) else {
        // Somebody may write to this file, and to nothing beside it.
        return fs::write(file, data);
    };
    if let Some(existing) = existing {
        fs::set_permissions(beside.path(), existing.permissions())?;
    }
    beside.write_all(data)?;
    beside.persist(file)?;
    Ok(())
}

/// Takes a reader that has read enough for a success.
pub(crate) fn tolerate(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        ended => Ok(ended?),
    }
}

/// Writes a text to standard error, as it is. There is nowhere to report that this fails.
pub(crate) fn note(text: Arguments<'_>) {
    let _ = stderr().lock().write_fmt(text);
}

/// Writes a text to standard output, with a line end.
pub(crate) fn text(text: &(impl Display + ?Sized)) -> anyhow::Result<()> {
    write(Path::new(STANDARD), format!("{text}\n").as_bytes())
}

/// Writes a value to standard output: the document of a command with `--json`.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    text(&serde_json::to_string_pretty(value)?)
}

#[cfg(test)]
mod tests;
