//! The extent of a value: where it ends, found without parsing it and in pieces of any size.

use super::window::is_white_space;

/// Looks for the end of one value, byte by byte. It does not check that the value is well-formed.
#[derive(Debug, Default)]
pub(crate) struct Extent {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// The value is neither an object nor an array nor a string, so it ends before what follows.
    in_scalar: bool,
}

impl Extent {
    /// Reads on. Returns how many bytes of `piece` belong to the value once its end is found.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Option<usize> {
        for (index, byte) in piece.iter().enumerate() {
            if self.in_scalar {
                if is_white_space(*byte) || matches!(byte, b',' | b']' | b'}') {
                    return Some(index);
                }
            } else if self.ends_at(*byte) {
                return Some(index + 1);
            }
        }
        None
    }

    /// Whether a scalar has begun: the end of the text ends it.
    pub(crate) fn is_in_scalar(&self) -> bool {
        self.in_scalar
    }

    fn ends_at(&mut self, byte: u8) -> bool {
        if self.in_string {
            self.in_string = self.is_escaped || byte != b'"';
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            return !self.in_string && self.depth == 0;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => self.in_scalar = self.depth == 0 && !is_white_space(byte),
        }
        false
    }
}
