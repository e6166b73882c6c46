//! What a seed decides.

use std::fmt;
use std::time::Duration;

use local_stack::Place;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::feed::Feed;
use crate::weather::Weather;

/// All faults of one attack, in order.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) feed: Feed,
    /// Whether the database is a server of its own, which can crash.
    pub(crate) own_server: bool,
    pub(crate) waves: Vec<Wave>,
}

/// Runs that overlap, under the same faults.
#[derive(Debug)]
pub(crate) struct Wave {
    pub(crate) runs: Vec<Run>,
    /// In the order of [`Place::ALL`].
    pub(crate) weather: [Weather; 4],
    pub(crate) outage: Option<Outage>,
    pub(crate) database: Option<DatabaseFault>,
}

/// One `mds`.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) args: Vec<String>,
    pub(crate) starts_after: Duration,
    pub(crate) fate: Fate,
}

/// What happens to a process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Ends,
    Killed(Moment),
    Terminated(Moment),
    Frozen { at: Moment, pause: Duration },
}

/// When a link has seen so many exchanges since the wave began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) place: Place,
    pub(crate) exchanges: u64,
}

/// A link that is down for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    pub(crate) at: Moment,
    pub(crate) pause: Duration,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct DatabaseFault {
    pub(crate) at: Moment,
    pub(crate) pause: Duration,
    pub(crate) kind: DatabaseFaultKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatabaseFaultKind {
    /// Every session of `mds` is terminated.
    Terminates,
    /// As the standby after a failover.
    ReadOnly,
    /// Somebody else holds the locks of these tables.
    Locks(&'static str),
    /// Writes fail with `disk_full`.
    Full,
    /// `mds` gets no connection any more.
    NoConnections,
    /// A server process is killed, so that all of them restart.
    Crashes,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}, own server: {}", self.feed, self.own_server)?;
        for (number, wave) in self.waves.iter().enumerate() {
            writeln!(f, "wave {number}:")?;
            for run in &wave.runs {
                let (args, after) = (run.args.join(" "), run.starts_after);
                writeln!(f, "  mds {args}, after {after:?}: {:?}", run.fate)?;
            }
            for (place, weather) in Place::ALL.iter().zip(&wave.weather) {
                writeln!(f, "  {place:?}: {weather:?}")?;
            }
            writeln!(f, "  {:?}, {:?}", wave.outage, wave.database)?;
        }
        Ok(())
    }
}

/// The flags of a run, or another command over the same hours.
const COMMANDS: &[&[&str]] = &[
    &["run"],
    &["run"],
    &["run", "--incomplete-only"],
    &["run", "--force"],
    &["run", "--force", "--no-extract"],
    &["run", "--no-sync-socrata"],
    &["extract"],
    &["sync-db"],
    &["sync-socrata", "--force"],
    &["audit", "--repair"],
];

impl Schedule {
    pub(crate) fn of(seed: u64) -> Self {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let feed = match random.random_range(0..16) {
            0 => Feed::Big,
            1..8 => Feed::Vehicles,
            _ => Feed::Pages,
        };
        let own_server = random.random_bool(0.15);
        let waves = random.random_range(1..=2);
        Self {
            seed,
            feed,
            own_server,
            waves: (0..waves).map(|_| wave(feed, own_server, random)).collect(),
        }
    }
}

fn wave(feed: Feed, own_server: bool, random: &mut ChaCha8Rng) -> Wave {
    let number = random.random_range(1..=3);
    Wave {
        runs: (0..number).map(|n| run(n, feed, random)).collect(),
        weather: Place::ALL.map(|place| Weather::draw(place, random)),
        outage: random.random_bool(0.2).then(|| Outage {
            at: moment(random),
            pause: Duration::from_millis(random.random_range(50..3_000)),
        }),
        database: random
            .random_bool(if own_server { 0.9 } else { 0.4 })
            .then(|| database_fault(own_server, random)),
    }
}

fn run(number: u64, feed: Feed, random: &mut ChaCha8Rng) -> Run {
    let command = match number {
        0 => COMMANDS[0],
        _ => COMMANDS.choose(random).copied().unwrap_or(COMMANDS[0]),
    };
    let mut args: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
    let range = feed.range();
    if command[0] == "audit" {
        args.extend_from_slice(&range[2..]);
    } else {
        args.extend(range);
        let concurrency = random.random_range(1..=6);
        args.extend(["--concurrency".to_owned(), format!("{concurrency}")]);
    }
    Run {
        args,
        starts_after: Duration::from_millis(number * random.random_range(0..800)),
        fate: match random.random_range(0..10) {
            0..4 => Fate::Killed(moment(random)),
            4 => Fate::Terminated(moment(random)),
            5..7 => Fate::Frozen {
                at: moment(random),
                pause: Duration::from_millis(random.random_range(100..4_000)),
            },
            _ => Fate::Ends,
        },
    }
}

pub(crate) fn moment(random: &mut ChaCha8Rng) -> Moment {
    let place = Place::ALL.choose(random).copied().unwrap_or(Place::S3);
    let most = match place {
        Place::Postgres => 300,
        Place::S3 => 60,
        Place::Provider | Place::Portal => 8,
    };
    Moment {
        place,
        exchanges: random.random_range(0..most),
    }
}

pub(crate) fn database_fault(own_server: bool, random: &mut ChaCha8Rng) -> DatabaseFault {
    use DatabaseFaultKind::{Crashes, Full, Locks, NoConnections, ReadOnly, Terminates};
    let kinds = [
        Terminates,
        ReadOnly,
        Locks("api.trips"),
        Locks("api.schedule"),
        Full,
        NoConnections,
    ];
    DatabaseFault {
        at: moment(random),
        pause: Duration::from_millis(random.random_range(50..4_000)),
        kind: match own_server {
            true => Crashes,
            false => kinds.choose(random).copied().unwrap_or(Terminates),
        },
    }
}
