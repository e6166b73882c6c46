//! Attacks on the whole pipeline. A seed decides the faults of a schedule: of the network, of the
//! database, of the processes. When they are over, one plain `mds run --incomplete-only` has to
//! reach the end of a run that was never disturbed.
//!
//! `make test` runs a few dozen seeds, `make chaos SEEDS=0..300` as many as you like, and `make
//! chaos SEEDS=17` one of them again.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(
    dead_code,
    unreachable_pub,
    reason = "these tests use only a part of it"
)]
#[path = "../it/support.rs"]
mod support;

mod attack;
mod database;
mod disturbances;
mod end;
mod feed;
mod network;
mod order;
mod processes;
mod schedule;
mod seeds;
mod weather;

use std::ops::Range;

use attack::attack;
use schedule::Schedule;
use seeds::{range_of, withstand};

/// The seeds of `make test`.
const SEEDS: Range<u64> = 0..24;
/// Most of the time of a schedule is waiting.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_one_more_run_repairs_it() {
    let seeds = range_of("MDS_CHAOS_SEEDS", SEEDS);
    withstand(seeds, AT_ONCE, "make chaos", |seed| {
        attack(Schedule::of(seed))
    })
    .await;
}
