//! The faults of a link: what happens to which share of its exchanges.

use std::fmt;
use std::time::Duration;

use local_stack::Place;
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use sandbox_network::{Disturbance, Exchange, Reply};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    LoseRequest,
    LoseAnswer,
    Reset,
    Truncate,
    /// Longer than a provider may be silent.
    Stall,
    Trickle,
    /// One bit of an encrypted object changes.
    Flip,
    Status(u16),
    /// A web page with status 200.
    WebPage,
}

use Kind::{Flip, LoseAnswer, LoseRequest, Reset, Stall, Status, Trickle, Truncate, WebPage};

const OF_POSTGRES: &[Kind] = &[LoseRequest, LoseAnswer, Reset, Truncate, Stall, Trickle];
const OF_S3: &[Kind] = &[
    LoseRequest,
    LoseAnswer,
    Reset,
    Truncate,
    Stall,
    Trickle,
    Flip,
    Flip,
    Status(500),
    Status(503),
];
const OF_PROVIDER: &[Kind] = &[
    LoseRequest,
    LoseAnswer,
    Reset,
    Truncate,
    Stall,
    Trickle,
    Status(429),
    Status(500),
    Status(503),
    WebPage,
];
const OF_PORTAL: &[Kind] = &[
    LoseRequest,
    LoseAnswer,
    Reset,
    Truncate,
    Stall,
    Trickle,
    Status(409),
    Status(429),
    Status(503),
    WebPage,
];

/// What happens at one link during a wave.
#[derive(Clone, Default)]
pub(crate) struct Weather {
    kinds: Vec<Kind>,
    /// How many of 1,000 exchanges are disturbed.
    per_mille: u32,
}

impl fmt::Debug for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of 1000 {:?}", self.per_mille, self.kinds)
    }
}

impl Weather {
    pub(crate) fn draw(place: Place, random: &mut ChaCha8Rng) -> Self {
        // Half of the links are quiet, so that the faults of the others have their effect.
        if random.random_bool(0.5) {
            return Self::default();
        }
        let kinds = match place {
            Place::Postgres => OF_POSTGRES,
            Place::S3 => OF_S3,
            Place::Provider => OF_PROVIDER,
            Place::Portal => OF_PORTAL,
        };
        let number = random.random_range(1..=3);
        let per_mille = match place {
            // A block takes dozens of statements, and half a dozen requests to each of the others.
            Place::Postgres => random.random_range(1..40),
            _ => random.random_range(20..400),
        };
        Self {
            kinds: kinds.choose_multiple(random, number).copied().collect(),
            per_mille,
        }
    }

    /// What happens to an exchange.
    pub(crate) fn disturb(&self, exchange: &Exchange<'_>, random: &mut ChaCha8Rng) -> Disturbance {
        if random.random_range(0..1_000) >= self.per_mille {
            return Disturbance::Pass;
        }
        let Some(kind) = self.kinds.choose(random) else {
            return Disturbance::Pass;
        };
        let after = random.random_range(0..3_000);
        match kind {
            LoseRequest => Disturbance::LoseRequest,
            LoseAnswer => Disturbance::LoseAnswer,
            Reset => Disturbance::Reset { after },
            Truncate => Disturbance::Truncate { after },
            Stall => Disturbance::Stall {
                after,
                pause: Duration::from_millis(random.random_range(100..5_000)),
            },
            Trickle => Disturbance::Trickle {
                piece: random.random_range(50..2_000),
                pause: Duration::from_millis(5),
            },
            // Nothing seals what the others send; there TLS notices a changed bit.
            Flip if is_sealed(exchange) => Disturbance::Flip { byte: 300 + after },
            Flip => Disturbance::Pass,
            Status(status) => Disturbance::Answer(refusal(*status)),
            WebPage => Disturbance::Answer(Reply {
                status: 200,
                headers: "Content-Type: text/html\r\n".to_owned(),
                body: "<html><body>We are back soon.</body></html>".to_owned(),
            }),
        }
    }
}

/// Whether the response is an encrypted object.
fn is_sealed(exchange: &Exchange<'_>) -> bool {
    exchange.head.starts_with(b"GET ")
        && ["trips.json", "publish.json", "extract.json", "/config/"]
            .iter()
            .any(|name| exchange.mentions(name))
}

/// As S3 refuses. To the others the body means nothing.
fn refusal(status: u16) -> Reply {
    let code = if status == 503 {
        "SlowDown"
    } else {
        "InternalError"
    };
    Reply {
        status,
        headers: "Content-Type: application/xml\r\n".to_owned(),
        body: format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>a fault</Message></Error>"
        ),
    }
}
