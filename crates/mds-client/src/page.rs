//! One page: its body is streamed to a blocking thread, which reads the envelope.

use std::io;
use std::time::Duration;

use http_kit::Chunks;
use reqwest::Response;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use trips::envelope::{EnvelopeError, EnvelopeSummary, NonFiniteTrip, TripVisitor, read_list};

use crate::body::{Body, Piece};
use crate::endpoint::Endpoint;
use crate::fetch_error::FetchError;
use crate::sink::TripSink;
use crate::unreadable::Unreadable;
use crate::window::WideWindow;
use crate::words;

/// Pieces of a body on their way to the blocking thread.
const PIECES_AHEAD: usize = 4;
/// Size of the pieces in which a fast provider's bytes are passed on. Passing on every read of the
/// socket would wake the thread for a few bytes, which costs more than parsing them.
const PIECE_BYTES: usize = 256 * 1024;
/// Bytes of a slow provider are passed on after this time at the latest.
const PIECE_WAIT: Duration = Duration::from_millis(2);

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
    /// Its first bytes, if somebody wants to see them.
    pub(crate) head: Vec<u8>,
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
    let headers = response.headers().clone();
    let wanted = endpoint.options.kept_body_bytes;
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let reader = tokio::task::spawn_blocking(move || {
        let mut body = Body::new(receiver, wanted);
        let mut sink = sink;
        let result = read_list(&mut body, list, &mut sink).and_then(|summary| {
            sink.begin().map_err(EnvelopeError::Sink)?;
            Ok((summary, sink))
        });
        match result {
            Ok((summary, sink)) => Ok((summary, sink, body.into_head())),
            Err(error) => Err(Unreadable::new(error, body)),
        }
    });
    let (bytes, page) = tokio::join!(pump(Chunks::of(response), sender, limits), reader);
    let unreadable = match page {
        Ok(Ok((summary, sink, head))) => {
            return Ok(Page {
                sink,
                summary,
                bytes: bytes?,
                head: kept(head, wanted),
            });
        }
        Ok(Err(unreadable)) => unreadable,
        Err(_) => {
            bytes?;
            return Err(FetchError::sink(thread_ended()));
        }
    };
    // A rest that is read for somebody who wants to see it, and breaks off, is no cause of it.
    if wanted == 0 || !unreadable.is_of_content() {
        bytes?;
    }
    let said = if unreadable.may_explain() {
        words::of_body(&unreadable.head, &endpoint.secrets().await)
    } else {
        None
    };
    let head = unreadable.head.clone();
    Err(unreadable
        .into_error(&headers)
        .with_words(said)
        .with_body(kept(head, wanted)))
}

/// The first bytes of a body, if somebody wants to see them.
fn kept(mut head: Vec<u8>, wanted: usize) -> Vec<u8> {
    head.truncate(wanted);
    head
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
