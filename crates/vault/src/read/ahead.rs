//! Reading on a thread of its own, ahead of the caller.

use std::io::{self, BufRead as _, Cursor, Read};

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// Bytes read at a time.
const PIECE_BYTES: usize = 128 * 1024;
/// How many pieces may wait for the caller.
const PIECES_AHEAD: usize = 8;

/// The bytes of a reader that runs on a thread of its own. Dropping it ends the thread.
pub(crate) struct ReadAhead {
    /// The last piece is empty. A channel that closes without one belonged to a thread that
    /// panicked.
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    current: Cursor<Vec<u8>>,
    has_ended: bool,
}

impl ReadAhead {
    pub(crate) fn new(reader: impl Read + Send + 'static) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        spawn_blocking(move || read_all(reader, &sender));
        Self {
            pieces,
            current: Cursor::default(),
            has_ended: false,
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        let piece = self.pieces.blocking_recv().unwrap_or_else(|| {
            Err(io::Error::other(
                "the thread that reads an object has ended",
            ))
        })?;
        self.has_ended = piece.is_empty();
        self.current = Cursor::new(piece);
        Ok(())
    }
}

impl Read for ReadAhead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.has_ended && self.current.fill_buf()?.is_empty() {
            self.receive()?;
        }
        self.current.read(out)
    }
}

fn read_all(mut reader: impl Read, pieces: &mpsc::Sender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let read = reader
            .by_ref()
            .take(PIECE_BYTES as u64)
            .read_to_end(&mut piece);
        let is_last = !matches!(read, Ok(bytes) if bytes > 0);
        let sent = pieces.blocking_send(read.map(|_| piece));
        if is_last || sent.is_err() {
            return;
        }
    }
}
