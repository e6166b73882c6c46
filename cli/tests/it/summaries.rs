//! What a run says of itself in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pipeline::{BlockOutcome, PlanRequest, RunObserver, RunOptions};
use sandbox_provider::{Fault, Times};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{World, hour, run, stderr, stdout, with, world};

const THREE_HOURS: [&str; 7] = run("bird,lime", "2020-01-15-12", "2020-01-15-15");

impl World {
    async fn run_report(&self, status: i32, command: &[&str]) -> Value {
        let output = self.expect(status, &with(command, &["--json"])).await;
        serde_json::from_str(&stdout(&output)).unwrap()
    }
}

fn broken() -> Fault {
    Fault::Status {
        status: 500,
        retry_after: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_counts_what_this_run_has_done_and_nothing_else() {
    let world = world().await;
    world
        .expect(0, &run("bird", "2020-01-15-12", "2020-01-15-13"))
        .await;
    let bird = &world.stack.providers["bird"];
    let lime = &world.stack.providers["lime"];
    lime.fail_hour(hour("2020-01-15-13"), broken(), Times::Always);

    let report = world.run_report(1, &THREE_HOURS).await;
    let trips = |provider: &sandbox_provider::Provider, hours: [&str; 2]| -> u64 {
        hours
            .iter()
            .map(|it| {
                provider
                    .expected(hour(&format!("2020-01-15-{it}")))
                    .distinct
            })
            .sum()
    };
    let (of_bird, of_lime) = (trips(bird, ["13", "14"]), trips(lime, ["12", "14"]));
    assert_eq!(
        (&report["planned"], &report["done"], &report["failed"]),
        (&json!(5), &json!(4), &json!(1))
    );
    assert_eq!(report["nothing_to_do"], 1);
    assert_eq!(report["trips_loaded"], of_bird + of_lime);
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
    let providers = report["providers"].as_array().unwrap();
    let row = |n: usize| {
        let it = &providers[n];
        json!([
            it["provider"],
            it["blocks"],
            it["done"],
            it["failed"],
            it["nothing_to_do"],
            it["trips_loaded"]
        ])
    };
    assert_eq!(row(0), json!(["bird", 2, 2, 0, 1, of_bird]));
    assert_eq!(row(1), json!(["lime", 3, 2, 1, 0, of_lime]));
    let failed = &report["first_failed"][0];
    assert_eq!(
        (&failed["provider"], &failed["label"], &failed["command"]),
        (
            &json!("lime"),
            &json!("2020-01-15-14"),
            &json!("mds run --provider lime --time-max 2020-01-15-14")
        )
    );

    // The run that fails again has loaded nothing.
    let report = world.run_report(1, &THREE_HOURS).await;
    assert_eq!(
        (
            &report["planned"],
            &report["trips_fetched"],
            &report["trips_loaded"]
        ),
        (&json!(1), &json!(0), &json!(0))
    );
    let text = stdout(&world.expect(1, &THREE_HOURS).await);
    let expected = "of 1 block 0 done, 1 failed, in ";
    assert!(text.contains(expected), "{text}");
    assert!(
        !text.contains("trips") && !text.contains(" 0 failed"),
        "{text}"
    );
    let command = "again: mds run --provider lime --time-max 2020-01-15-14";
    assert!(
        text.contains("\n  lime 2020-01-15-14\n") && text.contains(command),
        "{text}"
    );

    lime.clear_faults();
    let repeat: Vec<_> = command
        .trim_start_matches("again: mds ")
        .split(' ')
        .collect();
    world.expect(0, &repeat).await;
    assert_eq!(world.run_report(0, &THREE_HOURS).await["nothing_to_do"], 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_equal_hours_is_repeated_by_an_instant() {
    let world = world().await;
    let night = run("bird", "2020-11-01-00", "2020-11-01-03");
    let second = hour("2020-11-01-00") + chrono::TimeDelta::hours(1);
    world.stack.providers["bird"].fail_hour(second, broken(), Times::Always);
    let report = world.run_report(1, &night).await;
    let failed = &report["first_failed"][0];
    assert_eq!(failed["label"], "2020-11-01-01b", "{report}");
    assert_eq!(
        failed["command"],
        "mds run --provider bird --time-max 2020-11-01T07:00:00Z"
    );
    world.stack.providers["bird"].clear_faults();
    let command = failed["command"].as_str().unwrap();
    let command: Vec<_> = command.split(' ').skip(1).collect();
    let report = world.run_report(0, &command).await;
    assert_eq!(
        (&report["planned"], &report["done"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_failures_the_first_are_named_and_the_others_counted() {
    let world = world().await;
    let day = [
        "--time-min",
        "2020-01-15-00",
        "--interval",
        "24",
        "--no-sync-db",
    ];
    let command = with(&["run", "--provider", "bird"], &day);
    world
        .edit_providers(|it| it["bird"]["token"] = json!("wrong"))
        .await;
    let text = stdout(&world.expect(1, &command).await);
    assert!(
        text.contains("failed: 24 blocks of bird, extract (ProviderRejected): "),
        "{text}"
    );
    assert!(
        text.contains(
            "bird 2020-01-15-20 and 4 more; `mds status --provider bird --since 2020-01-15`"
        ),
        "{text}"
    );
    assert!(
        text.contains(
            "again: mds run --provider bird --time-min 2020-01-15-00 --time-max 2020-01-16-00"
        ),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_publishes_only_counts_what_it_has_published() {
    let world = world().await;
    let loads = with(&THREE_HOURS, &["--no-sync-socrata"]);
    let loaded = world.run_report(0, &loads).await["trips_loaded"].clone();
    let report = world.run_report(0, &THREE_HOURS).await;
    assert_eq!(
        (&report["trips_published"], &report["trips_loaded"]),
        (&loaded, &json!(0))
    );

    // Another hour may own a trip that this one has delivered, and a withdrawn one has no row.
    let withdraw = "UPDATE api.trips SET withdrawn_at = now() WHERE id = (SELECT min(id::text) FROM api.trips)::uuid";
    world.database.batch_execute(withdraw).await.unwrap();
    let mut again = with(&THREE_HOURS, &["--force"]);
    again[0] = "sync-socrata";
    let report = world.run_report(0, &again).await;
    let rows = world.portal().len() as u64;
    assert_eq!(report["trips_published"], rows);
    assert_eq!(Some(rows + 1), loaded.as_u64());
    let table = stdout(&world.expect(0, &again).await);
    assert!(table.contains("trips published"), "{table}");
    let cells: Vec<_> = table.split(['│', '|', ' ']).collect();
    assert!(cells.contains(&rows.to_string().as_str()), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_providers_is_given_with_commas_or_repeated_and_all_stands_alone() {
    let world = world().await;
    let range = ["--time-max", "2020-01-15-13", "--dry-run"];
    for providers in [
        &["--provider", "bird,lime"][..],
        &["--provider", "lime", "--provider", "bird"],
        &["--provider", "all"],
    ] {
        let command = [&["run"], providers, &range].concat();
        let text = stdout(&world.expect(0, &command).await);
        assert!(
            text.contains("bird 2020-01-15-13") && text.contains("lime 2020-01-15-13"),
            "{text}"
        );
    }
    for (command, word) in [
        (
            &["run", "--provider", "all,bird"][..],
            "--provider all stands alone",
        ),
        (
            &["status", "--provider", "all", "--provider", "bird"],
            "--provider all stands alone",
        ),
        (
            &["audit", "--provider", "bird,heron", "--month", "2020-01"],
            "it has: bird, lime",
        ),
        (
            &["sync-db", "--provider", "bird,heron"],
            "it has: bird, lime",
        ),
        (&["status", "--provider", "heron"], "it has: bird, lime"),
        (&["run", "--provider", "bird,"], "empty"),
        (&["probe", "--provider", "all"], "one provider is meant"),
    ] {
        let said = stderr(&world.expect(2, command).await);
        assert!(said.contains(word), "{command:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_run_is_for_the_hours_behind_each_providers_lag() {
    let world = world().await;
    world
        .edit_providers(|it| it["bird"]["lag_hours"] = json!(2))
        .await;
    let command = [
        "run",
        "--provider",
        "all",
        "--scheduled",
        "--interval",
        "3",
        "--dry-run",
        "--json",
    ];
    let before = chrono::Utc::now();
    let plan: Value = serde_json::from_str(&stdout(&world.expect(0, &command).await)).unwrap();
    if chrono::Utc::now().timestamp() / 3600 != before.timestamp() / 3600 {
        return; // The hour ended meanwhile.
    }
    let starts = |provider: &str| -> Vec<i64> {
        let blocks = plan["blocks"].as_array().unwrap().iter();
        blocks
            .filter(|it| it["provider"] == provider)
            .map(|it| {
                let start = it["block_start"].as_str().unwrap();
                let start: chrono::DateTime<chrono::Utc> = start.parse().unwrap();
                before.timestamp() / 3600 - start.timestamp() / 3600
            })
            .collect()
    };
    assert_eq!(starts("bird"), [5, 4, 3]);
    assert_eq!(starts("lime"), [33, 32, 31]);
    let both = [
        "run",
        "--provider",
        "all",
        "--scheduled",
        "--time-max",
        "2020-01-15-13",
    ];
    world.expect(2, &both).await;
}

#[derive(Default)]
struct CountFailed(AtomicU64);

impl RunObserver for CountFailed {
    fn block_ended(&self, outcome: &BlockOutcome) {
        if matches!(outcome, BlockOutcome::Failed(..)) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_that_are_forgotten_during_a_run_have_failed_by_name() {
    let world = world().await;
    let ctx = world.stack.context().await.unwrap();
    let request = PlanRequest {
        provider: Some("bird".to_owned()),
        time_min: Some("2020-01-15-12".to_owned()),
        time_max: Some("2020-01-15-15".to_owned()),
        ..PlanRequest::default()
    };
    let plan = pipeline::plan(&ctx, &request, |_| {}).await.unwrap();
    let range = run("bird", "2020-01-15-13", "2020-01-15-15");
    let forget = with(&["schedule", "forget"], &range[1..]);
    world.expect(0, &forget).await;
    let options = RunOptions {
        concurrency: 1,
        cancel: CancellationToken::new(),
    };
    let failed = Arc::new(CountFailed::default());
    let observer = Arc::clone(&failed);
    let end = pipeline::run_local(ctx, &plan, options, observer).await;
    let summary = end.unwrap().summary;
    assert_eq!(failed.0.load(Ordering::Relaxed), 2);
    let text = summary.to_string();
    assert_eq!(
        (summary.done, summary.failed, summary.unfinished),
        (1, 2, 0),
        "{text}"
    );
    assert_eq!(summary.providers[0].failed, 2, "{text}");
    let group = &summary.failures[0];
    assert_eq!(
        (group.blocks, group.error_name.as_deref()),
        (2, Some("InvalidInput"))
    );
    assert_eq!(group.labels, ["2020-01-15-14", "2020-01-15-15"]);
    let said = "bird 2020-01-15-14 is no longer in the schedule: `mds schedule forget` has removed it since it was planned";
    assert!(
        group.message.as_ref().is_some_and(|it| it.contains(said)),
        "{text}"
    );
    assert!(
        text.contains(
            "failed: bird 2020-01-15-14 extract (InvalidInput), bird 2020-01-15-15 extract"
        ),
        "{text}"
    );
    let again = "mds run --provider bird --time-min 2020-01-15-13 --time-max 2020-01-15-15";
    assert_eq!(group.command, again);
    let again: Vec<_> = again.split(' ').skip(1).collect();
    world.expect(0, &again).await;
}
