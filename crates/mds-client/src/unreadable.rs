//! A body that could not be read, and what the message says of it.

use http_kit::{is_gzip, looks_like};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use trips::envelope::EnvelopeError;

use crate::body::Body;
use crate::fetch_error::FetchError;

/// An encoding with a longer name is shortened in messages.
const MAX_ENCODING_CHARS: usize = 32;

/// A body that could not be read.
pub(crate) struct Unreadable {
    error: EnvelopeError,
    starts_as_object: bool,
    /// Its first bytes.
    pub(crate) head: Vec<u8>,
}

impl Unreadable {
    pub(crate) fn new(error: EnvelopeError, body: Body) -> Self {
        let starts_as_object = body.starts_as_object();
        let head = match error {
            EnvelopeError::Read(_) | EnvelopeError::Sink(_) => Vec::new(),
            _ => body.into_head(),
        };
        Self {
            error,
            starts_as_object,
            head,
        }
    }

    /// Whether the content is at fault, and neither the connection nor the sink.
    pub(crate) fn is_of_content(&self) -> bool {
        !matches!(self.error, EnvelopeError::Read(_) | EnvelopeError::Sink(_))
    }

    /// Whether the body may be an explanation in place of trips.
    pub(crate) fn may_explain(&self) -> bool {
        matches!(self.error, EnvelopeError::NotAnEnvelope { .. })
    }

    pub(crate) fn into_error(self, headers: &HeaderMap) -> FetchError {
        let text = self.error.to_string();
        match self.error {
            EnvelopeError::Sink(source) => FetchError::sink(source),
            EnvelopeError::Read(_) => FetchError::broken_off(text),
            // Servers that fail in the middle of a body often end the connection properly.
            EnvelopeError::Malformed { .. } if self.starts_as_object => {
                FetchError::broken_json(text)
            }
            EnvelopeError::Malformed { .. } => FetchError::malformed(
                match (unread_encoding(headers), looks_like(headers, &self.head)) {
                    (Some(encoding), _) => {
                        format!("{text}; it is encoded as `{encoding}`, and only gzip is decoded")
                    }
                    (None, Some(looks)) => format!("{text}; it looks like {looks}"),
                    (None, None) => text,
                },
            ),
            _ => FetchError::malformed(text),
        }
    }
}

/// The encoding of a body that is not decoded, for a message. Some servers write the character set
/// there, so this alone is no fault.
fn unread_encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = headers
        .get(CONTENT_ENCODING)
        .filter(|_| !is_gzip(headers))?;
    let encoding = encoding.to_str().ok()?;
    Some(encoding.chars().take(MAX_ENCODING_CHARS).collect())
}
