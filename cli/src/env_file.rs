//! `--env-file`: environment variables from a file.

use std::path::Path;

use crate::failure;

/// Sets the process's environment from the file. Call it before any thread is started.
pub(crate) fn load(file: &Path) -> anyhow::Result<()> {
    dotenvy::from_path_override(file)
        .map_err(|e| failure::usage(format!("--env-file {}: {}", file.display(), reason(&e))))
}

/// Describes the error without quoting the line, whose value is probably a secret.
fn reason(error: &dotenvy::Error) -> String {
    match error {
        dotenvy::Error::LineParse(line, _) => {
            let advice =
                "put a value with spaces or special characters in quotes, and close each quote";
            match line.split_once('=') {
                Some((name, _)) if is_name(name.trim()) => {
                    format!("{} is malformed: {advice}", name.trim())
                }
                _ => format!("a line is not NAME=value: {advice}"),
            }
        }
        other => other.to_string(),
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_uppercase())
        && chars.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
