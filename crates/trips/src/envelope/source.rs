//! A window on a stream of JSON, from which one value after the other is taken.

use std::io::{self, Read};

use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::EnvelopeError;

pub(super) const WINDOW_BYTES: usize = 256 * 1024;
/// A trip of a day with a point a second is some 20 MB.
const LARGEST_VALUE_BYTES: usize = 64 * 1024 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The window holds what was read and not yet taken. It grows only when a single value does not
/// fit.
pub(super) struct Source<R> {
    reader: R,
    window: Vec<u8>,
    next: usize,
    filled: usize,
    at_end: bool,
    bytes_before_window: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(reader: R) -> Result<Self, EnvelopeError> {
        let mut source = Self {
            reader,
            window: vec![0; WINDOW_BYTES],
            next: 0,
            filled: 0,
            at_end: false,
            bytes_before_window: 0,
        };
        source.skip_byte_order_mark()?;
        Ok(source)
    }

    /// The next byte that is no white space, left where it is; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, EnvelopeError> {
        loop {
            let ahead = &self.window[self.next..self.filled];
            match ahead.iter().position(|byte| !is_white_space(*byte)) {
                Some(skipped) => {
                    self.next += skipped;
                    return Ok(Some(self.window[self.next]));
                }
                None => self.next = self.filled,
            }
            if self.at_end {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Takes the next byte that is no white space if it is this one.
    pub(super) fn take(&mut self, byte: u8) -> Result<bool, EnvelopeError> {
        let is_next = self.peek()? == Some(byte);
        self.next += usize::from(is_next);
        Ok(is_next)
    }

    /// Takes this byte or fails, saying what belongs there.
    pub(super) fn expect(&mut self, byte: u8, expected: &str) -> Result<(), EnvelopeError> {
        if self.take(byte)? {
            return Ok(());
        }
        Err(if self.peek()?.is_none() {
            self.malformed(format!("it ends where {expected} should be"))
        } else {
            self.malformed(format!("{expected} should be"))
        })
    }

    /// Lends what is in the window of the next value, and maybe behind it, to `take`, and takes as
    /// much as that answers; `false` if it took nothing.
    pub(super) fn take_ahead(
        &mut self,
        take: impl FnOnce(&[u8]) -> io::Result<Option<usize>>,
    ) -> Result<bool, EnvelopeError> {
        if self.peek()?.is_none() {
            return Ok(false);
        }
        let ahead = &self.window[self.next..self.filled];
        let taken = take(ahead).map_err(EnvelopeError::Sink)?;
        let Some(length) = taken.filter(|length| *length <= ahead.len()) else {
            return Ok(false);
        };
        self.next += length;
        Ok(true)
    }

    /// Takes the next value, whole and well-formed, and lends it to `read`.
    pub(super) fn value<T>(
        &mut self,
        read: impl FnOnce(&RawValue) -> T,
    ) -> Result<T, EnvelopeError> {
        loop {
            let ahead = &self.window[self.next..self.filled];
            let mut values = Deserializer::from_slice(ahead).into_iter::<&RawValue>();
            match values.next() {
                Some(Ok(value)) => {
                    let length = values.byte_offset();
                    // A number that ends with the window may go on behind it.
                    if length < ahead.len() || self.at_end {
                        let result = read(value);
                        self.next += length;
                        return Ok(result);
                    }
                }
                Some(Err(error)) if self.at_end || !is_cut_off(&error, ahead) => {
                    return Err(self.malformed(error.to_string()));
                }
                None if self.at_end => {
                    return Err(self.malformed("it ends where a value should be".to_owned()));
                }
                Some(Err(_)) | None => {}
            }
            self.fill()?;
        }
    }

    pub(super) fn malformed(&self, problem: String) -> EnvelopeError {
        EnvelopeError::Malformed {
            at: self.position(),
            problem,
        }
    }

    fn position(&self) -> u64 {
        self.bytes_before_window + self.next as u64
    }

    /// Reads on behind what is in the window, until it is full or the stream ends.
    fn fill(&mut self) -> Result<(), EnvelopeError> {
        self.make_room()?;
        while self.filled < self.window.len() {
            match self.reader.read(&mut self.window[self.filled..]) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(());
                }
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(EnvelopeError::Read(error)),
            }
        }
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), EnvelopeError> {
        self.window.copy_within(self.next..self.filled, 0);
        self.bytes_before_window += self.next as u64;
        self.filled -= self.next;
        self.next = 0;
        if self.filled < self.window.len() {
            return Ok(());
        }
        if self.filled >= LARGEST_VALUE_BYTES {
            return Err(EnvelopeError::TooLarge {
                at: self.position(),
                limit: LARGEST_VALUE_BYTES,
            });
        }
        self.window.resize(self.window.len() * 2, 0);
        Ok(())
    }

    fn skip_byte_order_mark(&mut self) -> Result<(), EnvelopeError> {
        self.fill()?;
        if self.window[..self.filled].starts_with(BYTE_ORDER_MARK) {
            self.next = BYTE_ORDER_MARK.len();
        }
        Ok(())
    }
}

/// Whether what follows the text may put the error right. The parser does not call every such error
/// an end of the text: a number cut off behind its sign, its point or its `e` is an invalid number
/// to it.
fn is_cut_off(error: &serde_json::Error, text: &[u8]) -> bool {
    error.is_eof() || byte_offset(error, text) >= text.len()
}

fn byte_offset(error: &serde_json::Error, text: &[u8]) -> usize {
    let lines_before: usize = text
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    lines_before + error.column()
}

fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
