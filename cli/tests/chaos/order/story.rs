//! What a seed decides.

use std::fmt;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(super) const PROVIDERS: [&str; 2] = ["bird", "lime"];
pub(super) const HOURS: usize = 3;
/// How many trips each provider has.
const TRIPS: usize = 7;

/// One hour of one provider: the positions in [`PROVIDERS`] and of the hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) provider: usize,
    pub(super) hour: usize,
}

/// A trip as an answer has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trip {
    pub(super) number: usize,
    /// What it says: a number that only this content has.
    pub(super) content: u32,
    /// The minute of its publication time.
    pub(super) published: Option<u32>,
    /// Whether it lacks its device, so that it is rejected.
    pub(super) is_broken: bool,
}

/// Rounds, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) rounds: Vec<Round>,
}

/// What the providers return changes first. Then everything happens at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Round {
    pub(super) changes: Vec<Change>,
    pub(super) acts: Vec<Act>,
}

/// A change of what a provider returns, or of the portal by somebody else.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// The hour has the trip from now on, in this form.
    Deliver(Place, Trip),
    /// As [`Change::Deliver`], after the trip that it has already.
    Double(Place, Trip),
    /// The hour no longer has the trip.
    Withdraw(Place, usize),
    /// The trip comes in another hour now, as it is.
    Move(Place, usize, usize),
    /// The hour has no trips.
    Empty(Place),
    /// The provider refuses to return the hour, until the next round.
    Fail(Place),
    /// Somebody removes a row from the portal: that of the n-th trip.
    LoseRow(usize),
}

/// What a worker does.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub(super) worker: usize,
    pub(super) after_ms: u64,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    /// A whole run.
    Run(Request),
    /// The steps of the blocks one by one, as functions do them. Each may be cut off.
    Steps {
        request: Request,
        cut_after_ms: Option<u64>,
    },
    /// An audit, and the repair of what it finds.
    Audit,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    /// `None`: all of them.
    pub(super) provider: Option<usize>,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) force: bool,
    pub(super) incomplete_only: bool,
    pub(super) no_extract: bool,
    pub(super) no_sync_db: bool,
    pub(super) no_sync_socrata: bool,
    pub(super) concurrency: usize,
}

impl Story {
    pub(super) fn of(case: u64) -> Self {
        let random = &mut ChaCha8Rng::seed_from_u64(case);
        let mut content = 0;
        let rounds = random.random_range(2..=5);
        let rounds = (0..rounds).map(|n| round(n, &mut content, random));
        Self {
            rounds: rounds.collect(),
        }
    }

    /// The story without its n-th part; `None` if it has no more parts.
    pub(super) fn without(&self, n: usize) -> Option<Self> {
        let (mut story, mut n) = (self.clone(), n);
        if n < story.rounds.len() {
            // What the providers return stays.
            story.rounds[n].acts.clear();
            if self.rounds[n].acts.len() > 1 {
                return Some(story);
            }
            return self.without_part(0).map(|_| story);
        }
        n -= story.rounds.len();
        self.without_part(n)
    }

    fn without_part(&self, mut n: usize) -> Option<Self> {
        let mut story = self.clone();
        for round in &mut story.rounds {
            if n < round.acts.len() {
                round.acts.remove(n);
                return Some(story);
            }
            n -= round.acts.len();
            if n < round.changes.len() {
                round.changes.remove(n);
                return Some(story);
            }
            n -= round.changes.len();
        }
        None
    }
}

fn round(n: usize, content: &mut u32, random: &mut ChaCha8Rng) -> Round {
    let changes = if n == 0 {
        random.random_range(4..12)
    } else {
        random.random_range(0..5)
    };
    let acts = random.random_range(1..=4);
    Round {
        changes: (0..changes).map(|_| change(n, content, random)).collect(),
        acts: (0..acts).map(|_| act(random)).collect(),
    }
}

fn place(random: &mut ChaCha8Rng) -> Place {
    Place {
        // Most of it happens at one provider.
        provider: usize::from(random.random_bool(0.2)),
        hour: random.random_range(0..HOURS),
    }
}

fn trip(content: &mut u32, random: &mut ChaCha8Rng) -> Trip {
    *content += 1;
    let number = random.random_range(0..TRIPS);
    Trip {
        number,
        content: *content,
        // Some trips never have a publication time, and some corrections have an earlier one.
        published: (number % 3 != 0).then(|| match random.random_range(0..6) {
            0 => random.random_range(0..60),
            1 => 30,
            _ => *content % 60,
        }),
        is_broken: random.random_bool(0.1),
    }
}

fn change(round: usize, content: &mut u32, random: &mut ChaCha8Rng) -> Change {
    let place = place(random);
    let number = random.random_range(0..TRIPS);
    let kinds = if round == 0 { 0..8 } else { 0..16 };
    match random.random_range(kinds) {
        0..7 => Change::Deliver(place, trip(content, random)),
        7 => Change::Double(place, trip(content, random)),
        8..11 => Change::Withdraw(place, number),
        11..13 => Change::Move(place, number, random.random_range(0..HOURS)),
        13 => Change::Empty(place),
        14 => Change::Fail(place),
        _ => Change::LoseRow(number),
    }
}

fn act(random: &mut ChaCha8Rng) -> Act {
    let what = match random.random_range(0..10) {
        0..5 => What::Run(request(random)),
        5..9 => What::Steps {
            request: request(random),
            cut_after_ms: random.random_bool(0.4).then(|| random.random_range(1..150)),
        },
        _ => What::Audit,
    };
    Act {
        worker: random.random_range(0..3),
        after_ms: *[0, 0, 10, 40, 100].choose(random).unwrap_or(&0),
        what,
    }
}

fn request(random: &mut ChaCha8Rng) -> Request {
    let from = random.random_range(0..HOURS);
    let [no_extract, no_sync_db, no_sync_socrata] = *[
        [false, false, false],
        [false, false, false],
        [false, false, false],
        [false, true, true],
        [false, false, true],
        [true, false, false],
        [true, false, true],
        [true, true, false],
    ]
    .choose(random)
    .unwrap_or(&[false; 3]);
    let force = random.random_bool(0.6);
    Request {
        provider: random
            .random_bool(0.6)
            .then(|| usize::from(random.random_bool(0.2))),
        from,
        to: random.random_range(from + 1..=HOURS),
        force,
        incomplete_only: !force && random.random_bool(0.5),
        no_extract,
        no_sync_db,
        no_sync_socrata,
        concurrency: random.random_range(1..=4),
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, round) in self.rounds.iter().enumerate() {
            if round.changes.is_empty() && round.acts.is_empty() {
                continue;
            }
            writeln!(f, "round {n}:")?;
            for change in &round.changes {
                writeln!(f, "  {change:?}")?;
            }
            for act in &round.acts {
                let (worker, after) = (act.worker, act.after_ms);
                writeln!(f, "  worker {worker}, after {after} ms: {:?}", act.what)?;
            }
        }
        Ok(())
    }
}
