//! The definition's error names, retries and catchers.

use std::collections::BTreeSet;

use pipeline::ErrorName;
use rstest::rstest;

use crate::definition::{Machine, Retrier, State, TEXT, of_a_block, whole};

/// Errors of AWS that are gone after a while, or that another environment does not meet: out of
/// memory, networks, keys, and names that nobody knows yet.
const OF_AWS: [&str; 13] = [
    "Runtime.OutOfMemory",
    "Runtime.ExitError",
    "Runtime.Unknown",
    "Sandbox.Timedout",
    "Extension.Crash",
    "States.Timeout",
    "Lambda.Unknown",
    "Lambda.ResourceConflictException",
    "Lambda.CodeArtifactUserPendingException",
    "Lambda.ENINotReadyException",
    "Lambda.KMSThrottlingException",
    "Lambda.SubnetIPAddressLimitReachedException",
    "Lambda.NameOfTheFutureException",
];

/// Whether a name is one of Step Functions or Lambda, and not one of ours.
fn is_of_aws(name: &str) -> bool {
    ["Lambda.", "Runtime.", "Sandbox.", "States."]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn tasks(machine: &Machine) -> impl Iterator<Item = (&String, &State)> {
    machine.states.iter().filter(|(_, state)| state.is_task())
}

/// Our own names in the retriers that try again.
fn retried(state: &State) -> BTreeSet<&str> {
    let retriers = state.retry.iter().filter(|it| it.max_attempts > 0);
    let names = retriers.flat_map(|retrier| &retrier.error_equals);
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

/// The wildcard behind it would retry a permanent error that is not listed.
#[test]
fn every_task_tries_a_permanent_error_once_and_any_other_again() {
    for machine in [whole(), of_a_block()] {
        for (task, state) in tasks(&machine) {
            for name in ErrorName::ALL {
                let again = state.attempts(name.as_str()) > 1;
                assert_eq!(again, name.is_transient(), "{task}: {name}");
            }
            for name in OF_AWS {
                assert!(state.attempts(name) > 1, "{task}: {name}");
            }
        }
    }
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

/// A failover of the database to another availability zone takes one or two minutes, and a minor
/// upgrade takes longer.
#[rstest]
#[case::failover("DatabaseUnavailable", 120.0, 300.0)]
#[case::bucket("StorageUnavailable", 120.0, 300.0)]
fn what_is_away_is_waited_for(#[case] error: &str, #[case] always: f64, #[case] mean: f64) {
    for machine in [whole(), of_a_block()] {
        for (task, state) in tasks(&machine) {
            let retrier = state.retrier_of(error).unwrap();
            assert!(retrier.outlasts() > always, "{task}");
            let waits: f64 = retrier.longest_waits().iter().sum();
            assert!(waits / 2.0 > mean, "{task}");
        }
    }
}

#[rstest]
#[case::provider("Extract", "ProviderThrottled")]
#[case::portal("SyncSocrata", "SocrataThrottled")]
fn a_retry_after_of_an_hour_is_outlasted(#[case] task: &str, #[case] error: &str) {
    let machine = of_a_block();
    let retrier = machine.states[task].retrier_of(error).unwrap();
    assert!(retrier.outlasts() > 3600.0, "{}", retrier.outlasts());
}

#[test]
fn retries_back_off_with_full_jitter_and_end() {
    for machine in [whole(), of_a_block()] {
        for (name, state) in &machine.states {
            assert!(!state.is_task() || !state.retry.is_empty(), "{name}");
            for retrier in &state.retry {
                let Some(backoff) = &retrier.backoff else {
                    assert_eq!(retrier.max_attempts, 0, "{name}");
                    continue;
                };
                assert_eq!(backoff.jitter_strategy, "FULL", "{name}");
                assert!(backoff.backoff_rate >= 2.0, "{name}");
                assert!((1..=16).contains(&retrier.max_attempts), "{name}");
                assert!(
                    backoff.interval_seconds <= backoff.max_delay_seconds,
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn nothing_waits_for_ever() {
    for machine in [whole(), of_a_block()] {
        for (name, state) in tasks(&machine) {
            assert!(state.timeout_seconds.is_some(), "{name}");
        }
    }
    let days = whole().timeout_seconds.unwrap() / 86_400;
    assert!((60..365).contains(&days), "{days}");
}

/// Even if every attempt of every step ran into its time-out, and every retrier were used up.
#[test]
fn a_block_ends_within_two_days() {
    let machine = of_a_block();
    let mut seconds = 0.0;
    for (_, state) in tasks(&machine) {
        let attempts: u64 = 1 + state.retry.iter().map(|it| it.max_attempts).sum::<u64>();
        let waits = state.retry.iter().flat_map(Retrier::longest_waits);
        let limit = u32::try_from(attempts * state.timeout_seconds.unwrap()).unwrap();
        seconds += f64::from(limit) + waits.sum::<f64>();
    }
    assert!(seconds < 2.0 * 86_400.0, "{seconds}");
}

#[test]
fn a_block_that_fails_fails_its_own_execution_with_its_error_and_stops_no_other() {
    let machine = of_a_block();
    for (name, state) in tasks(&machine) {
        for error in ErrorName::ALL.iter().map(|it| it.as_str()).chain(OF_AWS) {
            let end = &machine.states[state.caught_by(error).unwrap()];
            let is_late = name == "Extract" && error == "ProviderNotReady";
            let kind = if is_late { "Succeed" } else { "Fail" };
            assert_eq!(end.kind, kind, "{name}: {error}");
        }
        assert!(state.catch.iter().all(|it| it.result_path == "$.error"));
    }
    let end = &machine.states["BlockNotDone"];
    assert_eq!(end.error_path.as_deref(), Some("$.error.Error"));
    assert_eq!(end.cause_path.as_deref(), Some("$.error.Cause"));
    let map = &whole().states["Blocks"];
    assert_eq!(map.tolerated_failure_percentage, Some(100.0));
}

/// The error is added to the input, so that the summary still has the run's id.
#[test]
fn a_map_that_fails_leads_to_the_summary_of_its_run() {
    let map = &whole().states["Blocks"];
    assert_eq!(map.caught_by("States.ItemReaderFailed"), Some("Summarize"));
    assert_eq!(
        map.caught_by("States.ResultWriterFailed"),
        Some("Summarize")
    );
    assert!(map.catch.iter().all(|it| it.result_path == "$.map_error"));
    assert_eq!(map.result_path, None);
}

/// After its children have run, a repetition of the Map would start every one of them again.
#[test]
fn a_map_is_repeated_only_while_none_of_its_children_has_run() {
    let retriers = &whole().states["Blocks"].retry;
    let names = retriers.iter().flat_map(|it| &it.error_equals);
    assert_eq!(names.collect::<Vec<_>>(), ["States.ItemReaderFailed"]);
}

#[test]
fn a_failed_run_fails_the_execution() {
    let machine = whole();
    let summary = &machine.states["Summarize"];
    assert!(summary.catch.is_empty() && summary.end);
    assert_eq!(summary.attempts(ErrorName::RunHadFailures.as_str()), 1);
}

#[test]
fn functions_partition_and_names_of_the_bucket_are_substituted() {
    assert!(!TEXT.contains("arn:aws"));
    assert!(!TEXT.contains("123456789012"));
}
