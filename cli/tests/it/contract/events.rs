//! The events of the functions: their members, and the examples on the page.

use std::collections::BTreeMap;

use config::ConfigVersion;
use pipeline::{
    AuditReport, AuditSummary, BlockDifference, BlockItem, ExtractOutput, HourDifference, Nothing,
    NothingReason, PeriodCounts, Plan, PlanRequest, SyncDbOutput, SyncSocrataOutput, UnusableEntry,
};
use serde_json::{Value, json};
use store::{RunSummary, RunTrips};
use uuid::Uuid;
use vault::ObjectVersion;

use super::page::section;

fn members(value: &Value) -> Vec<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn a_plan_request_has_the_members_of_the_contract() {
    let section = section("The plan request");
    let request = PlanRequest {
        providers: vec!["bird".to_owned()],
        ..PlanRequest::default()
    };
    let request = serde_json::to_value(request).unwrap();
    section
        .table("member")
        .assert_names("member", members(&request));
    assert!(!section.examples.is_empty());
    for example in section.examples {
        PlanRequest::from_json(example).unwrap();
    }
}

#[test]
fn a_plan_has_the_members_of_the_contract() {
    let plan = Plan {
        run_id: Uuid::from_u128(1),
        block_count: 0,
        manifest: None,
        config: Some(ConfigVersion {
            settings: ObjectVersion {
                etag: String::new(),
                version_id: None,
            },
            providers: None,
            boundaries: BTreeMap::new(),
        }),
        max_concurrency: 1,
        max_concurrency_requested: Some(2),
        dry_run: false,
        not_ended: 0,
        before_start: 0,
        nothing_to_do: 0,
        not_archived: 0,
        not_loaded: 0,
        without_archive: Some(0),
        providers: Vec::new(),
        unusable_entries: vec![UnusableEntry {
            name: String::new(),
            why: String::new(),
            file: String::new(),
        }],
        nothing: Some(Nothing {
            reason: NothingReason::Done,
            message: String::new(),
        }),
        blocks: Vec::new(),
        loads: false,
        audit: Some(AuditSummary {
            hours: 0,
            hours_that_differ: 0,
            missing: 0,
            different: 0,
            extra: 0,
            extra_deleted: 0,
            extra_held_back: 0,
            left: 2,
            held_back: Some(String::new()),
        }),
    };
    let plan = serde_json::to_value(plan).unwrap();
    let section = section("The plan");
    let page = section.table("member");
    page.assert_names("member", members(&plan));
    let meanings = page.cells("meaning").join(" ");
    for member in members(&plan["audit"]) {
        assert!(meanings.contains(&format!("\"{member}\"")), "{member}");
    }
}

#[test]
fn a_block_item_has_the_members_of_the_contract() {
    let section = section("The block item");
    let page = section.table("member");
    let [example] = section.examples.as_slice() else {
        panic!("one example of a block item");
    };
    let item = BlockItem::from_json(example.clone()).unwrap();
    item.block().unwrap();
    // What was read and is written again has every member, and no other.
    assert_eq!(serde_json::to_value(&item).unwrap(), *example);
    page.assert_names("member", members(example));

    let extract = ExtractOutput {
        trips_key: String::new(),
        trip_count: 0,
        pages: 0,
        payload_bytes: 0,
        changes: Some(Default::default()),
        nothing_to_load: false,
    };
    let sync_db = SyncDbOutput {
        publish_key: String::new(),
        fetched: 0,
        loaded: 0,
        rejected: 0,
        duplicates: 0,
        withdrawn: 1,
    };
    for (name, output) in [
        ("extract", json!(extract)),
        ("sync_db", json!(sync_db)),
        ("sync_socrata", json!(SyncSocrataOutput::default())),
    ] {
        assert_eq!(members(&example[name]), members(&output), "{name}");
        let row = page
            .names("member")
            .iter()
            .position(|it| it == name)
            .unwrap();
        for member in members(&output) {
            let meaning = &page.cells("meaning")[row];
            assert!(
                meaning.contains(&format!("\"{member}\"")),
                "{name}: {member}"
            );
        }
    }
}

#[test]
fn a_summary_has_the_members_of_the_contract() {
    let summary = RunSummary {
        run_id: Uuid::from_u128(1),
        planned: None,
        done: 0,
        not_ready: 0,
        failed: 0,
        unfinished: 0,
        trips: RunTrips::default(),
        providers: Vec::new(),
        failures: Vec::new(),
        first_failed: Vec::new(),
        first_unfinished: Vec::new(),
        noted: 0,
        first_noted: Vec::new(),
    };
    let summary = serde_json::to_value(summary).unwrap();
    section("The summary of a run")
        .table("member")
        .assert_names("member", members(&summary));
}

#[test]
fn an_audit_has_the_members_of_the_contract() {
    let counts = PeriodCounts::default();
    let block = BlockDifference {
        provider: None,
        label: None,
        missing: 0,
        different: 0,
        is_waiting: false,
    };
    let hour = HourDifference {
        label: String::new(),
        hour_start: chrono::DateTime::UNIX_EPOCH,
        database_rows: 0,
        portal_rows: 0,
        missing: 0,
        different: 0,
        extra: 0,
        blocks: vec![block],
    };
    let report = AuditReport {
        time_min: None,
        time_max: None,
        hours: 0,
        not_ended: 0,
        database_rows: 0,
        portal_rows: 0,
        missing: 0,
        different: 0,
        extra: 0,
        waiting: 0,
        without_end_time: 0,
        period: "day",
        periods: vec![counts],
        different_hours: vec![hour],
    };
    let report = serde_json::to_value(report).unwrap();
    let section = section("Audit");
    let page = section.table("member");
    page.assert_names("member", members(&report));
    let meanings = page.cells("meaning").join(" ");
    let hour = &report["different_hours"][0];
    for members in [
        members(&report["periods"][0]),
        members(hour),
        members(&hour["blocks"][0]),
    ] {
        for member in members {
            assert!(meanings.contains(&format!("\"{member}\"")), "{member}");
        }
    }
}
