//! `NaN`, `Infinity` and `-Infinity`: no JSON, but what some languages write for such numbers.

/// The tokens, each before those that it ends with.
const TOKENS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];

/// The text with `null` in the place of each token outside of strings; `None` if there is none.
pub(crate) fn with_nulls(text: &[u8]) -> Option<Vec<u8>> {
    let mut replaced = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    let (mut in_string, mut is_escaped) = (false, false);
    while let Some(byte) = text.get(at) {
        if in_string {
            in_string = is_escaped || *byte != b'"';
            is_escaped = *byte == b'\\' && !is_escaped;
        } else if *byte == b'"' {
            in_string = true;
        } else if let Some(token) = TOKENS.iter().find(|token| text[at..].starts_with(token)) {
            replaced.extend_from_slice(&text[copied..at]);
            replaced.extend_from_slice(b"null");
            at += token.len();
            copied = at;
            continue;
        }
        at += 1;
    }
    if copied == 0 {
        return None;
    }
    replaced.extend_from_slice(&text[copied..]);
    Some(replaced)
}

/// Whether the text ends within what may become a token.
pub(crate) fn ends_within_token(text: &[u8]) -> bool {
    TOKENS
        .iter()
        .any(|token| (1..token.len()).any(|length| text.ends_with(&token[..length])))
}

#[cfg(test)]
mod tests;
