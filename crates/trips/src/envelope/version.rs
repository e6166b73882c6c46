//! The version that a body names.

use serde_json::value::RawValue;

/// No version of MDS needs more.
const MAX_CHARS: usize = 16;

/// The version, with or without quotes; `None` if it is none. It goes into logs, tables and
/// reports, so nothing but digits and dots counts as one.
pub(super) fn version(raw: &RawValue) -> Option<String> {
    let text = raw.get();
    let text = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    is_version(text).then(|| text.to_owned())
}

/// Whether the text is a version: digits and dots, at most 16 of them, a digit first.
#[must_use]
pub fn is_version(text: &str) -> bool {
    text.len() <= MAX_CHARS
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}
