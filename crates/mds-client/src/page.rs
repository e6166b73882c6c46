//! One response: its body goes as a stream into the reader of the envelope on a blocking thread.

use std::io::{self, Read};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use reqwest::Response;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use trips::envelope::{EnvelopeError, EnvelopeSummary, TripVisitor, read_list};

use crate::fetch_error::FetchError;
use crate::sink::TripSink;
use crate::window::WideWindow;

/// Pieces of a body on their way to the blocking thread.
const PIECES_AHEAD: usize = 4;
/// What a fast provider sends is handed on in pieces of this size, not each time that the socket
/// gave something: waking a thread costs more than looking at so few bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// What a slow one has sent is handed on after this time at the latest.
const PIECE_WAIT: Duration = Duration::from_millis(2);

/// Bounds on one body.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Longest wait for the next bytes.
    pub(crate) timeout: Duration,
    /// Most bytes, after decompression.
    pub(crate) bytes: u64,
}

/// The sink of an hour and what has gone into it.
pub(crate) struct HourSink<S> {
    pub(crate) sink: S,
    pub(crate) version: Option<String>,
    pub(crate) passed_on: u64,
    pub(crate) left_out: u64,
    begun: bool,
    fallback_version: String,
    /// Set where more was asked for than the hour.
    window: Option<WideWindow>,
}

impl<S: TripSink> HourSink<S> {
    pub(crate) fn new(sink: S, fallback_version: String, window: Option<WideWindow>) -> Self {
        Self {
            sink,
            version: None,
            passed_on: 0,
            left_out: 0,
            begun: false,
            fallback_version,
            window,
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        let version = self.version.as_deref().unwrap_or(&self.fallback_version);
        self.sink.begin(version)
    }

    /// The version as the body names it, or as it was assumed.
    pub(crate) fn version(&self) -> &str {
        self.version.as_deref().unwrap_or(&self.fallback_version)
    }
}

impl<S: TripSink> TripVisitor for HourSink<S> {
    fn version(&mut self, version: &str) {
        self.version.get_or_insert_with(|| version.to_owned());
    }

    fn trip(&mut self, trip: &RawValue) -> io::Result<()> {
        self.begin()?;
        if self
            .window
            .is_some_and(|window| window.is_of_another_hour(trip))
        {
            self.left_out += 1;
            return Ok(());
        }
        self.passed_on += 1;
        self.sink.trip(trip)
    }
}

/// The intake of an hour without any page: begun, and nothing more.
pub(crate) async fn none<S: TripSink + Send + 'static>(
    mut intake: HourSink<S>,
) -> Result<HourSink<S>, FetchError> {
    tokio::task::spawn_blocking(move || intake.begin().map(|()| intake))
        .await
        .unwrap_or_else(|_| Err(thread_ended()))
        .map_err(FetchError::sink)
}

fn thread_ended() -> io::Error {
    io::Error::other("the thread that hands on the trips ended")
}

/// What a body held.
pub(crate) struct Page<S> {
    pub(crate) intake: HourSink<S>,
    pub(crate) summary: EnvelopeSummary,
    pub(crate) bytes: u64,
}

/// Reads the body of a response, with a list of this name, to its end.
///
/// # Errors
///
/// The sink is dropped on any error. A transport that fails goes before what the reader makes of
/// the stump it got.
pub(crate) async fn read<S: TripSink + Send + 'static>(
    response: Response,
    list: &'static str,
    intake: HourSink<S>,
    limits: Limits,
) -> Result<Page<S>, FetchError> {
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let reader = tokio::task::spawn_blocking(move || {
        let mut body = Body::new(receiver);
        let mut intake = intake;
        let result = read_list(&mut body, list, &mut intake).and_then(|summary| {
            intake.begin().map_err(EnvelopeError::Sink)?;
            Ok((summary, intake))
        });
        result.map_err(|error| (error, body.began_as_object))
    });
    let (pumped, read) = tokio::join!(pump(response, sender, limits), reader);
    let bytes = pumped?;
    match read {
        Ok(Ok((summary, intake))) => Ok(Page {
            intake,
            summary,
            bytes,
        }),
        Ok(Err((error, began_as_object))) => Err(unreadable(error, began_as_object)),
        Err(_) => Err(FetchError::sink(thread_ended())),
    }
}

