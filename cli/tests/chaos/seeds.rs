//! Attacks of many seeds, some of them at a time.

use std::fmt::Display;
use std::ops::{AddAssign, Range};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

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

/// Runs an attack for each seed, `at_once` of them at a time, and prints what they did. `command`
/// repeats one of them.
#[allow(clippy::print_stdout, reason = "a test may print what it did")]
pub(crate) async fn withstand<T, F>(
    seeds: Range<u64>,
    at_once: usize,
    command: &str,
    attack: impl Fn(u64) -> F + Copy + Send + 'static,
) where
    T: Default + AddAssign + Display + Send + 'static,
    F: Future<Output = Result<T, String>> + Send + 'static,
{
    let turns = Arc::new(Semaphore::new(at_once));
    let mut attacks = JoinSet::new();
    for seed in seeds.clone() {
        let turns = Arc::clone(&turns);
        attacks.spawn(async move {
            let _turn = turns.acquire_owned().await.unwrap();
            let attacked = tokio::spawn(attack(seed)).await;
            (seed, attacked)
        });
    }
    let (mut tally, mut failed) = (T::default(), Vec::new());
    while let Some(attacked) = attacks.join_next().await {
        let (seed, attacked) = attacked.unwrap();
        let failure = match attacked {
            Ok(Ok(one)) => {
                tally += one;
                continue;
            }
            Ok(Err(failure)) => failure,
            Err(panic) => panic.to_string(),
        };
        println!("== seed {seed} failed; `{command} SEEDS={seed}` repeats it\n{failure}");
        failed.push(seed);
    }
    println!("seeds {}..{}: {tally}", seeds.start, seeds.end);
    assert!(failed.is_empty(), "seeds {failed:?} failed");
}
