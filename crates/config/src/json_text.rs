//! A JSON text as a person wrote it: a value is changed in place, and everything around it stays,
//! spaces, order and all.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use trips::text::strip_byte_order_mark;

/// Where a member of an object stands in the text.
#[derive(Debug, Clone)]
struct Member {
    name: String,
    /// From the quotation mark of the name on.
    start: usize,
    value: Range<usize>,
}

/// The members of an object in the order of the text. `None` for a text that is no object.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// The members of the object that begins at `at` in `text`.
fn members(text: &str, at: usize) -> Option<Vec<Member>> {
    let mut reader = serde_json::Deserializer::from_str(&text[at..]);
    let Members(found) = reader.deserialize_map(MembersVisitor).ok()?;
    let place = |raw: &RawValue| {
        // Both point into the same text.
        let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        start..start + raw.get().len()
    };
    let member = |(name, value): (&RawValue, &RawValue)| {
        Some(Member {
            name: serde_json::from_str(name.get()).ok()?,
            start: place(name).start,
            value: place(value),
        })
    };
    found.into_iter().map(member).collect()
}

/// The text with the member at `path` set to `value`, or without it. Everything else stays as it
/// is. An object on the way that is missing is added. `None` if the text, or a value on the way, is
/// no JSON object.
#[must_use]
pub fn with_member(text: &str, path: &[&str], value: Option<&Value>) -> Option<String> {
    let offset = text.len() - text.trim_start_matches('\u{feff}').len();
    replaced(text, offset, 0, path, value)
}

fn replaced(
    text: &str,
    at: usize,
    depth: usize,
    path: &[&str],
    value: Option<&Value>,
) -> Option<String> {
    let (name, rest) = path.split_first()?;
    let all = members(text, at)?;
    // What stands last counts.
    let Some(index) = all.iter().rposition(|it| it.name == *name) else {
        let Some(value) = value else {
            return Some(text.to_owned());
        };
        let value = rest.iter().rev().fold(value.clone(), |inner, name| {
            Value::Object([((*name).to_owned(), inner)].into_iter().collect())
        });
        return added(text, at, depth, &all, name, &value);
    };
    let member = &all[index];
    if !rest.is_empty() {
        return replaced(text, member.value.start, depth + 1, rest, value);
    }
    match value {
        Some(value) => {
            let written = written(value, &indent_of(text, member.start));
            Some(spliced(text, member.value.clone(), &written))
        }
        None => Some(removed(text, &all, index)),
    }
}

/// The text with a member after the last one, written as its neighbours are.
fn added(
    text: &str,
    at: usize,
    depth: usize,
    all: &[Member],
    name: &str,
    value: &Value,
) -> Option<String> {
    let name = Value::from(name).to_string();
    let Some(last) = all.last() else {
        let inside = text[at..].find('{')? + at + 1;
        let close = text[inside..].find('}')? + inside;
        let outer = "  ".repeat(depth);
        let indent = format!("{outer}  ");
        let member = format!("\n{indent}{name}: {}\n{outer}", written(value, &indent));
        return Some(spliced(text, inside..close, &member));
    };
    let between = text[..last.start].rfind(|c: char| !c.is_whitespace())? + 1;
    let space = &text[between..last.start];
    let indent = indent_of(text, last.start);
    let member = format!(",{space}{name}: {}", written(value, &indent));
    Some(spliced(text, last.value.end..last.value.end, &member))
}

fn removed(text: &str, all: &[Member], index: usize) -> String {
    let (start, end) = match (index.checked_sub(1), all.get(index + 1)) {
        (_, Some(next)) => (all[index].start, next.start),
        (Some(before), None) => (all[before].value.end, all[index].value.end),
        (None, None) => (all[index].start, all[index].value.end),
    };
    spliced(text, start..end, "")
}

fn spliced(text: &str, place: Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..place.start], &text[place.end..])
}

/// The white space before a member, if it begins its line.
fn indent_of(text: &str, start: usize) -> String {
    let line = text[..start].rsplit('\n').next().unwrap_or_default();
    if line.trim().is_empty() {
        line.to_owned()
    } else {
        String::new()
    }
}

/// A value, on several lines if it is an object.
fn written(value: &Value, indent: &str) -> String {
    let text = if value.is_object() {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    let text = text.unwrap_or_default();
    text.replace('\n', &format!("\n{indent}"))
}

/// The members that stand more than once in one object, of two levels: `bird.token`.
#[must_use]
pub fn repeated_members(text: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(strip_byte_order_mark(text)) else {
        return Vec::new();
    };
    let outer = members(text, 0).unwrap_or_default();
    let mut found = repeated("", &outer);
    for member in &outer {
        let inner = members(text, member.value.start).unwrap_or_default();
        found.extend(repeated(&format!("{}.", member.name), &inner));
    }
    found
}

fn repeated(place: &str, members: &[Member]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let twice = members.iter().filter(|it| !seen.insert(it.name.as_str()));
    let names: BTreeSet<_> = twice.map(|it| format!("{place}{}", it.name)).collect();
    names.into_iter().collect()
}

#[cfg(test)]
mod tests;
