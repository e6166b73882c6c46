//! What a seed decides.

use std::fmt;
use std::time::Duration;

use local_stack::Place;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::feed::Feed;
use crate::night::input;
use crate::schedule::{DatabaseFault, Moment, Outage, database_fault, moment};
use crate::weather::Weather;

/// One of so many seeds freezes a function for a minute.
const MINUTES: u64 = 16;
/// How long a retry waits, as a part of what the definition says. Functions are frozen and cut off
/// sooner in the same way.
const PACE: f64 = 0.03;

/// All faults of one attack.
#[derive(Debug)]
pub(crate) struct Storm {
    pub(crate) seed: u64,
    pub(crate) feed: Feed,
    /// Whether the database is a server of its own, which can crash.
    pub(crate) own_server: bool,
    /// How long the state machine waits, as a part of what the definition says.
    pub(crate) pace: f64,
    /// The timeout of every function.
    pub(crate) timeout: Duration,
    pub(crate) executions: Vec<Execution>,
    pub(crate) fates: Vec<Fate>,
    pub(crate) strikes: Vec<Strike>,
    /// In the order of [`Place::ALL`].
    pub(crate) weather: [Weather; 4],
    pub(crate) outage: Option<Outage>,
    pub(crate) database: Option<DatabaseFault>,
}

/// An execution that is started.
#[derive(Debug, Clone)]
pub(crate) struct Execution {
    pub(crate) name: &'static str,
    pub(crate) input: Value,
    pub(crate) starts_after: Duration,
}

/// What happens to an invocation that is still to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fate {
    pub(crate) function: &'static str,
    /// Its number among those of the function, from 1.
    pub(crate) invocation: u64,
    pub(crate) after: Duration,
    pub(crate) blow: Blow,
}

/// What happens to whatever a function does at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strike {
    pub(crate) function: &'static str,
    pub(crate) at: Moment,
    /// How long it is frozen. Without, it is killed.
    pub(crate) freeze: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Blow {
    Kill,
    Freeze(Duration),
    /// As at the timeout, which the function expects later.
    CutOff,
    /// The invocation has another timeout, of which the function knows.
    Timeout(Duration),
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (feed, own, pace, timeout) = (self.feed, self.own_server, self.pace, self.timeout);
        writeln!(
            f,
            "{feed:?}, own server: {own}, pace: {pace}, timeout: {timeout:?}"
        )?;
        for execution in &self.executions {
            let (name, input) = (execution.name, &execution.input);
            writeln!(f, "  {name} after {:?}: {input}", execution.starts_after)?;
        }
        for fate in &self.fates {
            writeln!(f, "  {fate:?}")?;
        }
        for strike in &self.strikes {
            writeln!(f, "  {strike:?}")?;
        }
        for (place, weather) in Place::ALL.iter().zip(&self.weather) {
            writeln!(f, "  {place:?}: {weather:?}")?;
        }
        writeln!(f, "  {:?}, {:?}", self.outage, self.database)
    }
}

impl Storm {
    pub(crate) fn of(seed: u64) -> Self {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        if seed % MINUTES == MINUTES - 1 {
            return Self::of_a_minute(seed, random);
        }
        let feed = match random.random_range(0..16) {
            0 => Feed::Big,
            1..8 => Feed::Vehicles,
            _ => Feed::Pages,
        };
        let own_server = random.random_bool(0.15);
        let (fates, strikes) = (random.random_range(3..=9), random.random_range(0..=3));
        Self {
            seed,
            feed,
            own_server,
            pace: PACE,
            timeout: milliseconds(4_000..9_000, random),
            executions: executions(feed, random),
            fates: (0..fates).map(|_| fate(random)).collect(),
            strikes: (0..strikes).map(|_| strike(random)).collect(),
            weather: Place::ALL.map(|place| Weather::draw(place, random)),
            outage: random.random_bool(0.2).then(|| Outage {
                at: moment(random),
                pause: milliseconds(50..3_000, random),
            }),
            database: random
                .random_bool(if own_server { 0.9 } else { 0.3 })
                .then(|| database_fault(own_server, random)),
        }
    }

