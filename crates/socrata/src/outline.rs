//! [`Outline`]: the members of an answer to an upload, without what is within them.
//!
//! A portal may add a report of every row to its counts. So an answer has no useful limit, and the
//! counts may stand at its end.

use bytes::{Bytes, BytesMut};
use http_kit::{BodyError, Chunks};
use reqwest::Response;

/// A JSON object as it arrives, in which lists and objects are null.
#[derive(Default)]
struct Outline {
    text: BytesMut,
    depth: usize,
    is_in_text: bool,
    is_escaped: bool,
}

impl Outline {
    fn push(&mut self, piece: &[u8]) {
        for byte in piece {
            self.push_byte(*byte);
        }
    }

    fn push_byte(&mut self, byte: u8) {
        let is_shown = self.depth <= 1;
        if self.is_in_text {
            self.is_in_text = byte != b'"' || self.is_escaped;
            self.is_escaped = byte == b'\\' && !self.is_escaped;
        } else {
            match byte {
                b'"' => self.is_in_text = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth == 2 {
                        self.text.extend_from_slice(b"null");
                    }
                    if self.depth >= 2 {
                        return;
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth >= 1 {
                        return;
                    }
                }
                _ => {}
            }
        }
        if is_shown {
            self.text.extend_from_slice(&[byte]);
        }
    }
}

/// Reads a body, and keeps at most `max_bytes`: of an object its outline, of anything else all.
///
/// # Errors
///
/// As [`http_kit::read_body`].
pub(crate) async fn read_outline(response: Response, max_bytes: usize) -> Result<Bytes, BodyError> {
    let mut outline = Outline::default();
    let mut is_object = None;
    let mut chunks = Chunks::of(response);
    while let Some(piece) = chunks.next().await? {
        let first = || piece.trim_ascii_start().first();
        is_object = is_object.or_else(|| first().map(|byte| *byte == b'{'));
        if is_object == Some(true) {
            outline.push(&piece);
        } else {
            outline.text.extend_from_slice(&piece);
        }
        if outline.text.len() > max_bytes {
            return Err(BodyError::TooLarge { max_bytes });
        }
    }
    Ok(outline.text.freeze())
}

#[cfg(test)]
mod tests;
