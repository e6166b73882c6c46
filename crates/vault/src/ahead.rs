//! Reading on while the caller works on what it has.

use std::io::{self, Read};

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// Bytes read at a time.
const PIECE: usize = 128 * 1024;
/// Pieces that wait for the caller.
const PIECES_AHEAD: usize = 8;

/// The bytes of a reader, which is read on a thread beside. Dropped, it ends the thread.
pub(crate) struct ReadAhead {
    /// An empty piece is the last: a channel that closes without is a thread that died.
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    current: Vec<u8>,
    given: usize,
    has_ended: bool,
}

impl ReadAhead {
    pub(crate) fn new(reader: impl Read + Send + 'static) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        spawn_blocking(move || read_all(reader, &sender));
        Self {
            pieces,
            current: Vec::new(),
            given: 0,
            has_ended: false,
        }
    }

    fn next_piece(&mut self) -> io::Result<()> {
        let piece = self.pieces.blocking_recv().unwrap_or_else(|| {
            Err(io::Error::other(
                "the thread that reads an object has ended",
            ))
        })?;
        self.has_ended = piece.is_empty();
        self.current = piece;
        self.given = 0;
        Ok(())
    }
}

impl Read for ReadAhead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.current.len() && !self.has_ended {
            self.next_piece()?;
        }
        let ready = &self.current[self.given..];
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.given += count;
        Ok(count)
    }
}

fn read_all(mut reader: impl Read, pieces: &mpsc::Sender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = reader.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        let is_last = !matches!(read, Ok(bytes) if bytes > 0);
        let sent = pieces.blocking_send(read.map(|_| piece));
        if is_last || sent.is_err() {
            return;
        }
    }
}
