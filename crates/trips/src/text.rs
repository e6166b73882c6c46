//! The byte order mark that some programs write before UTF-8 text.

/// The byte order mark in UTF-8.
pub const BYTE_ORDER_MARK: [u8; 3] = *b"\xEF\xBB\xBF";

/// Returns `text` without the byte order mark before it, if it has one.
#[must_use]
pub fn strip_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(&BYTE_ORDER_MARK).unwrap_or(text)
}
