//! Numbers with more digits than a float keeps.

use super::hash_of;

/// A float tells any two numbers with so many digits apart.
const DIGITS_OF_A_FLOAT: usize = 15;

/// The hash of all numbers with more digits, in whatever order they stand in a JSON text; 0 if it
/// has none.
///
/// Two of them may be read as the same float, such as integer ids of more than 64 bits.
pub(super) fn hash_of_long_numbers(json: &str) -> u64 {
    let mut rest = json;
    let mut sum = 0_u64;
    while let Some(start) = rest.find(|c: char| c == '"' || c.is_ascii_digit()) {
        rest = &rest[start..];
        if let Some(text) = rest.strip_prefix('"') {
            rest = after_text(text);
            continue;
        }
        let end = rest
            .find(|c: char| !matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'))
            .unwrap_or(rest.len());
        let number;
        (number, rest) = rest.split_at(end);
        if number.bytes().filter(u8::is_ascii_digit).count() > DIGITS_OF_A_FLOAT {
            sum = sum.wrapping_add(hash_of(number));
        }
    }
    sum
}

/// What follows the end of a text.
fn after_text(mut text: &str) -> &str {
    while let Some(at) = text.find(['"', '\\']) {
        let is_end = text.as_bytes()[at] == b'"';
        // An escape has at least one more character, and what it begins is no quote.
        let next = if is_end { at + 1 } else { at + 2 };
        text = text.get(next..).unwrap_or_default();
        if is_end {
            return text;
        }
    }
    ""
}
