//! Attacks on whole executions. A seed decides which invocations of the functions are killed,
//! frozen or cut off, what happens to the network and the database, and which executions overlap.
//! When that is over, one plain execution has to reach the end of a run that was never disturbed.
//!
//! `make e2e` runs a handful of seeds, `make e2e-chaos SEEDS=0..50` as many as you like, and `make
//! e2e-chaos SEEDS=17` one of them again.

mod attack;
mod storm;
mod strike;
mod tally;

use std::ops::Range;

use attack::attack;
use storm::Storm;

use crate::seeds::{range_of, withstand};

/// The seeds of `make e2e`.
const SEEDS: Range<u64> = 0..4;
/// Most of the time of an attack is waiting.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_the_functions_one_more_execution_repairs_it() {
    let seeds = range_of("MDS_CHAOS_SEEDS", SEEDS);
    withstand(seeds, AT_ONCE, "make e2e-chaos", |seed| {
        attack(Storm::of(seed))
    })
    .await;
}
