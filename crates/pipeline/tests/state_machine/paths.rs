//! Every way through the definition.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};

use crate::definition::{Machine, of_a_block, whole};

/// Every path from the start to an end, as names of states.
///
/// # Panics
///
/// If a path has a loop, leads to a state that does not exist, or stops at a state that is not an
/// end.
fn paths(machine: &Machine) -> Vec<Vec<String>> {
    let mut ended = Vec::new();
    let mut open = vec![vec![machine.start_at.clone()]];
    while let Some(path) = open.pop() {
        let name = &path[path.len() - 1];
        let state = machine
            .states
            .get(name)
            .unwrap_or_else(|| panic!("there is no {name}"));
        let targets: BTreeSet<&str> = state.targets().collect();
        assert_eq!(
            state.is_terminal(),
            state.next.is_none() && state.default.is_none(),
            "{name}"
        );
        for target in &targets {
            assert!(
                !path.iter().any(|passed| passed == target),
                "{name} leads back to {target}"
            );
            let mut longer = path.clone();
            longer.push((*target).to_owned());
            open.push(longer);
        }
        if state.is_terminal() {
            ended.push(path);
        }
    }
    ended.sort();
    ended
}

fn text(paths: &[Vec<String>]) -> String {
    let lines: Vec<String> = paths.iter().map(|path| path.join(" > ")).collect();
    lines.join("\n")
}

#[test]
fn an_execution_has_these_paths() {
    insta::assert_snapshot!(text(&paths(&whole())));
}

#[test]
fn a_block_has_these_paths() {
    insta::assert_snapshot!(text(&paths(&of_a_block())));
}

#[test]
fn every_state_is_reached_and_explained() {
    for machine in [whole(), of_a_block()] {
        let reached: BTreeSet<String> = paths(&machine).into_iter().flatten().collect();
        assert!(machine.states.keys().all(|name| reached.contains(name)));
        assert!(
            machine
                .states
                .values()
                .all(|state| !state.comment.is_empty())
        );
    }
}

/// The tasks and the end of an item whose steps succeed.
fn walk(steps: &Value, extract: &Value) -> (Vec<String>, String) {
    let machine = of_a_block();
    let mut item = json!({ "steps": steps });
    let mut passed = Vec::new();
    let mut name = machine.start_at.as_str();
    loop {
        let state = &machine.states[name];
        if name == "Extract" {
            item["extract"] = extract.clone();
        }
        if state.is_task() {
            passed.push(name.to_owned());
        }
        if state.is_terminal() {
            return (passed, name.to_owned());
        }
        name = match state.kind.as_str() {
            "Choice" => state.choose(&item),
            _ => state.next.as_deref().unwrap(),
        };
    }
}

#[rstest]
#[case::all(&["extract", "sync-db", "sync-socrata"], &["Extract", "SyncDb", "SyncSocrata"])]
#[case::not_published(&["extract", "sync-db"], &["Extract", "SyncDb"])]
#[case::not_loaded(&["extract", "sync-socrata"], &["Extract", "SyncSocrata"])]
#[case::archived_before(&["sync-db", "sync-socrata"], &["SyncDb", "SyncSocrata"])]
#[case::only_extract(&["extract"], &["Extract"])]
#[case::only_sync_db(&["sync-db"], &["SyncDb"])]
#[case::only_sync_socrata(&["sync-socrata"], &["SyncSocrata"])]
fn a_block_passes_its_steps_and_no_others(#[case] steps: &[&str], #[case] tasks: &[&str]) {
    for extract in [json!({ "nothing_to_load": false }), json!({})] {
        let (passed, end) = walk(&json!(steps), &extract);
        assert_eq!(passed, tasks);
        assert_eq!(end, "BlockDone");
    }
}

#[rstest]
#[case::none(json!([]), &[])]
#[case::null(json!(null), &[])]
#[case::no_list(json!("extract"), &[])]
#[case::unknown_first(json!(["sync-all"]), &[])]
#[case::unknown_second(json!(["extract", "sync-all"]), &["Extract"])]
#[case::unknown_behind_the_load(json!(["sync-db", "sync-all"]), &["SyncDb"])]
#[case::unknown_third(json!(["extract", "sync-db", "sync-all"]), &["Extract", "SyncDb"])]
fn a_step_that_the_definition_does_not_have_is_a_failure(
    #[case] steps: Value,
    #[case] tasks: &[&str],
) {
    let (passed, end) = walk(&steps, &json!({ "nothing_to_load": false }));
    assert_eq!(passed, tasks);
    assert_eq!(end, "UnknownStep");
    assert_eq!(of_a_block().states[&end].kind, "Fail");
}

#[test]
fn an_hour_with_nothing_to_load_ends_with_its_extraction() {
    let steps = json!(["extract", "sync-db", "sync-socrata"]);
    let (passed, end) = walk(&steps, &json!({ "nothing_to_load": true }));
    assert_eq!(passed, ["Extract"]);
    assert_eq!(end, "BlockDone");
}

#[rstest]
#[case::work(json!({ "dry_run": false, "block_count": 4 }), "Blocks")]
#[case::dry_run(json!({ "dry_run": true, "block_count": 4 }), "DryRunShown")]
#[case::dry_run_of_nothing(json!({ "dry_run": true, "block_count": 0 }), "DryRunShown")]
#[case::nothing(json!({ "dry_run": false, "block_count": 0 }), "NothingToDo")]
#[case::unlike_a_plan(json!({}), "Blocks")]
fn a_plan_leads_to(#[case] plan: Value, #[case] next: &str) {
    assert_eq!(whole().states["AnythingToDo"].choose(&plan), next);
}
