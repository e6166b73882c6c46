//! The definition's error names and retries.

use std::collections::BTreeSet;

use pipeline::ErrorName;
use rstest::rstest;

use crate::definition::{Machine, State, TEXT, of_a_block, whole};

/// Whether a name is one of Step Functions or Lambda, and not one of ours.
fn is_of_aws(name: &str) -> bool {
    ["Lambda.", "Runtime.", "Sandbox.", "States."]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn tasks(machine: &Machine) -> impl Iterator<Item = (&String, &State)> {
    machine.states.iter().filter(|(_, state)| state.is_task())
}

fn retried(state: &State) -> BTreeSet<&str> {
    let names = state.retry.iter().flat_map(|retrier| &retrier.error_equals);
    names
        .map(String::as_str)
        .filter(|name| !is_of_aws(name))
        .collect()
}

#[test]
fn the_definition_knows_no_name_that_the_code_does_not() {
    for machine in [whole(), of_a_block()] {
        for state in machine.states.values() {
            let retry = state.retry.iter().flat_map(|it| &it.error_equals);
            let catch = state.catch.iter().flat_map(|it| &it.error_equals);
            for name in retry.chain(catch).filter(|name| !is_of_aws(name)) {
                assert!(
                    ErrorName::ALL.iter().any(|it| it.as_str() == name),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn what_passes_by_waiting_is_retried_somewhere_and_nothing_else_is() {
    let (whole, block) = (whole(), of_a_block());
    let retried: BTreeSet<_> = tasks(&whole)
        .chain(tasks(&block))
        .flat_map(|(_, state)| retried(state))
        .collect();
    let transient = ErrorName::ALL.iter().filter(|name| name.is_transient());
    let transient: BTreeSet<_> = transient.map(|name| name.as_str()).collect();
    assert_eq!(retried, transient);
}

#[rstest]
#[case::extract("Extract", &["BlockBusy", "DatabaseUnavailable", "ProviderNotReady", "ProviderThrottled", "ProviderUnavailable", "StorageUnavailable"])]
#[case::sync_db("SyncDb", &["BlockBusy", "DatabaseUnavailable", "StorageUnavailable"])]
#[case::sync_socrata("SyncSocrata", &["BlockBusy", "DatabaseUnavailable", "SocrataThrottled", "SocrataUnavailable", "StorageUnavailable"])]
fn a_step_retries_what_it_can_meet(#[case] name: &str, #[case] names: &[&str]) {
    let machine = of_a_block();
    let found: Vec<_> = retried(&machine.states[name]).into_iter().collect();
    assert_eq!(found, names);
}

#[rstest]
#[case::plan("PlanBlocks", &["BlockBusy", "DatabaseUnavailable", "SocrataThrottled", "SocrataUnavailable", "StorageUnavailable"])]
#[case::summary("Summarize", &["DatabaseUnavailable", "StorageUnavailable"])]
fn plan_and_summary_retry_what_they_can_meet(#[case] name: &str, #[case] names: &[&str]) {
    let machine = whole();
    let found: Vec<_> = retried(&machine.states[name]).into_iter().collect();
    assert_eq!(found, names);
}

/// A failover of the database to another availability zone takes about a minute.
#[test]
fn a_database_that_fails_over_is_waited_for() {
    for machine in [whole(), of_a_block()] {
        for (name, state) in tasks(&machine) {
            let retrier = state
                .retry
                .iter()
                .find(|it| it.error_equals.iter().any(|it| it == "DatabaseUnavailable"));
            let retrier = retrier.unwrap();
            let mut bound = retrier.interval_seconds;
            let mut longest = 0;
            for _ in 0..retrier.max_attempts {
                longest += bound.min(retrier.max_delay_seconds);
                bound *= 2;
            }
            // With full jitter a wait is half of its bound on average.
            assert!(longest / 2 > 120, "{name}");
        }
    }
}

#[test]
fn retries_back_off_with_full_jitter_and_end() {
    for machine in [whole(), of_a_block()] {
        for (name, state) in tasks(&machine) {
            assert!(!state.retry.is_empty(), "{name}");
            for retrier in &state.retry {
                assert_eq!(retrier.jitter_strategy, "FULL", "{name}");
                assert!(retrier.backoff_rate >= 2.0, "{name}");
                assert!((1..=10).contains(&retrier.max_attempts), "{name}");
                assert!(
                    retrier.interval_seconds <= retrier.max_delay_seconds,
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn no_task_waits_for_ever() {
    for machine in [whole(), of_a_block()] {
        for (name, state) in tasks(&machine) {
            assert!(state.timeout_seconds.is_some(), "{name}");
        }
    }
}

#[test]
fn a_block_that_fails_stops_no_other() {
    let machine = of_a_block();
    for (name, state) in tasks(&machine) {
        let [catcher] = state.catch.as_slice() else {
            panic!("{name} has one catcher for all errors");
        };
        assert_eq!(catcher.error_equals, ["States.ALL"], "{name}");
        assert!(
            !matches!(machine.states[&catcher.next].kind.as_str(), "Fail"),
            "{name}"
        );
    }
}

#[test]
fn a_failed_run_fails_the_execution() {
    let machine = whole();
    let summary = &machine.states["Summarize"];
    assert!(summary.catch.is_empty() && summary.end);
    assert!(!retried(summary).contains(ErrorName::RunHadFailures.as_str()));
}

#[test]
fn functions_and_names_of_the_bucket_are_substituted() {
    assert!(!TEXT.contains("arn:aws:lambda:"));
    assert!(!TEXT.contains("123456789012"));
}
