//! An element that may be what JSON does not allow, or larger than the reader keeps.

use std::io::Read;

use serde::de::IgnoredAny;
use serde_json::Deserializer;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::JsonError;
use super::extent::Extent;
use super::faulty::is_one_record;
use super::non_finite::{ends_within_token, with_nulls};
use super::window::{Window, is_cut_off};

/// The next value of a text, as [`Window::element`] lends it.
pub(crate) enum Element<'a> {
    /// JSON, exactly as it stands in the text.
    Json(&'a RawValue),
    /// JSON but for `NaN`, `Infinity` or `-Infinity`.
    NonFinite {
        /// As it stands in the text.
        text: &'a str,
        /// The same with `null` in place of these.
        with_nulls: &'a RawValue,
    },
    /// JSON but for bytes in its texts that are not UTF-8, and perhaps such numbers.
    NotUtf8 {
        /// As it stands in the text.
        sent: &'a [u8],
        /// The same with U+FFFD in place of these bytes, and `null` in place of these numbers.
        readable: &'a RawValue,
    },
    /// An object that JSON does not allow for another reason.
    NotJson(&'a [u8]),
    /// More bytes than the reader keeps. It has been skipped.
    TooLarge(&'a Skipped),
}

/// A value that was too large to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) bytes: u64,
    /// SHA-256 of its text.
    pub(crate) sha256: [u8; 32],
    /// The first bytes of its text.
    pub(crate) start: Vec<u8>,
}

/// How much of a value that is too large is kept, in bytes.
const KEPT_START: usize = 64 * 1024;
/// A larger value that is not UTF-8 or no JSON counts as too large. What replaces it in an archive
/// has up to six times its size, and has to be read again.
const MAX_REPLACED_BYTES: usize = 10 * 1024 * 1024;
const NOT_UTF8: &str = "a text is not UTF-8";

/// What a text that is no JSON is found to be.
enum Lenient {
    NonFinite(usize, Box<RawValue>),
    NotUtf8(usize, Box<RawValue>),
    /// An object of this length with another fault.
    NotJson(usize),
    TooLarge,
    /// The window does not hold enough to tell.
    CutOff,
    /// An object with another fault, of which the window does not hold the end.
    FaultyAndCutOff,
    Malformed,
}

impl<R: Read> Window<R> {
    /// Takes the next value and lends it to `read`, also if it has a number that is not finite or
    /// is larger than any value may be. It has to be JSON otherwise.
    pub(crate) fn element<T>(
        &mut self,
        read: impl FnOnce(Element<'_>) -> T,
    ) -> Result<T, JsonError> {
        let not_utf8 = self.malformed(NOT_UTF8.to_owned());
        let taken = self.lenient_element(false, |element| match element {
            Element::NotUtf8 { .. } => None,
            element => Some(read(element)),
        })?;
        taken.ok_or(not_utf8)
    }

    /// As [`Window::element`], also for a value whose texts have bytes that are not UTF-8, and for
    /// an object with any other fault that leaves no doubt where the object ends.
    pub(crate) fn record<T>(
        &mut self,
        read: impl FnOnce(Element<'_>) -> T,
    ) -> Result<T, JsonError> {
        self.lenient_element(true, read)
    }

    fn lenient_element<T>(
        &mut self,
        may_be_faulty: bool,
        read: impl FnOnce(Element<'_>) -> T,
    ) -> Result<T, JsonError> {
        // Of an object that does not fit, nobody can tell whether it is one record.
        let mut fault = None;
        loop {
            match self.parse_ahead::<&RawValue>() {
                Ok(Some((value, length))) => {
                    let result = read(Element::Json(value));
                    self.take_bytes(length);
                    return Ok(result);
                }
                Ok(None) => {}
                Err(JsonError::TooLarge { .. }) => return self.skip_too_large(read),
                Err(error) => match self.lenient_ahead() {
                    Lenient::NonFinite(length, value) => {
                        let text = str::from_utf8(&self.ahead()[..length]);
                        let text = text.map_err(|_| self.malformed(NOT_UTF8.to_owned()))?;
                        let result = read(Element::NonFinite {
                            text,
                            with_nulls: &value,
                        });
                        self.take_bytes(length);
                        return Ok(result);
                    }
                    Lenient::NotUtf8(length, readable) => {
                        let result = read(Element::NotUtf8 {
                            sent: &self.ahead()[..length],
                            readable: &readable,
                        });
                        self.take_bytes(length);
                        return Ok(result);
                    }
                    Lenient::NotJson(length) if may_be_faulty => {
                        if length > MAX_REPLACED_BYTES {
                            return self.skip_too_large(read);
                        }
                        let result = read(Element::NotJson(&self.ahead()[..length]));
                        self.take_bytes(length);
                        return Ok(result);
                    }
                    Lenient::FaultyAndCutOff if may_be_faulty => fault = Some(error),
                    Lenient::TooLarge => return self.skip_too_large(read),
                    Lenient::CutOff => {}
                    _ => return Err(error),
                },
            }
            match self.fill() {
                Err(JsonError::TooLarge { .. }) => match fault {
                    Some(error) => return Err(error),
                    None => return self.skip_too_large(read),
                },
                filled => filled?,
            }
        }
    }

    /// What the value ahead is, of which is known that it is no JSON.
    fn lenient_ahead(&self) -> Lenient {
        let ahead = self.ahead();
        let mut extent = Extent::default();
        let end = extent
            .feed(ahead)
            .or_else(|| (extent.is_in_scalar() && self.is_at_end()).then_some(ahead.len()));
        if end.is_none() && !self.is_at_end() && ends_within_token(ahead) {
            return Lenient::CutOff;
        }
        let text = &ahead[..end.unwrap_or(ahead.len())];
        let replaced = with_nulls(text);
        // A text without an end may be cut off within a character.
        let is_utf8 = end.is_none() || str::from_utf8(text).is_ok();
        if replaced.is_none() && is_utf8 {
            return self.faulty(text, end);
        }
        let replaced = replaced.as_deref().unwrap_or(text);
        let lenient = match end {
            Some(length) if length > self.limit() => is_json(replaced).then_some(Lenient::CutOff),
            Some(length) if is_utf8 => {
                let value = serde_json::from_slice(replaced).ok();
                value.map(|value| Lenient::NonFinite(length, value))
            }
            Some(length) => readable(length, replaced),
            None if self.is_at_end() => None,
            None => {
                let mut values = Deserializer::from_slice(replaced).into_iter::<&RawValue>();
                match values.next() {
                    Some(Err(error)) if !is_cut_off(&error, replaced) => None,
                    _ => Some(Lenient::CutOff),
                }
            }
        };
        lenient.unwrap_or_else(|| self.faulty(text, end))
    }

    /// What a value is that is no JSON whatever is replaced in it.
    fn faulty(&self, text: &[u8], end: Option<usize>) -> Lenient {
        match end {
            None if text.starts_with(b"{") && !self.is_at_end() => Lenient::FaultyAndCutOff,
            Some(length) if length <= self.limit() && is_one_record(text) => {
                Lenient::NotJson(length)
            }
            _ => Lenient::Malformed,
        }
    }

    /// Skips a value without keeping it, and lends its size and hash to `read`.
    fn skip_too_large<T>(&mut self, read: impl FnOnce(Element<'_>) -> T) -> Result<T, JsonError> {
        let error = self.too_large();
        let mut extent = Extent::default();
        let mut hash = Sha256::new();
        let mut skipped = Skipped {
            bytes: 0,
            sha256: [0; 32],
            start: self.ahead()[..self.ahead().len().min(KEPT_START)].to_vec(),
        };
        loop {
            let end = extent.feed(self.ahead());
            let length = end.unwrap_or(self.ahead().len());
            hash.update(&self.ahead()[..length]);
            skipped.bytes += length as u64;
            self.take_bytes(length);
            if end.is_some() {
                break;
            }
            if self.is_at_end() {
                return Err(self.malformed("the text ends within a value".to_owned()));
            }
            if skipped.bytes > self.max_skipped_bytes() {
                return Err(error);
            }
            self.fill()?;
        }
        self.shrink();
        skipped.sha256 = hash.finalize().into();
        Ok(read(Element::TooLarge(&skipped)))
    }
}

/// A value of `length` bytes that is not UTF-8, if it is JSON otherwise.
fn readable(length: usize, text: &[u8]) -> Option<Lenient> {
    if !is_json(text) {
        return None;
    }
    if length > MAX_REPLACED_BYTES {
        return Some(Lenient::TooLarge);
    }
    let value = serde_json::from_str(&String::from_utf8_lossy(text)).ok()?;
    Some(Lenient::NotUtf8(length, value))
}

/// Whether this is JSON but for bytes in its texts: the parser does not look at a text that it
/// skips.
fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}
