//! A window on a stream of JSON, from which values are taken one after the other.

use std::io::{self, Read};

use serde::de::{Deserialize, DeserializeOwned};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::JsonError;
use crate::text::strip_byte_order_mark;

pub(crate) const WINDOW_BYTES: usize = 256 * 1024;
/// A trip of a day with a point every second has about 20 MB.
const MAX_VALUE_BYTES: usize = 64 * 1024 * 1024;
/// A value that is skipped because it is too large ends the reading beyond this size. A response
/// has at most 2 GiB.
const MAX_SKIPPED_BYTES: u64 = 2 << 30;

/// The window holds what was read and not yet taken. It grows only if a single value does not fit.
pub(crate) struct Window<R> {
    reader: R,
    bytes: Vec<u8>,
    next: usize,
    filled: usize,
    bytes_before_window: u64,
    max_value_bytes: usize,
    max_skipped_bytes: u64,
    input: Input,
}

/// What is known of the reader.
enum Input {
    Unread,
    Open,
    AtEnd,
    /// Reported once the values before it have been taken.
    Failed(io::Error),
}

impl<R: Read> Window<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self::of_bytes(reader, WINDOW_BYTES)
    }

    /// A window that has this size at first.
    pub(crate) fn of_bytes(reader: R, bytes: usize) -> Self {
        Self {
            reader,
            bytes: vec![0; bytes],
            next: 0,
            filled: 0,
            bytes_before_window: 0,
            max_value_bytes: MAX_VALUE_BYTES,
            max_skipped_bytes: MAX_SKIPPED_BYTES,
            input: Input::Unread,
        }
    }

    pub(crate) fn max_value_bytes(self, bytes: usize) -> Self {
        Self {
            max_value_bytes: bytes,
            ..self
        }
    }

    /// Skips larger values than [`max_value_bytes`](Self::max_value_bytes) up to this size.
    #[cfg(test)]
    pub(crate) fn skip_up_to(self, bytes: u64) -> Self {
        Self {
            max_skipped_bytes: bytes,
            ..self
        }
    }

    /// The next byte that is not white space, without taking it; `None` at the end.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, JsonError> {
        loop {
            let ahead = self.ahead();
            match ahead.iter().position(|byte| !is_white_space(*byte)) {
                Some(skipped) => {
                    self.next += skipped;
                    return Ok(Some(self.bytes[self.next]));
                }
                None => self.next = self.filled,
            }
            if self.is_at_end() {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Takes the next byte that is not white space if it is `byte`.
    pub(crate) fn take(&mut self, byte: u8) -> Result<bool, JsonError> {
        let is_next = self.peek()? == Some(byte);
        self.next += usize::from(is_next);
        Ok(is_next)
    }

    /// Takes `byte`, or fails with a message that names what was expected.
    pub(crate) fn expect(&mut self, byte: u8, expected: &str) -> Result<(), JsonError> {
        if self.take(byte)? {
            return Ok(());
        }
        Err(if self.peek()?.is_none() {
            self.malformed(format!("the text ends where {expected} was expected"))
        } else {
            self.malformed(format!("{expected} was expected"))
        })
    }

    /// Fails if anything but white space is left.
    pub(crate) fn expect_end(&mut self) -> Result<(), JsonError> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.malformed("the text continues after its end".to_owned())),
        }
    }

    /// Takes the bracket that begins an array, and also the one that ends it if the array is empty;
    /// whether an element follows.
    pub(crate) fn enter_array(&mut self) -> Result<bool, JsonError> {
        self.expect(b'[', "an array")?;
        Ok(!self.take(b']')?)
    }

    /// Takes what follows an element of an array: the end, or the comma before another element.
    pub(crate) fn has_another_element(&mut self) -> Result<bool, JsonError> {
        if self.take(b']')? {
            return Ok(false);
        }
        self.expect(b',', "a comma or the end of an array")?;
        Ok(true)
    }

    /// Lends what the window holds of the next value, and possibly of what follows it, to `take`,
    /// and takes as many bytes as that returns; `false` if it took nothing.
    pub(crate) fn take_ahead<E: From<JsonError>>(
        &mut self,
        take: impl FnOnce(&[u8]) -> Result<Option<usize>, E>,
    ) -> Result<bool, E> {
        if self.peek()?.is_none() {
            return Ok(false);
        }
        let ahead = self.ahead();
        let taken = take(ahead)?.filter(|length| *length <= ahead.len());
        self.next += taken.unwrap_or_default();
        Ok(taken.is_some())
    }

    /// Takes the next value, complete and well-formed, and lends it to `read`.
    pub(crate) fn value<T>(&mut self, read: impl FnOnce(&RawValue) -> T) -> Result<T, JsonError> {
        loop {
            if let Some((value, length)) = self.parse_ahead::<&RawValue>()? {
                let result = read(value);
                self.next += length;
                return Ok(result);
            }
            self.fill()?;
        }
    }

    /// Takes the next value as a `T`.
    pub(crate) fn value_as<T: DeserializeOwned>(&mut self) -> Result<T, JsonError> {
        loop {
            if let Some((value, length)) = self.parse_ahead()? {
                self.next += length;
                return Ok(value);
            }
            self.fill()?;
        }
    }

    pub(crate) fn malformed(&self, problem: String) -> JsonError {
        JsonError::Malformed {
            at: self.position(),
            problem,
        }
    }

    /// The next value and its length; `None` if the window does not hold all of it.
    pub(super) fn parse_ahead<'a, T: Deserialize<'a>>(
        &'a self,
    ) -> Result<Option<(T, usize)>, JsonError> {
        let ahead = self.ahead();
        let mut values = Deserializer::from_slice(ahead).into_iter::<T>();
        match values.next() {
            Some(Ok(value)) => {
                let length = values.byte_offset();
                if length > self.max_value_bytes {
                    return Err(self.too_large());
                }
                // A number at the end of the window may continue after it.
                let is_complete = length < ahead.len()
                    || self.is_at_end()
                    || ahead.ends_with(b"}")
                    || ahead.ends_with(b"]")
                    || ahead.ends_with(b"\"");
                Ok(is_complete.then_some((value, length)))
            }
            Some(Err(error)) if self.is_at_end() || !is_cut_off(&error, ahead) => {
                Err(self.malformed(error.to_string()))
            }
            None if self.is_at_end() => {
                Err(self.malformed("the text ends where a value was expected".to_owned()))
            }
            Some(Err(_)) | None => Ok(None),
        }
    }

    pub(super) fn ahead(&self) -> &[u8] {
        &self.bytes[self.next..self.filled]
    }

    pub(super) fn take_bytes(&mut self, length: usize) {
        self.next += length;
    }

    /// The maximum size of one value in bytes.
    pub(super) fn limit(&self) -> usize {
        self.max_value_bytes
    }

    pub(super) fn max_skipped_bytes(&self) -> u64 {
        self.max_skipped_bytes
    }

    /// Returns the memory that a large value took, as far as nothing of it is filled.
    pub(super) fn shrink(&mut self) {
        self.bytes.copy_within(self.next..self.filled, 0);
        self.bytes_before_window += self.next as u64;
        self.filled -= self.next;
        self.next = 0;
        self.bytes.truncate(self.filled.max(WINDOW_BYTES));
        self.bytes.shrink_to_fit();
    }

    pub(super) fn is_at_end(&self) -> bool {
        matches!(self.input, Input::AtEnd)
    }

    fn position(&self) -> u64 {
        self.bytes_before_window + self.next as u64
    }

    pub(super) fn too_large(&self) -> JsonError {
        JsonError::TooLarge {
            at: self.position(),
            limit: self.max_value_bytes,
        }
    }

    /// Reads on until the window is full or the stream ends.
    pub(super) fn fill(&mut self) -> Result<(), JsonError> {
        let is_first = match std::mem::replace(&mut self.input, Input::Open) {
            Input::Failed(error) => return Err(JsonError::Read(error)),
            input => matches!(input, Input::Unread),
        };
        self.make_room()?;
        while self.filled < self.bytes.len() && matches!(self.input, Input::Open) {
            match self.reader.read(&mut self.bytes[self.filled..]) {
                Ok(0) => self.input = Input::AtEnd,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.input = Input::Failed(error),
            }
        }
        if is_first {
            self.next = self.filled - strip_byte_order_mark(self.ahead()).len();
        }
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), JsonError> {
        self.bytes.copy_within(self.next..self.filled, 0);
        self.bytes_before_window += self.next as u64;
        self.filled -= self.next;
        self.next = 0;
        if self.filled < self.bytes.len() {
            return Ok(());
        }
        if self.filled > self.max_value_bytes {
            return Err(self.too_large());
        }
        // One byte more than the largest value shows where that value ends.
        let length = self.bytes.len() * 2;
        self.bytes.resize(length.min(self.max_value_bytes + 1), 0);
        Ok(())
    }
}

/// Whether the text that follows may resolve the error. The parser does not report each of these as
/// the end of the text: to it, a number cut off after its sign, its point or its `e` is invalid.
pub(super) fn is_cut_off(error: &serde_json::Error, text: &[u8]) -> bool {
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

pub(super) fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
