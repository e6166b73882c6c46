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
mod end;
mod feed;
mod network;
mod order;
mod processes;
mod schedule;
mod weather;

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use attack::{Tally, attack};
use schedule::Schedule;

/// The seeds of `make test`.
const SEEDS: Range<u64> = 0..24;
/// Most of the time of a schedule is waiting.
const AT_ONCE: usize = 8;

/// The numbers in a variable: `17`, or `0..300` without its end.
pub(crate) fn range_of(variable: &str, default: Range<u64>) -> Range<u64> {
    let Ok(numbers) = std::env::var(variable) else {
        return default;
    };
    let number = |text: &str| text.parse::<u64>().unwrap();
    match numbers.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(&numbers)..number(&numbers) + 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_one_more_run_repairs_it() {
    let seeds = range_of("MDS_CHAOS_SEEDS", SEEDS);
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut attacks = JoinSet::new();
    for seed in seeds.clone() {
        let turns = Arc::clone(&turns);
        attacks.spawn(async move {
            let _turn = turns.acquire_owned().await.unwrap();
            let attacked = tokio::spawn(attack(Schedule::of(seed))).await;
            (seed, attacked)
        });
    }
    let (mut tally, mut failures) = (Tally::default(), Vec::new());
    while let Some(attacked) = attacks.join_next().await {
        match attacked.unwrap() {
            (_, Ok(Ok(one))) => tally += one,
            (seed, Ok(Err(failure))) => failures.push((seed, failure)),
            (seed, Err(panic)) => failures.push((seed, panic.to_string())),
        }
    }
    println!("seeds {}..{}: {tally}", seeds.start, seeds.end);
    for (seed, failure) in &failures {
        println!("== seed {seed} failed; `make chaos SEEDS={seed}` repeats it\n{failure}");
    }
    let failed: Vec<u64> = failures.into_iter().map(|(seed, _)| seed).collect();
    assert!(failed.is_empty(), "seeds {failed:?} failed");
}
