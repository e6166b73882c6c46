//! An element that may be what JSON does not allow, or larger than the reader keeps.

use std::io::Read;

use serde_json::Deserializer;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::JsonError;
use super::extent::Extent;
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

/// What a text that is no JSON is found to be.
enum Lenient {
    NonFinite(usize, Box<RawValue>),
    /// The window does not hold enough to tell.
    CutOff,
    Malformed,
}

impl<R: Read> Window<R> {
    /// Takes the next value and lends it to `read`, also if it has a number that is not finite or
    /// is larger than any value may be.
    pub(crate) fn element<T>(
        &mut self,
        read: impl FnOnce(Element<'_>) -> T,
    ) -> Result<T, JsonError> {
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
                        let text = text.map_err(|_| self.malformed("invalid UTF-8".to_owned()))?;
                        let result = read(Element::NonFinite {
                            text,
                            with_nulls: &value,
                        });
                        self.take_bytes(length);
                        return Ok(result);
                    }
                    Lenient::CutOff => {}
                    Lenient::Malformed => return Err(error),
                },
            }
            match self.fill() {
                Err(JsonError::TooLarge { .. }) => return self.skip_too_large(read),
                filled => filled?,
            }
        }
    }

    /// Whether the value ahead is JSON but for numbers that are not finite.
    fn lenient_ahead(&self) -> Lenient {
        let ahead = self.ahead();
        let mut extent = Extent::default();
        let end = extent
            .feed(ahead)
            .or_else(|| (extent.is_in_scalar() && self.is_at_end()).then_some(ahead.len()));
        if end.is_none() && !self.is_at_end() && ends_within_token(ahead) {
            return Lenient::CutOff;
        }
        let Some(replaced) = with_nulls(&ahead[..end.unwrap_or(ahead.len())]) else {
            return Lenient::Malformed;
        };
        match end {
            Some(length) if length <= self.limit() => match serde_json::from_slice(&replaced) {
                Ok(value) => Lenient::NonFinite(length, value),
                Err(_) => Lenient::Malformed,
            },
            Some(_) => Lenient::CutOff,
            None if self.is_at_end() => Lenient::Malformed,
            None => {
                let mut values = Deserializer::from_slice(&replaced).into_iter::<&RawValue>();
                match values.next() {
                    Some(Err(error)) if !is_cut_off(&error, &replaced) => Lenient::Malformed,
                    _ => Lenient::CutOff,
                }
            }
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
