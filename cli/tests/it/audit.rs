//! Whether the portal has what the database has: `mds audit`, its repair, and `mds run --audit`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use local_stack::{Network, Place};
use rstest::rstest;
use sandbox_network::{Disturbance, Exchange};
use sandbox_provider::Rates;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::unbounded_channel;
use trips::status::BlockStatus::Published;

use crate::support::{World, options, run, stderr, stdout, with, world_of};

/// Four blocks: two hours of two providers.
const RUN: [&str; 7] = run("all", "2020-01-15-12", "2020-01-15-14");
const AUDIT: [&str; 5] = [
    "audit",
    "--time-min",
    "2020-01-15-12",
    "--time-max",
    "2020-01-15-14",
];

/// Two providers, all of whose trips are valid and end within their hours.
async fn world() -> World {
    let mut options = options(&["bird", "lime"]);
    for provider in options.providers.values_mut() {
        provider.rates = Rates::none();
    }
    world_of(options).await
}

async fn published_world() -> World {
    let world = world().await;
    world.expect(0, &RUN).await;
    world
}

impl World {
    async fn audit(&self, status: i32, more: &[&str]) -> Value {
        let args = with(&with(&AUDIT, &["--json"]), more);
        let output = self.expect(status, &args).await;
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// How many requests of this method the portal has received.
    fn portal_requests(&self, method: &str) -> usize {
        let requests = self.stack.portal.log().requests();
        requests.iter().filter(|it| it.method == method).count()
    }

    /// The ids of a provider's trips that end in the hour from 12:00 to 13:00.
    async fn ids(&self, provider: &str) -> Vec<String> {
        let rows = self
            .database
            .query(
                "SELECT t.id::text FROM api.trips t JOIN api.schedule s USING (schedule_id)
                 JOIN api.providers p ON p.provider_id = s.provider_id
                 WHERE p.provider_name = $1 AND t.end_time < '2020-01-15 19:00Z' ORDER BY t.id",
                &[&provider],
            )
            .await
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    fn edit(&self, id: &str, member: &str, value: Value) {
        let mut row = self.stack.portal.row(id).unwrap();
        row.insert(member.to_owned(), value);
        self.stack.portal.edit_row(row).unwrap();
    }

    /// Adds a row to the portal that the database does not have.
    fn add(&self, like: &str, id: &str, end_time: Value) {
        let mut row = self.stack.portal.row(like).unwrap();
        row.insert("trip_id".to_owned(), json!(id));
        row.insert("end_time".to_owned(), end_time);
        self.stack.portal.edit_row(row).unwrap();
    }

    /// The portal's rows as they are.
    fn whole_portal(&self) -> BTreeMap<String, Map<String, Value>> {
        let rows = self.stack.portal.rows().into_iter();
        rows.map(|row| (row["trip_id"].as_str().unwrap().to_owned(), row))
            .collect()
    }
}

/// Missing, different and extra rows, and extra rows without an end.
fn counts(report: &Value) -> [u64; 4] {
    ["missing", "different", "extra", "without_end_time"].map(|name| report[name].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_where_nothing_differs() {
    let world = published_world().await;
    let (uploads, reads) = (world.portal_requests("POST"), world.portal_requests("GET"));
    let before = world.dump().await;
    for flags in [&[][..], &["--repair"]] {
        let report = world.audit(0, flags).await;
        assert_eq!(counts(&report), [0; 4]);
        assert_eq!(report["hours"], 2);
        assert_eq!(report["database_rows"], world.stack.portal.row_count());
        assert_eq!(report["portal_rows"], world.stack.portal.row_count());
        assert_eq!(report["different_hours"], json!([]));
    }
    assert_eq!(world.portal_requests("POST"), uploads);
    // The dataset's description, the sums of the hours up to the last one, and rows without an end.
    assert_eq!(world.portal_requests("GET"), reads + 2 * 3);
    // It writes nothing but what it has found.
    let recorded = "SELECT count(*) FROM api.audits WHERE missing + different + extra = 0";
    assert_eq!(
        world.number(recorded).await,
        3,
        "two providers, and rows of none"
    );
    let forget = "DELETE FROM api.audits";
    world.database.batch_execute(forget).await.unwrap();
    assert_eq!(world.dump().await, before, "an audit only reads");

    let shown = stdout(&world.expect(0, &AUDIT).await);
    assert!(shown.contains("no differences in 2 hours"), "{shown}");
    for text in ["bird", "lime", "2020-01-15"] {
        assert!(shown.contains(text), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_removed_altered_and_added_are_found_and_repaired() {
    let world = published_world().await;
    let right = world.whole_portal();
    let (bird, lime) = (world.ids("bird").await, world.ids("lime").await);
    world.stack.portal.lose_row(&bird[0]).unwrap();
    world.stack.portal.lose_row(&bird[1]).unwrap();
    world.edit(&lime[0], "trip_duration", json!(7));
    world.edit(&lime[1], "modified_date", json!("2031-01-01T00:00:00"));
    // In an hour that differs anyway, every member is compared.
    world.edit(&lime[2], "vehicle_type", json!("moped"));
    world.add(
        &lime[3],
        "00000000-0000-8000-8000-000000000001",
        json!("2020-01-15T18:30:00"),
    );
    world.add(&lime[3], "not-a-trip", json!("2020-01-15T19:30:00"));
    world.add(
        &lime[3],
        "00000000-0000-8000-8000-000000000002",
        Value::Null,
    );
    world.add(
        &lime[3],
        "00000000-0000-8000-8000-000000000003",
        json!("yesterday"),
    );

    let uploads = world.portal_requests("POST");
    let report = world.audit(1, &[]).await;
    assert_eq!(counts(&report), [2, 3, 4, 2]);
    assert_eq!(
        world.portal_requests("POST"),
        uploads,
        "an audit only reads"
    );
    insta::assert_json_snapshot!("report", report);
    let hours = report["different_hours"].as_array().unwrap();
    let labels: Vec<_> = hours.iter().map(|hour| &hour["label"]).collect();
    assert_eq!(labels, ["2020-01-15-13", "2020-01-15-14"]);
    assert_eq!(
        hours[0]["blocks"],
        json!([
            {"provider": "bird", "label": "2020-01-15-13", "missing": 2, "different": 0, "is_waiting": false},
            {"provider": "lime", "label": "2020-01-15-13", "missing": 0, "different": 3, "is_waiting": false},
        ])
    );
    assert_eq!(hours[1]["extra"], 1);

    let repaired = world.audit(0, &["--repair"]).await;
    assert_eq!(counts(&repaired), [0; 4]);
    assert_eq!(
        repaired["repair"],
        json!({"blocks": 2, "failed": 0, "extra_deleted": 4, "extra_held_back": 0})
    );
    assert_eq!(world.whole_portal(), right);
    assert_eq!(world.statuses().await, [Published; 4]);
    world.audit(0, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_returns_fewer_rows_at_a_time_is_read_to_its_end() {
    let world = published_world().await;
    let right = world.whole_portal();
    for cap in [1, 7] {
        world.stack.portal.cap_pages(cap);
        let report = world.audit(0, &["--rows"]).await;
        assert_eq!(report["portal_rows"], right.len(), "{cap}");
    }
    let bird = world.ids("bird").await;
    world.stack.portal.lose_row(&bird[0]).unwrap();
    world.edit(&bird[1], "trip_duration", json!(7));
    assert_eq!(counts(&world.audit(1, &[]).await), [1, 1, 0, 0]);
    world.audit(0, &["--repair"]).await;
    assert_eq!(world.whole_portal(), right);
}

#[rstest]
#[case::older_than_it_should_be("modified_date", json!("2020-01-16T03:04:05"))]
#[case::of_another_distance("trip_distance", json!(1))]
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_differs_beside_newer_ones_is_found_by_the_sums(
    #[case] member: &str,
    #[case] value: Value,
) {
    let world = published_world().await;
    let right = world.whole_portal();
    let bird = world.ids("bird").await;
    world.edit(&bird[1], member, value);
    assert_eq!(counts(&world.audit(1, &[]).await), [0, 1, 0, 0]);
    world.audit(0, &["--repair"]).await;
    assert_eq!(world.whole_portal(), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_no_sum_is_found_row_by_row() {
    let world = published_world().await;
    let right = world.whole_portal();
    let (bird, lime) = (world.ids("bird").await, world.ids("lime").await);
    world.edit(&bird[1], "vehicle_type", json!("moped"));
    world.edit(&lime[1], "census_geoid_start", json!("48453000000"));
    world.audit(0, &[]).await;
    let uploads = world.portal_requests("POST");
    let report = world.audit(1, &["--rows"]).await;
    assert_eq!(counts(&report), [0, 2, 0, 0]);
    assert_eq!(report["different_hours"].as_array().unwrap().len(), 1);
    assert_eq!(world.portal_requests("POST"), uploads);
    let repaired = world.audit(0, &["--rows", "--repair"]).await;
    assert_eq!(repaired["repair"]["blocks"], 2);
    assert_eq!(world.whole_portal(), right);
    world.audit(0, &["--rows"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_device_ids_of_another_period_are_found_row_by_row() {
    let world = published_world().await;
    world
        .edit_settings(|settings| settings["PUBLIC_DEVICE_ID_PERIOD"] = json!("day"))
        .await;
    world.audit(0, &[]).await;
    let report = world.audit(1, &["--rows"]).await;
    assert_eq!(report["different"], report["database_rows"]);
    world.audit(0, &["--rows", "--repair"]).await;
    world.audit(0, &["--rows"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_limits_the_report_and_the_repair_to_its_blocks() {
    let world = published_world().await;
    let (bird, lime) = (world.ids("bird").await, world.ids("lime").await);
    world.stack.portal.lose_row(&bird[0]).unwrap();
    world.stack.portal.lose_row(&lime[0]).unwrap();
    let report = world.audit(1, &["--provider", "bird"]).await;
    assert_eq!(counts(&report), [1, 0, 0, 0]);
    let hour = &report["different_hours"][0];
    assert_eq!(hour["blocks"].as_array().unwrap().len(), 1);
    assert_eq!(hour["blocks"][0]["provider"], "bird");
    let periods = report["periods"].as_array().unwrap();
    assert_eq!(
        (periods.len(), &periods[0]["provider"]),
        (1, &json!("bird"))
    );

    // What belongs to no provider is always reported.
    world.add(&lime[1], "added-by-hand", json!("2020-01-15T18:30:00"));
    let report = world.audit(1, &["--provider", "bird"]).await;
    assert_eq!(counts(&report), [1, 0, 1, 0]);

    world.audit(0, &["--provider", "bird", "--repair"]).await;
    assert!(world.stack.portal.row(&bird[0]).is_some());
    assert!(world.stack.portal.row(&lime[0]).is_none());
    assert_eq!(
        counts(&world.audit(1, &["--provider", "bird,lime"]).await),
        [1, 0, 0, 0]
    );
}

#[rstest]
#[case::to_another_hour(json!("2020-01-15T19:30:00"))]
#[case::to_another_year(json!("2019-01-15T18:30:00"))]
#[case::to_no_time(Value::Null)]
#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_end_was_moved_is_different_and_neither_missing_nor_extra(#[case] end: Value) {
    let world = published_world().await;
    let right = world.whole_portal();
    let bird = world.ids("bird").await;
    world.edit(&bird[0], "end_time", end);
    let report = world.audit(1, &[]).await;
    assert_eq!(counts(&report), [0, 1, 0, 0]);
    world.audit(0, &["--repair"]).await;
    assert_eq!(world.whole_portal(), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_published_before_times_were_rounded_differ() {
    let world = published_world().await;
    world
        .edit_settings(|settings| settings["PUBLIC_TIME_ROUNDING_MINUTES"] = json!(30))
        .await;
    let report = world.audit(1, &[]).await;
    assert!(report["different"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["missing"], 0);
    // Ends of the last half hour are published in the next one.
    let next_hour_too = [
        "audit",
        "--time-min",
        "2020-01-15-12",
        "--time-max",
        "2020-01-15-15",
    ];
    world.expect(0, &with(&next_hour_too, &["--repair"])).await;
    for row in world.stack.portal.rows() {
        let end = row["end_time"].as_str().unwrap();
        assert!(end.ends_with(":00:00") || end.ends_with(":30:00"), "{end}");
    }
    world.expect(0, &next_hour_too).await;
}

/// The ends of a provider may be multiples already, and then only its starts tell.
#[tokio::test(flavor = "multi_thread")]
async fn starts_that_were_published_before_times_were_rounded_differ() {
    let world = world().await;
    world.expect(0, &with(&RUN, &["--no-sync-socrata"])).await;
    world
        .database
        .batch_execute(
            "UPDATE api.trips SET end_time = date_bin('30 minutes', end_time, '2000-01-01 00:00Z')",
        )
        .await
        .unwrap();
    world.expect(0, &RUN).await;
    world.audit(0, &["--rows"]).await;
    world
        .edit_settings(|settings| settings["PUBLIC_TIME_ROUNDING_MINUTES"] = json!(30))
        .await;
    let report = world.audit(1, &[]).await;
    assert!(report["different"].as_u64().unwrap() > 0, "{report}");
    world.audit(0, &["--repair"]).await;
    for row in world.stack.portal.rows() {
        let start = row["start_time"].as_str().unwrap();
        assert!(
            start.ends_with(":00:00") || start.ends_with(":30:00"),
            "{start}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_is_loaded_and_not_published_is_waiting() {
    let world = world().await;
    world.expect(0, &with(&RUN, &["--no-sync-socrata"])).await;
    let report = world.audit(1, &["--provider", "bird"]).await;
    let rows = report["missing"].as_u64().unwrap();
    assert!(rows > 0);
    assert_eq!(report["waiting"], rows);
    for hour in report["different_hours"].as_array().unwrap() {
        assert_eq!(hour["blocks"][0]["label"], hour["label"]);
        assert_eq!(hour["blocks"][0]["is_waiting"], true);
    }
    world.audit(0, &["--repair"]).await;
    assert_eq!(world.statuses().await, [Published; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_trip_that_the_portal_still_has_is_extra() {
    let world = published_world().await;
    let bird = world.ids("bird").await;
    world
        .database
        .execute(
            "UPDATE api.trips SET withdrawn_at = now() WHERE id::text = $1",
            &[&bird[0]],
        )
        .await
        .unwrap();
    assert_eq!(counts(&world.audit(1, &[]).await), [0, 0, 1, 0]);
    world.audit(0, &["--repair"]).await;
    assert!(world.stack.portal.row(&bird[0]).is_none());
}

#[rstest]
#[case::clocks_go_forward("2020-03", "2020-03-08-00", "2020-03-08-04", 31 * 24 - 1)]
#[case::clocks_go_back("2020-11", "2020-11-01-00", "2020-11-01-03", 30 * 24 + 1)]
#[tokio::test(flavor = "multi_thread")]
async fn a_month_with_a_change_of_the_clocks_is_compared_whole(
    #[case] month: &str,
    #[case] time_min: &str,
    #[case] time_max: &str,
    #[case] hours: u64,
) {
    let world = world().await;
    world.expect(0, &run("bird", time_min, time_max)).await;
    let reads = world.portal_requests("GET");
    let audit = ["audit", "--month", month, "--json"];
    let report = world.expect(0, &audit).await;
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["hours"], hours);
    assert_eq!(report["database_rows"], world.stack.portal.row_count());
    assert_eq!(
        world.portal_requests("GET"),
        reads + 4,
        "one grouped query, and one for what may follow"
    );

    for row in world.stack.portal.rows() {
        world
            .stack
            .portal
            .lose_row(row["trip_id"].as_str().unwrap())
            .unwrap();
    }
    let report = world.expect(1, &audit).await;
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["missing"], report["database_rows"]);
    world.expect(0, &with(&audit, &["--repair"])).await;
    assert_eq!(report["database_rows"], world.stack.portal.row_count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_range_is_reported_by_month() {
    let world = published_world().await;
    let audit = [
        "audit",
        "--time-min",
        "2019-12-01-00",
        "--time-max",
        "2020-03-01-00",
    ];
    let output = world.expect(0, &with(&audit, &["--json"])).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["period"], "month");
    let rows = world.stack.portal.row_count();
    let periods = report["periods"].as_array().unwrap();
    assert!(
        periods.iter().all(|it| it["period"] == "2020-01"),
        "{report}"
    );
    let sum: u64 = periods
        .iter()
        .map(|it| it["database_rows"].as_u64().unwrap())
        .sum();
    assert_eq!(sum, rows as u64);
    let progress = stderr(&output);
    assert!(
        progress.contains("2184/2184 hours compared, 0 differ"),
        "{progress}"
    );
}

#[rstest]
#[case::no_range(&["audit"], "--month")]
#[case::half_a_range(&["audit", "--time-min", "2020-01-15-12"], "--time-max")]
#[case::both(&["audit", "--month", "2020-01", "--time-min", "2020-01-15-12", "--time-max", "2020-01-15-13"], "--month")]
#[case::month_13(&["audit", "--month", "2020-13"], "has the month 13")]
#[case::no_month(&["audit", "--month", "march"], "yyyy-mm")]
#[case::backwards(&["audit", "--time-min", "2020-01-15-14", "--time-max", "2020-01-15-12"], "time_min")]
#[case::unknown(&["audit", "--month", "2020-01", "--provider", "nobody"], "nobody")]
#[case::future(&["audit", "--month", "2049-01"], "ended")]
#[case::audit_of_nothing(&["run", "--provider", "all", "--audit", "--no-sync-socrata"], "--audit")]
#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_ends_with_2_and_says_what_is_wrong(
    #[case] args: &[&str],
    #[case] named: &str,
) {
    let world = world().await;
    let output = world.expect(2, args).await;
    assert!(stderr(&output).contains(named), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_audit_publishes_what_differs_and_nothing_else() {
    let world = published_world().await;
    let right = world.whole_portal();
    let audited = with(&RUN, &["--audit"]);
    let requests = world.request_count();
    let uploads = world.portal_requests("POST");
    let clean = stdout(&world.expect(0, &audited).await);
    assert!(clean.contains("nothing to do"), "{clean}");
    assert_eq!(world.portal_requests("POST"), uploads);

    let bird = world.ids("bird").await;
    world.stack.portal.lose_row(&bird[0]).unwrap();
    world.add(&bird[1], "added-by-hand", json!("2020-01-15T18:30:00"));
    let before = world.whole_portal();
    let planned = world.expect(0, &with(&audited, &["--dry-run"])).await;
    assert_eq!(
        stdout(&planned).trim(),
        "bird 2020-01-15-13 (published): sync-socrata"
    );
    assert_eq!(world.whole_portal(), before, "a dry run writes nothing");

    world.expect(0, &audited).await;
    assert_eq!(world.whole_portal(), right);
    // One upload deletes, one publishes; nothing is requested from a provider.
    assert_eq!(world.portal_requests("POST"), uploads + 2);
    assert_eq!(world.request_count(), requests);
    world.audit(0, &[]).await;
}

/// Somebody may publish meanwhile.
#[rstest]
#[case::goes(false)]
#[case::comes(true)]
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_comes_or_goes_between_two_pages_moves_no_other_row(#[case] comes: bool) {
    let mut world = published_world().await;
    let first = world.whole_portal().into_keys().next().unwrap();
    world.stack.portal.cap_pages(7);
    let pages = Arc::new(AtomicUsize::new(0));
    let (sender, mut second_page) = unbounded_channel();
    let decide = move |place, _: usize, exchange: &Exchange<'_>| {
        let is_of_rows = place == Place::Portal && exchange.mentions("order=trip_id");
        if is_of_rows && pages.fetch_add(1, Ordering::SeqCst) == 1 {
            sender.send(()).unwrap();
            return Disturbance::Delay(Duration::from_millis(500));
        }
        Disturbance::Pass
    };
    let url = world.stack.database_url.clone();
    let network = Network::before(&mut world.stack, &url, decide);
    let _network = network.await.unwrap();
    let change = async {
        second_page.recv().await.unwrap();
        if comes {
            let end = json!("2020-01-15T18:30:00");
            world.add(&first, "00000000-0000-4000-8000-000000000000", end);
        } else {
            world.stack.portal.lose_row(&first).unwrap();
        }
    };
    let (report, ()) = tokio::join!(world.audit(0, &["--rows"]), change);
    assert_eq!(counts(&report), [0; 4]);
}
