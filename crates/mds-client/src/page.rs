//! One page: its body is streamed to a blocking thread, which reads the envelope.

use std::io::{self, Read};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http_kit::{Chunks, is_gzip};
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use trips::envelope::{EnvelopeError, EnvelopeSummary, NonFiniteTrip, TripVisitor, read_list};
use trips::text::BYTE_ORDER_MARK;

use crate::endpoint::Endpoint;
use crate::fetch_error::FetchError;
use crate::sink::TripSink;
use crate::window::WideWindow;
use crate::words;

/// Pieces of a body on their way to the blocking thread.
const PIECES_AHEAD: usize = 4;
/// Size of the pieces in which a fast provider's bytes are passed on. Passing on every read of the
/// socket would wake the thread for a few bytes, which costs more than parsing them.
const PIECE_BYTES: usize = 256 * 1024;
/// Bytes of a slow provider are passed on after this time at the latest.
const PIECE_WAIT: Duration = Duration::from_millis(2);

/// An encoding with a longer name is shortened in messages.
const MAX_ENCODING_CHARS: usize = 32;

/// Bounds on one body.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Longest wait for the next bytes.
    pub(crate) timeout: Duration,
    /// Largest size, after decompression.
    pub(crate) bytes: u64,
}

/// The caller's sink, and what has gone into it in this hour.
pub(crate) struct HourSink<S> {
    pub(crate) inner: S,
    version: Option<String>,
    pub(crate) passed_on: u64,
    pub(crate) left_out: u64,
    has_begun: bool,
    fallback_version: String,
    /// Set if the query covers more than the hour.
    window: Option<WideWindow>,
}

impl<S: TripSink> HourSink<S> {
    pub(crate) fn new(inner: S, fallback_version: String, window: Option<WideWindow>) -> Self {
        Self {
            inner,
            version: None,
            passed_on: 0,
            left_out: 0,
            has_begun: false,
            fallback_version,
            window,
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        if self.has_begun {
            return Ok(());
        }
        self.has_begun = true;
        let version = self.version.as_deref().unwrap_or(&self.fallback_version);
        self.inner.begin(version)
    }

    fn is_of_another_hour(&self, trip: &RawValue) -> bool {
        self.window
            .is_some_and(|window| window.is_of_another_hour(trip))
    }

    /// The version that the body names, or else the assumed one.
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
        if self.is_of_another_hour(trip) {
            self.left_out += 1;
            return Ok(());
        }
        self.passed_on += 1;
        self.inner.trip(trip)
    }

    fn non_finite_trip(&mut self, trip: &NonFiniteTrip<'_>) -> io::Result<()> {
        self.begin()?;
        if self.is_of_another_hour(trip.with_nulls) {
            self.left_out += 1;
            return Ok(());
        }
        self.passed_on += 1;
        self.inner.non_finite_trip(trip)
    }
}

/// Begins the sink of an hour that has no page.
pub(crate) async fn begin_only<S: TripSink>(
    mut sink: HourSink<S>,
) -> Result<HourSink<S>, FetchError> {
    tokio::task::spawn_blocking(move || sink.begin().map(|()| sink))
        .await
        .unwrap_or_else(|_| Err(thread_ended()))
        .map_err(FetchError::sink)
}

fn thread_ended() -> io::Error {
    io::Error::other("the thread that reads the trips ended")
}

/// A page that has been read.
pub(crate) struct Page<S> {
    pub(crate) sink: HourSink<S>,
    pub(crate) summary: EnvelopeSummary,
    pub(crate) bytes: u64,
}

/// Reads a body with the list of this name to its end.
///
/// # Errors
///
/// The sink is dropped on any error. A transport error takes precedence over the parse error that
/// it causes.
pub(crate) async fn read<S: TripSink>(
    response: Response,
    list: &'static str,
    sink: HourSink<S>,
    limits: Limits,
    endpoint: &Endpoint,
) -> Result<Page<S>, FetchError> {
    let encoding = unread_encoding(response.headers());
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let reader = tokio::task::spawn_blocking(move || {
        let mut body = Body::new(receiver);
        let mut sink = sink;
        let result = read_list(&mut body, list, &mut sink).and_then(|summary| {
            sink.begin().map_err(EnvelopeError::Sink)?;
            Ok((summary, sink))
        });
        result.map_err(|error| (error, body.starts_as_object, body.head))
    });
    let (bytes, page) = tokio::join!(pump(Chunks::of(response), sender, limits), reader);
    let bytes = bytes?;
    match page {
        Ok(Ok((summary, sink))) => Ok(Page {
            sink,
            summary,
            bytes,
        }),
        Ok(Err((error, starts_as_object, head))) => {
            let is_no_envelope = matches!(error, EnvelopeError::NotAnEnvelope { .. });
            let said = if is_no_envelope {
                words::of_body(&head, &endpoint.secrets().await)
            } else {
                None
            };
            Err(unreadable(error, starts_as_object, encoding).with_words(said))
        }
        Err(_) => Err(FetchError::sink(thread_ended())),
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

fn unreadable(
    error: EnvelopeError,
    starts_as_object: bool,
    encoding: Option<String>,
) -> FetchError {
    let text = error.to_string();
    match error {
        EnvelopeError::Sink(source) => FetchError::sink(source),
        EnvelopeError::Read(_) => FetchError::broken_off(text),
        // Servers that fail in the middle of a body often end the connection properly.
        EnvelopeError::Malformed { .. } if starts_as_object => FetchError::broken_json(text),
        _ => FetchError::malformed(match encoding {
            Some(encoding) => {
                format!("{text}; it is encoded as `{encoding}`, and only gzip is decoded")
            }
            None => text,
        }),
    }
}

/// Moves the body to the blocking thread and returns its size. Ends early, without an error, if the
/// thread stopped reading.
async fn pump(
    mut body: Chunks,
    sender: mpsc::Sender<Piece>,
    limits: Limits,
) -> Result<u64, FetchError> {
    let mut bytes = 0;
    loop {
        let piece = gather(&mut body, limits.timeout).await?;
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

/// Consecutive chunks of a body.
#[derive(Default)]
struct Piece {
    chunks: Vec<Bytes>,
    bytes: usize,
    is_last: bool,
}

/// Waits for the next bytes, and a moment longer for those that follow.
async fn gather(body: &mut Chunks, timeout: Duration) -> Result<Piece, FetchError> {
    let mut piece = Piece::default();
    let mut until = Instant::now() + timeout;
    while piece.bytes < PIECE_BYTES {
        let Ok(chunk) = timeout_at(until, body.next()).await else {
            if piece.bytes > 0 {
                break;
            }
            let seconds = timeout.as_secs_f64();
            return Err(FetchError::broken_off(format!("no bytes for {seconds} s")));
        };
        let Some(chunk) = chunk.map_err(FetchError::body)? else {
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

/// The blocking end of the channel. If the channel closes without the last piece, the body broke
/// off; that must not look like the end.
struct Body {
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
}

impl Body {
    fn new(receiver: mpsc::Receiver<Piece>) -> Self {
        Self {
            receiver,
            chunks: Vec::new().into_iter(),
            current: Bytes::new(),
            has_ended: false,
            starts_as_object: false,
            has_started: false,
            head: Vec::new(),
        }
    }

    /// Moves on to the next chunk, or waits for the next piece.
    fn advance(&mut self) -> io::Result<()> {
        if let Some(chunk) = self.chunks.next() {
            let room = words::MAX_BODY_BYTES.saturating_sub(self.head.len());
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