    /// Real time and timeouts: a function is frozen for a minute, and others need its blocks.
    fn of_a_minute(seed: u64, random: &mut ChaCha8Rng) -> Self {
        let feed = Feed::Pages;
        let function = ["extract", "sync-db", "sync-socrata"].choose(random);
        Self {
            seed,
            feed,
            own_server: false,
            pace: 1.0,
            timeout: Duration::from_secs(900),
            executions: executions(feed, random),
            fates: vec![Fate {
                function: function.copied().unwrap_or("extract"),
                invocation: random.random_range(1..=4),
                after: moment_of_a_step(random),
                blow: Blow::Freeze(Duration::from_secs(60)),
            }],
            strikes: Vec::new(),
            weather: Default::default(),
            outage: None,
            database: None,
        }
    }

    /// The arguments of `infra/local/aws.py`.
    pub(crate) fn options(&self) -> Vec<String> {
        let mut options = vec!["--waits".to_owned(), self.pace.to_string()];
        for function in FUNCTIONS {
            let seconds = self.timeout.as_secs_f64();
            options.extend(["--timeout".to_owned(), format!("{function}={seconds}")]);
        }
        options
    }

    /// The hours as an input names them.
    pub(crate) fn hours(&self) -> Value {
        hours(self.feed)
    }
}

/// A backfill comes first; the others are what schedules and engineers start beside it.
fn executions(feed: Feed, random: &mut ChaCha8Rng) -> Vec<Execution> {
    let mut executions = vec![Execution {
        name: "backfill",
        input: hours(feed),
        starts_after: Duration::ZERO,
    }];
    let number = random.random_range(0..=3);
    for _ in 0..number {
        let (name, input) = another(feed, random);
        executions.push(Execution {
            name,
            input,
            starts_after: milliseconds(0..4_000, random),
        });
    }
    executions
}

fn another(feed: Feed, random: &mut ChaCha8Rng) -> (&'static str, Value) {
    let mut again = hours(feed);
    match random.random_range(0..6) {
        0 | 1 => ("hourly", input("HourlySchedule", "2020-01-17T05:10:00Z")),
        2 => {
            again["incomplete_only"] = json!(true);
            ("sweep", again)
        }
        3 => {
            again["force"] = json!(true);
            ("forced", again)
        }
        4 => ("again", again),
        _ => (
            "audit",
            input("NightlyAuditSchedule", "2020-01-17T09:40:00Z"),
        ),
    }
}

fn hours(feed: Feed) -> Value {
    let range = feed.range();
    json!({"provider": "all", "time_min": range[3], "time_max": range[5]})
}

const FUNCTIONS: [&str; 4] = ["extract", "sync-db", "sync-socrata", "plan-blocks"];

fn function(random: &mut ChaCha8Rng) -> &'static str {
    // The plan and the summary are fewer.
    let number = random.random_range(0..11);
    FUNCTIONS[number / 3]
}

fn fate(random: &mut ChaCha8Rng) -> Fate {
    Fate {
        function: function(random),
        invocation: random.random_range(1..=14),
        after: moment_of_a_step(random),
        blow: match random.random_range(0..10) {
            0..4 => Blow::Kill,
            4..7 => Blow::Freeze(milliseconds(300..9_000, random)),
            7 => Blow::CutOff,
            _ => Blow::Timeout(milliseconds(1_050..2_500, random)),
        },
    }
}

fn strike(random: &mut ChaCha8Rng) -> Strike {
    Strike {
        function: function(random),
        at: moment(random),
        freeze: random
            .random_bool(0.5)
            .then(|| milliseconds(300..9_000, random)),
    }
}

/// Most of a step's work is done in its first tenth of a second.
fn moment_of_a_step(random: &mut ChaCha8Rng) -> Duration {
    let exponent: f64 = random.random_range(0.0..2.8);
    Duration::from_secs_f64(10_f64.powf(exponent) / 1_000.0)
}

fn milliseconds(range: std::ops::Range<u64>, random: &mut ChaCha8Rng) -> Duration {
    Duration::from_millis(random.random_range(range))
}
