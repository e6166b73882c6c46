//! Order does not matter: whatever several workers do to a few blocks, and in which order, the end
//! is that of a small model in memory, which knows nothing but what the provider delivered.
//!
//! A seed decides a story: what the providers return, how that changes, and which runs, loads,
//! uploads and audits work on it at once. A story that fails is told again with parts left out
//! until each part matters.
//!
//! `make test` tells sixteen stories, `make model CASES=0..500` as many as you like, and `make
//! model CASES=17` one of them again.

mod check;
mod feed;
mod model;
mod story;
mod worker;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::story::Story;
use self::worker::Stage;

const CASES: Range<u64> = 0..16;
const AT_ONCE: usize = 8;
/// A story whose end depends on the moments of its workers fails only sometimes.
const RETOLD: usize = 3;
/// How long shorter stories are looked for.
const SHORTENING: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn the_end_does_not_depend_on_the_order() {
    let cases = crate::range_of("MDS_MODEL_CASES", CASES);
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut telling = JoinSet::new();
    for case in cases.clone() {
        let turns = Arc::clone(&turns);
        telling.spawn(async move {
            let _turn = turns.acquire_owned().await.unwrap();
            (case, told(&Story::of(case)).await)
        });
    }
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    while let Some(told) = telling.join_next().await {
        match told.unwrap() {
            (_, Ok(counts)) => done.push(counts),
            (case, Err(why)) => failures.push((case, why)),
        }
    }
    let sum = |count: fn(&worker::Counts) -> u64| done.iter().map(count).sum::<u64>();
    println!(
        "cases {}..{}: {} stories as the model says; {} runs, {} of them cut off, {} audits; {} deliveries of {} trips",
        cases.start,
        cases.end,
        done.len(),
        sum(|it| it.runs),
        sum(|it| it.cut_off),
        sum(|it| it.audits),
        sum(|it| it.deliveries),
        sum(|it| it.trips),
    );
    failures.sort();
    for (n, (case, why)) in failures.iter().enumerate() {
        println!("== case {case} failed; `make model CASES={case}` repeats it\n{why}\n");
        if n == 0 {
            println!(
                "-- the shortest story that fails:\n{}",
                shortest(*case).await
            );
        }
    }
    let failed: BTreeSet<u64> = failures.iter().map(|(case, _)| *case).collect();
    assert!(failed.is_empty(), "cases {failed:?} failed");
}

/// Tells a story. The error says what differs from the model.
async fn told(story: &Story) -> Result<worker::Counts, String> {
    let story = story.clone();
    let told = tokio::spawn(async move { Box::pin(Stage::set().await.tell(&story)).await });
    told.await
        .unwrap_or_else(|panic| Err(format!("panicked: {panic}")))
}

/// Leaves out parts of a failing story as long as it fails without them.
async fn shortest(case: u64) -> String {
    let mut story = Story::of(case);
    let mut why = "it did not fail again".to_owned();
    let until = Instant::now() + SHORTENING;
    let mut n = 0;
    while let Some(shorter) = story.without(n)
        && Instant::now() < until
    {
        match fails(&shorter).await {
            Some(failure) => (story, why) = (shorter, failure),
            None => n += 1,
        }
    }
    format!("{story}{why}")
}

async fn fails(story: &Story) -> Option<String> {
    for _ in 0..RETOLD {
        if let Err(why) = told(story).await {
            return Some(why);
        }
    }
    None
}
