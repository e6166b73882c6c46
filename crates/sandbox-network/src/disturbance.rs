//! What can happen to an exchange.

use std::time::Duration;

/// An exchange that begins.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// Its number at this link, from 0.
    pub number: u64,
    /// The first bytes that the client sends in it; for HTTP the request line and some headers.
    pub head: &'a [u8],
}

impl Exchange<'_> {
    /// Whether the head contains this text.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        self.head
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }
}

/// What happens to an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disturbance {
    /// It passes.
    Pass,
    /// It passes after a pause, as over a long way.
    Delay(Duration),
    /// The connection is reset before the server sees the request.
    LoseRequest,
    /// The connection is reset when the server begins to respond: it has done the work.
    LoseAnswer,
    /// The connection is reset after some bytes of the response.
    Reset {
        /// The bytes that arrive.
        after: usize,
    },
    /// The connection ends properly after some bytes of the response.
    Truncate {
        /// The bytes that arrive.
        after: usize,
    },
    /// The response pauses.
    Stall {
        /// The bytes that arrive before the pause.
        after: usize,
        /// How long nothing arrives.
        pause: Duration,
    },
    /// The response arrives in pieces with pauses between them.
    Trickle {
        /// The bytes of a piece.
        piece: usize,
        /// The pause before each piece.
        pause: Duration,
    },
    /// One bit of the response changes, if it is long enough.
    Flip {
        /// The byte of the response, from 0.
        byte: usize,
    },
    /// The proxy responds. The server never sees the request.
    Answer(Reply),
}

/// A response that does not come from the server, and ends the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its HTTP status.
    pub status: u16,
    /// Further headers, each with its line end.
    pub headers: String,
    /// Its body.
    pub body: String,
}

impl Reply {
    /// The bytes of the response.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self {
            status,
            headers,
            body,
        } = self;
        let length = body.len();
        format!(
            "HTTP/1.1 {status} Fault\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}
