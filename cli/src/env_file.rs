//! `--env-file`: environment variables from a file.

use std::path::Path;

use crate::failure;

/// Sets the process's environment from the file. Call it before any thread is started.
pub(crate) fn load(file: &Path) -> anyhow::Result<()> {
    dotenvy::from_path_override(file).map_err(|error| {
        failure::usage(format!("--env-file {}", file.display()) + &reason(file, &error))
    })
}

/// Describes the error without quoting the line, whose value is probably a secret.
fn reason(file: &Path, error: &dotenvy::Error) -> String {
    match error {
        dotenvy::Error::LineParse(line, _) => {
            let advice =
                "put a value with spaces or special characters in quotes, and close each quote";
            let place = line_number(file, line)
                .map(|number| format!(", line {number}"))
                .unwrap_or_default();
            match line.split_once('=') {
                Some((name, _)) if is_name(name.trim()) => {
                    format!("{place}: {} is malformed: {advice}", name.trim())
                }
                _ => format!("{place}: it is not NAME=value: {advice}"),
            }
        }
        dotenvy::Error::Io(error) => format!(": {error}"),
        other => format!(": {other}"),
    }
}

/// Where the line begins. A value in quotes may go over several lines of the file.
fn line_number(file: &Path, line: &str) -> Option<usize> {
    let text = std::fs::read_to_string(file).ok()?;
    let first = line.trim_start().lines().next()?.trim();
    let found = text.lines().position(|it| it.trim() == first)?;
    Some(found + 1)
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_uppercase())
        && chars.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
