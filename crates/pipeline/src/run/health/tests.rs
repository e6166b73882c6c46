use store::StoreError;

use super::*;

fn error(name: ErrorName) -> PipelineError {
    PipelineError::new(name, "why")
}

fn health() -> Health {
    Health::new(&CancellationToken::new())
}

#[test]
fn three_failures_of_the_database_in_a_row_stop_the_run() {
    let health = health();
    let away = error(ErrorName::DatabaseUnavailable);
    health.failed(Step::Extract, &away);
    health.failed(Step::SyncDb, &away);
    health.succeeded(Step::Extract);
    health.failed(Step::Extract, &away);
    health.failed(Step::SyncSocrata, &away);
    assert!(!health.all().is_cancelled());
    health.failed(Step::Extract, &away);
    assert!(health.all().is_cancelled() && health.portal().is_cancelled());
    let why = health.gave_up().unwrap().to_string();
    assert_eq!(
        why,
        "the run has stopped, since the database cannot be used: 3 blocks in a row failed with \
         DatabaseUnavailable: why"
    );
}

#[test]
fn a_database_that_takes_no_trips_stops_the_run_although_it_answers_other_steps() {
    let health = health();
    for _ in 0..3 {
        health.succeeded(Step::Extract);
        health.failed(Step::SyncDb, &error(ErrorName::DatabaseUnavailable));
    }
    assert!(health.all().is_cancelled());
}

#[test]
fn a_portal_that_is_down_stops_the_publishing_alone() {
    let health = health();
    for name in [
        ErrorName::SocrataThrottled,
        ErrorName::SocrataUnavailable,
        ErrorName::ConfigInvalid,
    ] {
        // Blocks are loaded all the while.
        health.succeeded(Step::SyncDb);
        health.failed(Step::SyncSocrata, &error(name));
    }
    assert!(health.portal().is_cancelled() && !health.all().is_cancelled());
}

#[test]
fn failures_of_one_provider_stop_no_run() {
    let health = health();
    for _ in 0..5 {
        health.failed(Step::Extract, &error(ErrorName::ConfigInvalid));
        health.failed(Step::Extract, &error(ErrorName::ProviderUnavailable));
        health.failed(Step::SyncSocrata, &error(ErrorName::SocrataRejected));
    }
    assert_eq!(health.gave_up(), None);
    assert!(!health.portal().is_cancelled());
}

#[test]
fn what_a_load_needs_of_the_configuration_stops_the_run() {
    let health = health();
    for _ in 0..3 {
        health.succeeded(Step::Extract);
        health.failed(Step::SyncDb, &error(ErrorName::ConfigInvalid));
    }
    assert!(health.all().is_cancelled());
}

#[test]
fn what_refuses_every_block_stops_the_run_in_any_step() {
    let health = health();
    for _ in 0..3 {
        // Another step may have the right that this one lacks.
        health.succeeded(Step::SyncDb);
        health.failed(Step::Extract, &StoreError::ReadOnly.into());
    }
    assert_eq!(health.gave_up().unwrap().dependency, Dependency::Database);
    assert!(health.all().is_cancelled());
}

#[test]
fn a_success_of_the_step_that_was_refused_ends_the_row() {
    let health = health();
    for _ in 0..5 {
        health.failed(Step::Extract, &StoreError::ReadOnly.into());
        health.failed(Step::Extract, &StoreError::ReadOnly.into());
        health.succeeded(Step::Extract);
    }
    assert_eq!(health.gave_up(), None);
}
