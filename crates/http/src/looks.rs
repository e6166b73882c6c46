//! What a body looks like that should be JSON, in words that hold nothing of it.

use reqwest::header::{CONTENT_TYPE, HeaderMap};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// A longer text is not the name of a type.
const MAX_TYPE_BYTES: usize = 64;

/// Whether a body is a page for people, as a server under maintenance sends it, or a proxy that
/// asks for a login.
#[must_use]
pub fn is_web_page(body: &[u8]) -> bool {
    text(body).starts_with(b"<")
}

/// What a body that is no JSON looks like, by its beginning and its `Content-Type`: `a web page
/// (text/html)`. `None` if neither tells.
#[must_use]
pub fn looks_like(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let media_type = media_type(headers);
    let kind = match text(body) {
        b"" => "an empty body",
        [b'{' | b'[', ..] => return None,
        text if text.starts_with(b"<?xml") => "XML",
        _ if is_web_page(body) => "a web page",
        _ => return media_type.map(|name| format!("a body of the type {name}")),
    };
    Some(match media_type {
        Some(name) => format!("{kind} ({name})"),
        None => kind.to_owned(),
    })
}

fn text(body: &[u8]) -> &[u8] {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    body.trim_ascii_start()
}

/// The type that the headers name, without its parameters. One of JSON says nothing, and whatever
/// is not the name of a type may be anything.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let name = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let name = name.split(';').next()?.trim();
    let is_name = |part: &str| {
        let is_of_names = |b: u8| b.is_ascii_alphanumeric() || b"+-._".contains(&b);
        !part.is_empty() && part.bytes().all(is_of_names)
    };
    let (kind, subtype) = name.split_once('/')?;
    let is_shown = is_name(kind) && is_name(subtype) && name.len() <= MAX_TYPE_BYTES;
    (is_shown && !subtype.contains("json")).then_some(name)
}

#[cfg(test)]
mod tests;
