//! Objects that JSON does not allow, of which the extent is known.

use serde_json::value::RawValue;

use super::extent::Extent;
use super::window::is_white_space;

/// A longer value of a faulty object is not read. An id or a time is shorter.
const MAX_READABLE_BYTES: usize = 128;
/// The members of which a record of a list has one at most.
const IDS: [&[u8]; 2] = [b"trip_id", b"device_id"];

/// Whether this is one record. A quote or a bracket too much or too little can hide the end of a
/// record, so that the next one seems to belong to it. Then an id appears twice. It is looked for
/// in texts as well, because such a quote exchanges what is in a text and what is not.
pub(crate) fn is_one_record(text: &[u8]) -> bool {
    text.starts_with(b"{")
        && text.ends_with(b"}")
        && IDS.iter().all(|id| words(text, id).nth(1).is_none())
}

/// Where a word stands that is no part of a longer one.
fn words<'t>(text: &'t [u8], word: &'t [u8]) -> impl Iterator<Item = usize> + 't {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| is_of_a_word(*byte));
    let windows = text.windows(word.len()).enumerate();
    windows.filter_map(move |(at, window)| {
        let is_whole = window == word
            && !is_part(at.checked_sub(1).and_then(|before| text.get(before)))
            && !is_part(text.get(at + word.len()));
        is_whole.then_some(at)
    })
}

fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The members of these names whose values are texts or numbers without a fault, in their order. A
/// name that appears twice is left out.
pub(crate) fn readable_members<'t>(
    text: &'t [u8],
    names: &[&'static str],
) -> Vec<(&'static str, &'t str)> {
    let mut members: Vec<(&'static str, Option<&str>)> = Vec::new();
    let mut rest = text.get(1..).unwrap_or_default();
    while let Some(first) = rest.first() {
        let length = match first {
            b'"' | b'{' | b'[' => Extent::default().feed(rest),
            _ => Some(1),
        };
        let Some((token, behind)) = length.and_then(|length| rest.split_at_checked(length)) else {
            break;
        };
        rest = behind;
        let name = names.iter().find(|name| is_name(token, name));
        let value = name.and_then(|name| Some((*name, value_in(behind)?)));
        if let Some((name, value)) = value {
            match members.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = None,
                None => members.push((name, scalar(value))),
            }
        }
    }
    let readable = members.into_iter();
    readable
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn is_name(token: &[u8], name: &str) -> bool {
    let inner = token
        .strip_prefix(b"\"")
        .and_then(|token| token.strip_suffix(b"\""));
    inner == Some(name.as_bytes())
}

/// The value behind a name, if a colon stands between them.
fn value_in(behind: &[u8]) -> Option<&[u8]> {
    let text = trimmed(trimmed(behind).strip_prefix(b":")?);
    let length = Extent::default().feed(text)?;
    text.get(..length)
}

fn trimmed(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_white_space(*byte));
    &text[start.unwrap_or(text.len())..]
}

fn scalar(value: &[u8]) -> Option<&str> {
    let is_scalar = matches!(value.first(), Some(b'"' | b'-' | b'0'..=b'9'));
    if !is_scalar || value.len() > MAX_READABLE_BYTES {
        return None;
    }
    serde_json::from_slice::<&RawValue>(value).ok()?;
    str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests;
