//! Data on standard output or in a file. With `--json` it is one JSON document and nothing else.

use std::fmt::{Arguments, Display};
use std::io::{ErrorKind, Write as _, stderr, stdout};
use std::path::Path;

use serde::Serialize;

use crate::failure::not_written;

/// The name that stands for standard output.
pub(crate) const STANDARD: &str = "-";

/// Writes data to a file, or to standard output for `-`. A reader that has read enough, such as
/// `head`, is no error.
pub(crate) fn write(file: &Path, data: &[u8]) -> anyhow::Result<()> {
    if file != Path::new(STANDARD) {
        return std::fs::write(file, data).map_err(|error| not_written(file, &error));
    }
    let mut out = stdout().lock();
    tolerate(out.write_all(data).and_then(|()| out.flush()))
}

/// Takes a reader that has read enough for a success.
pub(crate) fn tolerate(written: std::io::Result<()>) -> anyhow::Result<()> {
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