fn unreadable(error: EnvelopeError, began_as_object: bool) -> FetchError {
    let text = error.to_string();
    match error {
        EnvelopeError::Sink(source) => FetchError::sink(source),
        EnvelopeError::Read(_) => FetchError::broken_off(text),
        // Servers that fail half-way through a body often end it in an orderly way.
        EnvelopeError::Malformed { .. } if began_as_object => FetchError::broken_json(text),
        _ => FetchError::malformed(text),
    }
}

/// Moves the body to the blocking thread; gives the number of bytes. Ends early, without an error
/// of its own, if the thread wants no more.
async fn pump(
    mut response: Response,
    sender: mpsc::Sender<Piece>,
    limits: Limits,
) -> Result<u64, FetchError> {
    let mut bytes = 0;
    loop {
        let piece = gather(&mut response, limits.timeout).await?;
        bytes += piece.bytes as u64;
        if bytes > limits.bytes {
            return Err(FetchError::malformed(format!(
                "its body is larger than the cap of {} bytes",
                limits.bytes
            )));
        }
        let is_last = piece.is_last;
        if sender.send(piece).await.is_err() || is_last {
            return Ok(bytes);
        }
    }
}

/// Some chunks of a body.
#[derive(Default)]
struct Piece {
    chunks: Vec<Bytes>,
    bytes: usize,
    is_last: bool,
}

/// Waits for the next bytes, and a moment for those behind them.
async fn gather(response: &mut Response, timeout: Duration) -> Result<Piece, FetchError> {
    let mut piece = Piece::default();
    let mut until = Instant::now() + timeout;
    while piece.bytes < PIECE_BYTES {
        let Ok(chunk) = timeout_at(until, response.chunk()).await else {
            if piece.bytes > 0 {
                break;
            }
            let seconds = timeout.as_secs_f64();
            return Err(FetchError::broken_off(format!("no byte for {seconds} s")));
        };
        let chunk =
            chunk.map_err(|error| FetchError::body_transport("the body broke off", error))?;
        let Some(chunk) = chunk else {
            piece.is_last = true;
            break;
        };
        if piece.bytes == 0 {
            until = Instant::now() + timeout.min(PIECE_WAIT);
        }
        piece.bytes += chunk.len();
        piece.chunks.push(chunk);
    }
    Ok(piece)
}

/// The blocking end of the channel. A channel that closes without the last piece was a body that
/// broke off, and must not look like one that ended.
struct Body {
    receiver: mpsc::Receiver<Piece>,
    chunks: std::vec::IntoIter<Bytes>,
    current: Bytes,
    ended: bool,
    began_as_object: bool,
    has_begun: bool,
}

impl Body {
    fn new(receiver: mpsc::Receiver<Piece>) -> Self {
        Self {
            receiver,
            chunks: Vec::new().into_iter(),
            current: Bytes::new(),
            ended: false,
            began_as_object: false,
            has_begun: false,
        }
    }

    /// The next chunk, if there is one.
    fn advance(&mut self) -> io::Result<()> {
        if let Some(chunk) = self.chunks.next() {
            self.current = chunk;
            self.look_at_beginning();
            return Ok(());
        }
        let piece = self
            .receiver
            .blocking_recv()
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        self.ended = piece.is_last;
        self.chunks = piece.chunks.into_iter();
        Ok(())
    }

    fn is_read(&self) -> bool {
        self.ended && self.current.is_empty() && self.chunks.as_slice().is_empty()
    }

    fn look_at_beginning(&mut self) {
        if self.has_begun {
            return;
        }
        let blank = |byte: &&u8| !byte.is_ascii_whitespace() && !b"\xEF\xBB\xBF".contains(byte);
        if let Some(first) = self.current.iter().find(blank) {
            self.has_begun = true;
            self.began_as_object = *first == b'{';
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
