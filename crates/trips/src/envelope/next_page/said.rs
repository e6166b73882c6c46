//! What single values say about the next page.

use serde_json::{Map, Value};

use super::place::is_name_of_next;
use crate::envelope::value_of::value_of;
use crate::json::element::Element;

/// What one value says.
pub(super) enum Said {
    Nothing,
    Url(String),
    Unclear,
}

/// A name without case and punctuation: `nextPage`, `next_page` and `next-page` are one, and
/// `@odata.nextLink` has one.
pub(super) fn plain(key: &str) -> String {
    key.chars()
        .filter(|c| !c.is_ascii_punctuation())
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// What a member about the next page says.
pub(super) fn said_by(element: &Element<'_>, may_be_relative: bool) -> Said {
    value_of(element).map_or(Said::Unclear, |value| said(&value, may_be_relative))
}

fn said(value: &Value, may_be_relative: bool) -> Said {
    match value {
        Value::Object(link) => match link.get("href") {
            Some(href @ (Value::Null | Value::String(_))) => said(href, may_be_relative),
            None if link.is_empty() => Said::Nothing,
            _ => Said::Unclear,
        },
        Value::String(url) if url.trim().is_empty() => Said::Nothing,
        Value::String(url) if may_be_relative || looks_like_a_url(url) => Said::Url(url.clone()),
        Value::Null | Value::Bool(false) => Said::Nothing,
        Value::Number(number) if number.as_u64() == Some(0) => Said::Nothing,
        Value::Array(list) if list.is_empty() => Said::Nothing,
        _ => Said::Unclear,
    }
}

/// Other texts are cursors or tokens, of which nobody knows where they go.
fn looks_like_a_url(text: &str) -> bool {
    let text = text.trim();
    ["https://", "http://", "/", "?"]
        .iter()
        .any(|start| text.starts_with(start))
}

/// What one of a list of links says: `{"rel": "next", "href": …}`.
pub(super) fn said_in_list(element: &Element<'_>) -> Said {
    match value_of(element) {
        Some(Value::Null) => Said::Nothing,
        Some(Value::Object(link)) => match is_relation_next(&link) {
            Some(true) => match link.get("href") {
                Some(href @ (Value::Null | Value::String(_))) => said(href, true),
                _ => Said::Unclear,
            },
            Some(false) => Said::Nothing,
            None => link
                .iter()
                .filter(|(key, _)| is_name_of_next(key))
                .map(|(key, value)| said(value, key == "next"))
                .find(|said| !matches!(said, Said::Nothing))
                .unwrap_or_else(|| said_without_relation(&link)),
        },
        _ => Said::Unclear,
    }
}

/// Whether the link's relation is `next`; `None` if it has no relation.
fn is_relation_next(link: &Map<String, Value>) -> Option<bool> {
    let has_next = |words: &str| {
        words
            .split_ascii_whitespace()
            .any(|word| word.eq_ignore_ascii_case("next"))
    };
    match link.get("rel")? {
        Value::String(words) => Some(has_next(words)),
        Value::Array(words) => Some(words.iter().filter_map(Value::as_str).any(has_next)),
        _ => None,
    }
}

/// A link that says `next` in another member may be the one, unless it says nothing else.
fn said_without_relation(link: &Map<String, Value>) -> Said {
    let texts = link.values().filter_map(Value::as_str);
    let (next, others): (Vec<_>, Vec<_>) = texts
        .filter(|text| !text.trim().is_empty())
        .partition(|text| text.eq_ignore_ascii_case("next"));
    if next.is_empty() || others.is_empty() {
        Said::Nothing
    } else {
        Said::Unclear
    }
}
