//! The body of a response, generated while it is sent.

use std::io::Write as _;
use std::time::Duration;

use axum::body::{Body, Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{Stream, StreamExt, stream};
use sandbox_server::dropped_body_error;
use serde_json::Value;

/// The approximate size of a chunk; smaller pieces are sent together.
const CHUNK: usize = 64 << 10;
/// The time between the last bytes of a body and the drop of its connection.
const DROP_DELAY: Duration = Duration::from_millis(20);
/// The time between two bytes of a trickling body.
const TRICKLE: Duration = Duration::from_millis(100);
/// The size of the white space at the end of a huge body.
const HUGE: usize = 2 << 30;
static SPACES: [u8; CHUNK] = [b' '; CHUNK];

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// In the middle, but the connection ends as if the body were complete.
    Truncated,
    /// In the middle, because the connection is dropped.
    Dropped,
    /// Complete, with a pause of this length in the middle.
    Stalled(Duration),
    /// Never: the first half is followed by white space, one byte at a time.
    Trickling,
    /// The first half is followed by 2 GiB of white space.
    Huge,
}

/// The JSON text around a list.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    /// The text up to the opening bracket of the list, inclusive.
    pub(super) before: String,
    /// The text from the closing bracket of the list.
    pub(super) after: String,
    pub(super) ending: Ending,
    /// How many items are sent before the middle.
    pub(super) half: usize,
    /// Whether the text is sent in Latin-1. It has no other characters then.
    pub(super) is_latin_1: bool,
}

impl Envelope {
    /// `{"version":…,"data":{"trips":[` … `]},"links":…}`, or the same with `trips` at the top
    /// level.
    pub(super) fn of_trips(version: &str, is_top_level: bool, links: Option<&Value>) -> Self {
        let (open, close) = if is_top_level {
            ("\"trips\":[", "]")
        } else {
            ("\"data\":{\"trips\":[", "]}")
        };
        Self {
            before: format!("{{\"version\":\"{version}\",{open}"),
            after: format!("{close}{}}}", member("links", links)),
            ending: Ending::Whole,
            half: 0,
            is_latin_1: false,
        }
    }

    /// A list of 2.0 other than trips, with `members` before it.
    pub(super) fn of_list(name: &str, members: &Value, links: Option<&Value>) -> Self {
        let members = members.to_string();
        let members = members.trim_start_matches('{').trim_end_matches('}');
        Self {
            before: format!("{{{members},\"{name}\":["),
            after: format!("]{}}}", member("links", links)),
            ending: Ending::Whole,
            half: 0,
            is_latin_1: false,
        }
    }

    /// The body: the envelope with its items, which are JSON text.
    pub(super) fn body(self, items: impl Iterator<Item = String> + Send + 'static) -> Body {
        let first_half = self.half + 1;
        let (kept, pause) = match self.ending {
            Ending::Whole => (usize::MAX, None),
            Ending::Stalled(time) => (usize::MAX, Some((first_half, time))),
            Ending::Truncated | Ending::Dropped | Ending::Trickling | Ending::Huge => {
                (first_half, None)
            }
        };
        let ending = self.ending;
        let is_latin_1 = self.is_latin_1;
        let pieces = self.pieces(items).take(kept);
        let chunks = Chunks {
            pieces,
            pause,
            is_latin_1,
        };
        let sent = stream::iter(chunks).then(|(wait, chunk)| async move {
            if let Some(time) = wait {
                tokio::time::sleep(time).await;
            }
            Ok(chunk)
        });
        Body::from_stream(sent.chain(rest(ending)))
    }

    /// The whole body, compressed with gzip.
    pub(super) fn gzipped(self, items: impl Iterator<Item = String>) -> std::io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let is_latin_1 = self.is_latin_1;
        for piece in self.pieces(items) {
            encoder.write_all(&encoded(piece, is_latin_1))?;
        }
        encoder.finish()
    }

    fn pieces(self, items: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
        let items = items
            .enumerate()
            .map(|(index, item)| if index == 0 { item } else { format!(",{item}") });
        std::iter::once(self.before)
            .chain(items)
            .chain(std::iter::once(self.after))
    }
}

fn member(name: &str, value: Option<&Value>) -> String {
    value.map_or_else(String::new, |value| format!(",\"{name}\":{value}"))
}

/// The rest of a body after its first half, if it does not end properly.
fn rest(ending: Ending) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    let spaces: &'static [u8] = &SPACES;
    let max_chunks = match ending {
        Ending::Huge => HUGE / SPACES.len(),
        Ending::Trickling => usize::MAX,
        _ => 0,
    };
    let filled = stream::iter(0..max_chunks).then(move |_| async move {
        if ending == Ending::Trickling {
            tokio::time::sleep(TRICKLE).await;
            return Ok(Bytes::from_static(&spaces[..1]));
        }
        Ok(Bytes::from_static(spaces))
    });
    let dropped = stream::iter((ending == Ending::Dropped).then_some(())).then(|()| async {
        // Without the delay, the error would discard bytes that are not sent yet.
        tokio::time::sleep(DROP_DELAY).await;
        Err(dropped_body_error())
    });
    filled.chain(dropped)
}

/// Joins small pieces into chunks. Each chunk comes with the time to wait before it, if any.
struct Chunks<I> {
    pieces: I,
    /// How many pieces precede the pause, and its length.
    pause: Option<(usize, Duration)>,
    is_latin_1: bool,
}

impl<I: Iterator<Item = String>> Iterator for Chunks<I> {
    type Item = (Option<Duration>, Bytes);

    fn next(&mut self) -> Option<Self::Item> {
        let wait = self
            .pause
            .take_if(|(pieces_before, _)| *pieces_before == 0)
            .map(|(_, time)| time);
        let mut chunk = String::new();
        for piece in self.pieces.by_ref() {
            chunk.push_str(&piece);
            if let Some((pieces_before, _)) = &mut self.pause {
                *pieces_before -= 1;
            }
            let pauses = matches!(self.pause, Some((0, _)));
            if pauses || chunk.len() >= CHUNK {
                break;
            }
        }
        (!chunk.is_empty()).then(|| (wait, Bytes::from(encoded(chunk, self.is_latin_1))))
    }
}

fn encoded(text: String, is_latin_1: bool) -> Vec<u8> {
    if !is_latin_1 {
        return text.into_bytes();
    }
    text.chars()
        .map(|character| u8::try_from(character).unwrap_or(b'?'))
        .collect()
}
