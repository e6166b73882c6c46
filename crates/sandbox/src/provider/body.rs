//! The body of an answer, made while it is sent.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{StreamExt, stream};
use serde_json::Value;

use crate::server::dropped_body_error;

/// Pieces are sent together up to about this size.
const CHUNK: usize = 64 << 10;
/// Between what is sent of a body and the end of its connection.
const DROP_DELAY: Duration = Duration::from_millis(20);

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// In the middle, and the connection says that it is whole.
    Truncated,
    /// In the middle, with the connection.
    Dropped,
    /// Whole, with a pause of this length in the middle.
    Stalled(Duration),
}

/// The envelope around trips: `{"version":…,"data":{"trips":[` … `]},"links":…}`.
pub(super) fn envelope(
    version: &str,
    trips: impl Iterator<Item = String> + Send + 'static,
    links: Option<&Value>,
    ending: Ending,
    half: usize,
) -> Body {
    let before = format!("{{\"version\":\"{version}\",\"data\":{{\"trips\":[");
    let after = match links {
        Some(links) => format!("]}},\"links\":{links}}}"),
        None => "]}}".to_owned(),
    };
    let trips = trips
        .enumerate()
        .map(|(index, trip)| if index == 0 { trip } else { format!(",{trip}") });
    let pieces = std::iter::once(before)
        .chain(trips)
        .chain(std::iter::once(after));
    let first_half = half + 1;
    let kept = match ending {
        Ending::Whole | Ending::Stalled(_) => usize::MAX,
        Ending::Truncated | Ending::Dropped => first_half,
    };
    let pause = match ending {
        Ending::Stalled(time) => Some((first_half, time)),
        _ => None,
    };
    let sent = stream::iter(Chunks {
        pieces: pieces.take(kept),
        pause,
    })
    .then(|(wait, chunk)| async move {
        if let Some(time) = wait {
            tokio::time::sleep(time).await;
        }
        Ok(chunk)
    });
    let dropped = stream::iter((ending == Ending::Dropped).then_some(())).then(|()| async {
        // Else the error would overtake what is still to be sent.
        tokio::time::sleep(DROP_DELAY).await;
        Err(dropped_body_error())
    });
    Body::from_stream(sent.chain(dropped))
}

/// Joins small pieces. With each chunk comes how long to wait before it.
struct Chunks<I> {
    pieces: I,
    /// How many pieces there are before the pause, and how long it is.
    pause: Option<(usize, Duration)>,
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
        (!chunk.is_empty()).then(|| (wait, Bytes::from(chunk)))
    }
}
