//! The statements in the sources that write log lines or open spans.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) enum Kind {
    /// A log line with its level.
    Event(String),
    /// A span with its level.
    Span(String),
}

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) kind: Kind,
    /// The message of a line, the name of a span.
    pub(crate) message: String,
    pub(crate) fields: BTreeSet<String>,
    pub(crate) file: String,
}

/// Every statement of the workspace, except those of tests.
pub(crate) fn statements() -> Vec<Statement> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["bench", "cli", "crates", "functions"] {
        add_files(&root.join(folder), &mut files);
    }
    assert!(files.len() > 100);
    files.iter().flat_map(|file| statements_of(file)).collect()
}

fn add_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("tests") && !path.ends_with("target") {
                add_files(&path, files);
            }
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

fn statements_of(file: &Path) -> Vec<Statement> {
    let source = fs::read_to_string(file).unwrap();
    let calls = source.split("tracing::").skip(1);
    calls
        .filter_map(|call| {
            let (name, arguments) = call.split_once("!(")?;
            let kind = match name.strip_suffix("_span") {
                Some(level) if is_level(level) => Kind::Span(level.to_owned()),
                None if is_level(name) => Kind::Event(name.to_owned()),
                _ => return None,
            };
            Some(statement(kind, file, arguments))
        })
        .collect()
}

fn is_level(name: &str) -> bool {
    ["error", "warn", "info", "debug", "trace"].contains(&name)
}

fn statement(kind: Kind, file: &Path, arguments: &str) -> Statement {
    let mut fields = BTreeSet::new();
    let mut message = None;
    for argument in arguments_of(arguments) {
        match argument.strip_prefix('"') {
            Some(text) => message = Some(without_breaks(text.trim_end_matches('"'))),
            None => {
                let name = argument.split('=').next().unwrap();
                fields.insert(name.trim().trim_start_matches(['%', '?']).to_owned());
            }
        }
    }
    let file = file.display().to_string();
    Statement {
        kind,
        message: message.unwrap_or_else(|| panic!("{file}: no message: {fields:?}")),
        fields,
        file,
    }
}

/// The arguments of a macro, from after its opening parenthesis.
fn arguments_of(text: &str) -> Vec<String> {
    let mut arguments = vec![String::new()];
    let mut depth = 0;
    let mut in_text = false;
    let mut escaped = false;
    for c in text.chars() {
        if in_text {
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else {
            match c {
                '"' => in_text = true,
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => break,
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => {
                    arguments.push(String::new());
                    continue;
                }
                _ => {}
            }
        }
        arguments.last_mut().unwrap().push(c);
    }
    arguments
        .iter()
        .map(|it| it.trim().to_owned())
        .filter(|it| !it.is_empty())
        .collect()
}

/// A text literal without its escaped line breaks.
fn without_breaks(text: &str) -> String {
    let lines = text.split("\\\n");
    let mut joined = String::new();
    for (n, line) in lines.enumerate() {
        joined.push_str(if n == 0 { line } else { line.trim_start() });
    }
    joined
}
