//! What differs between two texts of a file, without their secrets, and what that means.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use pipeline::HIDDEN;
use serde_json::{Map, Value, json};
use trips::text::strip_byte_order_mark;

use super::effects::Effects;
use super::redact::{self, Kind};
use super::target::Target;
use crate::args::DiffArgs;
use crate::failure::FAILED;
use crate::output;

/// A longer value is cut.
const MAX_VALUE_CHARS: usize = 100;
/// How many changes are printed one by one.
const MAX_LINES: usize = 60;

/// What two texts of a file differ in.
pub(super) struct Difference {
    changes: Vec<Change>,
    pub(super) effects: Effects,
    /// Whether one of them has other characters, be it only spaces.
    is_rewritten: bool,
}

struct Change {
    /// The member, such as `bird.token`; empty for the file as a whole.
    path: String,
    what: What,
}

/// The values have no secrets.
enum What {
    Added(Value),
    Removed(Value),
    Changed {
        from: Value,
        to: Value,
    },
    /// Both are secrets.
    Hidden,
}

impl Difference {
    /// Compares two texts of an object. `before` is `None` if there was none.
    pub(super) fn new(kind: Kind, before: Option<&[u8]>, after: &[u8]) -> Self {
        let (old, new) = (before.map(read), read(after));
        let mut changes = Vec::new();
        match &old {
            None => leaves("", &shown(kind, &new), &mut changes, What::Added),
            Some(old) => {
                let shown = (shown(kind, old), shown(kind, &new));
                compare("", (old, &new), (&shown.0, &shown.1), &mut changes);
            }
        }
        let effects = Effects::new(kind, old.as_ref(), &new);
        Self {
            changes,
            effects,
            is_rewritten: before != Some(after),
        }
    }

    /// Whether a value differs.
    pub(super) fn is_real(&self) -> bool {
        !self.changes.is_empty()
    }

    pub(super) fn as_json(&self) -> Value {
        let changes: Vec<_> = self.changes.iter().map(Change::as_json).collect();
        json!({
            "differs": self.is_real(),
            "changes": changes,
            "effects": self.effects.sentences(),
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            let text = if self.is_rewritten {
                "the same values; only the writing differs"
            } else {
                "no difference"
            };
            return writeln!(f, "{text}");
        }
        for change in self.changes.iter().take(MAX_LINES) {
            writeln!(f, "{change}")?;
        }
        if let Some(more) = self
            .changes
            .len()
            .checked_sub(MAX_LINES)
            .filter(|it| *it > 0)
        {
            writeln!(f, "  and {more} more")?;
        }
        for sentence in self.effects.sentences() {
            writeln!(f, "{sentence}")?;
        }
        Ok(())
    }
}

impl Change {
    fn as_json(&self) -> Value {
        let path = &self.path;
        match &self.what {
            What::Added(to) => json!({"path": path, "change": "added", "to": to}),
            What::Removed(from) => json!({"path": path, "change": "removed", "from": from}),
            What::Changed { from, to } => {
                json!({"path": path, "change": "changed", "from": from, "to": to})
            }
            What::Hidden => json!({"path": path, "change": "changed"}),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "the file".to_owned()
        } else {
            self.path.escape_debug().to_string()
        };
        match &self.what {
            What::Added(to) => write!(f, "  + {path}: {}", short(to)),
            What::Removed(from) => write!(f, "  - {path}: {}", short(from)),
            What::Changed { from, to } => {
                write!(f, "  ~ {path}: {} -> {}", short(from), short(to))
            }
            What::Hidden => write!(f, "  ~ {path}: changed"),
        }
    }
}

fn short(value: &Value) -> String {
    if value == HIDDEN {
        return HIDDEN.to_owned();
    }
    let text = value.to_string();
    match text.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A text as JSON, or as a text if it is not JSON.
fn read(text: &[u8]) -> Value {
    let text = strip_byte_order_mark(text);
    serde_json::from_slice(text).unwrap_or_else(|_| String::from_utf8_lossy(text).into())
}

/// What may be printed of a file.
fn shown(kind: Kind, file: &Value) -> Value {
    let mut file = file.clone();
    match kind {
        Kind::Other => redact::hide(&mut file),
        kind => redact::hide_secrets(kind, &mut file),
    }
    file
}

type Pair<'a> = (&'a Value, &'a Value);

/// Compares the values of both files. `shown` are the same without secrets.
fn compare(path: &str, values: Pair<'_>, shown: Pair<'_>, changes: &mut Vec<Change>) {
    if values.0 == values.1 {
        return;
    }
    match (values.0, values.1, shown.0, shown.1) {
        (
            Value::Object(old),
            Value::Object(new),
            Value::Object(old_shown),
            Value::Object(new_shown),
        ) => compare_members(path, (old, new), (old_shown, new_shown), changes),
        (
            Value::Array(old),
            Value::Array(new),
            Value::Array(old_shown),
            Value::Array(new_shown),
        ) if old
            .iter()
            .chain(new)
            .any(|it| it.is_object() || it.is_array()) =>
        {
            let by_index = |list: &[Value]| -> Map<String, Value> {
                let items = list.iter().enumerate();
                items.map(|(at, it)| (at.to_string(), it.clone())).collect()
            };
            compare_members(
                path,
                (&by_index(old), &by_index(new)),
                (&by_index(old_shown), &by_index(new_shown)),
                changes,
            );
        }
        _ => changes.push(Change {
            path: path.to_owned(),
            what: if shown.0 == shown.1 {
                What::Hidden
            } else {
                What::Changed {
                    from: shown.0.clone(),
                    to: shown.1.clone(),
                }
            },
        }),
    }
}

type Maps<'a> = (&'a Map<String, Value>, &'a Map<String, Value>);

fn compare_members(path: &str, values: Maps<'_>, shown: Maps<'_>, changes: &mut Vec<Change>) {
    for (name, old) in values.0 {
        let path = within(path, name);
        let old_shown = &shown.0[name];
        match values.1.get(name) {
            Some(new) => compare(&path, (old, new), (old_shown, &shown.1[name]), changes),
            None => leaves(&path, old_shown, changes, What::Removed),
        }
    }
    for name in values.1.keys().filter(|name| !values.0.contains_key(*name)) {
        leaves(&within(path, name), &shown.1[name], changes, What::Added);
    }
}

fn within(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// A change for each value below.
fn leaves(path: &str, value: &Value, changes: &mut Vec<Change>, what: fn(Value) -> What) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                leaves(&within(path, name), value, changes, what);
            }
        }
        value => changes.push(Change {
            path: path.to_owned(),
            what: what(value.clone()),
        }),
    }
}

/// `mds config diff`.
pub(super) async fn diff(args: &DiffArgs, json: bool) -> anyhow::Result<ExitCode> {
    let target = Target::open(&args.name, &args.stage).await?;
    let version = args.version.as_deref();
    let (before, after) = match &args.file {
        Some(file) => {
            let text = super::read(file)?;
            (target.text(version).await?, text)
        }
        None => {
            let former = version.unwrap_or("1");
            (target.text(Some(former)).await?, target.text(None).await?)
        }
    };
    let difference = Difference::new(target.kind(), Some(&before), &after);
    if json {
        let mut document = difference.as_json();
        document["key"] = target.key.into();
        output::json(&document)?;
    } else {
        output::write(
            Path::new(output::STANDARD),
            difference.to_string().as_bytes(),
        )?;
    }
    Ok(if difference.is_real() {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

#[cfg(test)]
mod tests;
