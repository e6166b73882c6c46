//! A body on its way from the connection to the thread that reads it.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;
use trips::text::BYTE_ORDER_MARK;

use crate::words;

/// Consecutive chunks of a body.
#[derive(Default)]
pub(crate) struct Piece {
    pub(crate) chunks: Vec<Bytes>,
    pub(crate) bytes: usize,
    pub(crate) is_last: bool,
}

/// The blocking end of the channel. If the channel closes without the last piece, the body broke
/// off; that must not look like the end.
pub(crate) struct Body {
    receiver: mpsc::Receiver<Piece>,
    chunks: std::vec::IntoIter<Bytes>,
    current: Bytes,
    /// Whether the last piece has arrived.
    has_ended: bool,
    /// Whether the first character is `{`; decided once it has arrived.
    starts_as_object: bool,
    has_started: bool,
    /// The first bytes. If this is no list of trips, they may say why.
    head: Vec<u8>,
    /// How many of them somebody wants to see.
    wanted: usize,
}

impl Body {
    pub(crate) fn new(receiver: mpsc::Receiver<Piece>, wanted: usize) -> Self {
        Self {
            receiver,
            chunks: Vec::new().into_iter(),
            current: Bytes::new(),
            has_ended: false,
            starts_as_object: false,
            has_started: false,
            head: Vec::new(),
            wanted,
        }
    }

    /// The first bytes: those that somebody wants to see, or else a few.
    pub(crate) fn into_head(mut self) -> Vec<u8> {
        // A rest that breaks off changes nothing.
        while self.head.len() < self.wanted && self.advance().is_ok() {}
        self.head
    }

    /// Whether the first character is `{`.
    pub(crate) fn starts_as_object(&self) -> bool {
        self.starts_as_object
    }

    /// Moves on to the next chunk, or waits for the next piece.
    fn advance(&mut self) -> io::Result<()> {
        if let Some(chunk) = self.chunks.next() {
            let most = words::MAX_BODY_BYTES.max(self.wanted);
            let room = most.saturating_sub(self.head.len());
            self.head.extend_from_slice(&chunk[..room.min(chunk.len())]);
            self.current = chunk;
            self.look_at_start();
            return Ok(());
        }
        let piece = self
            .receiver
            .blocking_recv()
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        self.has_ended = piece.is_last;
        self.chunks = piece.chunks.into_iter();
        Ok(())
    }

    fn is_read(&self) -> bool {
        self.has_ended && self.current.is_empty() && self.chunks.as_slice().is_empty()
    }

    fn look_at_start(&mut self) {
        if self.has_started {
            return;
        }
        let is_text = |byte: &&u8| !byte.is_ascii_whitespace() && !BYTE_ORDER_MARK.contains(byte);
        if let Some(first) = self.current.iter().find(is_text) {
            self.has_started = true;
            self.starts_as_object = *first == b'{';
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.is_read() {
            self.advance()?;
        }
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
