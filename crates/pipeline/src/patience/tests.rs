#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::cell::Cell;

use super::*;

fn error(name: ErrorName) -> PipelineError {
    PipelineError::new(name, "away")
}

/// Work that fails with `name` until `until`.
async fn ended(
    patience: &Patience,
    name: ErrorName,
    until: Instant,
) -> (Result<u32, PipelineError>, Duration) {
    let began = Instant::now();
    let attempts = Cell::new(0);
    let ended = patience
        .repeat(|| async {
            attempts.set(attempts.get() + 1);
            if Instant::now() < until {
                Err(error(name))
            } else {
                Ok(attempts.get())
            }
        })
        .await;
    (ended, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_database_that_fails_over_is_waited_for() {
    for seconds in [5, 30, 60, 80] {
        let away = Duration::from_secs(seconds);
        let (ended, after) = ended(
            &Patience::default(),
            ErrorName::DatabaseUnavailable,
            Instant::now() + away,
        )
        .await;
        assert!(ended.is_ok(), "{seconds} s");
        assert!(after < away + Duration::from_secs(9), "{after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_that_stays_away_costs_a_run_its_patience_once() {
    let patience = Patience::default();
    let for_ever = Instant::now() + Duration::from_secs(1_000_000);
    let (first, first_after) = ended(&patience, ErrorName::DatabaseUnavailable, for_ever).await;
    assert_eq!(first.unwrap_err().name, ErrorName::DatabaseUnavailable);
    assert!(first_after > Duration::from_secs(80), "{first_after:?}");
    let (_, after) = ended(&patience, ErrorName::DatabaseUnavailable, for_ever).await;
    assert!(first_after + after <= DATABASE_PATIENCE, "{after:?}");
    // It has come back, and goes again.
    patience.database_replied();
    let (_, after) = ended(&patience, ErrorName::DatabaseUnavailable, for_ever).await;
    assert!(after > Duration::from_secs(80), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn work_that_always_fails_ends_although_the_database_is_there_for_others() {
    let patience = Patience::default();
    let mut attempts = patience.attempts();
    let began = Instant::now();
    let away = error(ErrorName::DatabaseUnavailable);
    while let Some(wait) = attempts.wait_after(&away) {
        sleep(wait).await;
        patience.database_replied();
    }
    assert!(began.elapsed() <= DATABASE_PATIENCE, "{began:?}");
}

#[tokio::test(start_paused = true)]
async fn the_bucket_is_waited_for_shortly() {
    let for_ever = Instant::now() + Duration::from_secs(1_000_000);
    let name = ErrorName::StorageUnavailable;
    let (ended, after) = ended(&Patience::default(), name, for_ever).await;
    assert_eq!(ended.unwrap_err().name, name);
    assert!(after < Duration::from_secs(25), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn another_run_is_waited_for_until_a_frozen_one_has_lost_its_block() {
    let for_ever = Instant::now() + Duration::from_secs(1_000_000);
    let (busy, after) = ended(&Patience::default(), ErrorName::BlockBusy, for_ever).await;
    assert_eq!(busy.unwrap_err().name, ErrorName::BlockBusy);
    assert!(after > MAX_SILENCE && after < 2 * MAX_SILENCE, "{after:?}");
    // Whoever is frozen when the wait begins has lost the block by then.
    let freed = Instant::now() + MAX_SILENCE + Duration::from_secs(1);
    let (free, _) = ended(&Patience::default(), ErrorName::BlockBusy, freed).await;
    assert!(free.is_ok());
}

#[test]
fn old_tables_are_not_waited_for() {
    let patience = Patience::default();
    let old = error(ErrorName::DatabaseUnavailable).not_migrated();
    assert_eq!(patience.attempts().wait_after(&old), None);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_soon_is_not_repeated() {
    let for_ever = Instant::now() + Duration::from_secs(1_000_000);
    for name in ErrorName::ALL {
        let waits = matches!(
            name,
            ErrorName::BlockBusy | ErrorName::StorageUnavailable | ErrorName::DatabaseUnavailable
        );
        let (_, after) = ended(&Patience::default(), name, for_ever).await;
        assert_eq!(after > Duration::ZERO, waits, "{name}");
    }
}
