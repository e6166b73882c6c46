//! Rows of the portal whose hours the database does not have: no repair deletes them.

use std::collections::BTreeMap;

use sandbox_provider::Rates;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::support::{World, options, run, stderr, stdout, with, world_of};

const RUN: [&str; 7] = run("all", "2020-01-15-12", "2020-01-15-14");
const AUDIT: [&str; 5] = [
    "audit",
    "--time-min",
    "2020-01-15-12",
    "--time-max",
    "2020-01-15-14",
];

/// Two hours of two providers, published.
async fn published() -> World {
    let mut options = options(&["bird", "lime"]);
    for provider in options.providers.values_mut() {
        provider.rates = Rates::none();
    }
    let world = world_of(options).await;
    world.expect(0, &RUN).await;
    world
}

impl World {
    /// From now on `mds` has another database, without a row.
    async fn begin_anew(&self) {
        let name = format!("anew_{}", Uuid::new_v4().simple());
        let create = format!("CREATE DATABASE {name}");
        self.database.batch_execute(&create).await.unwrap();
        let (server, _) = self.stack.database_url.rsplit_once('/').unwrap();
        let url = format!("{server}/{name}");
        self.edit_settings(|settings| settings["DATABASE_URL"] = json!(url))
            .await;
        self.expect(0, &["migrate"]).await;
    }

    async fn repair(&self, status: i32) -> Value {
        let args = with(&AUDIT, &["--repair", "--json"]);
        let output = self.expect(status, &args).await;
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Changes the entry of `lime`, and returns what it was. A null is no entry.
    async fn change_lime(&self, edit: impl FnOnce(&mut Value)) -> Value {
        let mut former = Value::Null;
        self.edit_providers(|entries| {
            former = entries["lime"].take();
            let mut entry = former.clone();
            edit(&mut entry);
            let entries = entries.as_object_mut().unwrap();
            entries.remove("lime");
            if !entry.is_null() {
                entries.insert("lime".to_owned(), entry);
            }
        })
        .await;
        former
    }

    fn rows_as_they_are(&self) -> BTreeMap<String, Map<String, Value>> {
        let rows = self.stack.portal.rows().into_iter();
        rows.map(|row| (row["trip_id"].as_str().unwrap().to_owned(), row))
            .collect()
    }

    /// Adds a row that nobody has published.
    fn add_by_hand(&self, id: &str, end_time: Value) {
        let mut row = self.stack.portal.rows().remove(0);
        row.insert("trip_id".to_owned(), json!(id));
        row.insert("end_time".to_owned(), end_time);
        self.stack.portal.edit_row(row).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_the_hours_deletes_nothing_at_the_portal() {
    let world = published().await;
    world.add_by_hand("by-hand", json!("2020-01-15T18:30:00"));
    world.add_by_hand("without-end", Value::Null);
    let right = world.rows_as_they_are();
    let (rows, requests) = (right.len(), world.request_count());
    world.begin_anew().await;

    let report = world.repair(1).await;
    assert_eq!(report["extra"], rows);
    assert_eq!(
        report["repair"],
        json!({"blocks": 0, "failed": 0, "extra_deleted": 0, "extra_held_back": rows})
    );
    assert_eq!(world.rows_as_they_are(), right);
    let output = world.expect(1, &with(&AUDIT, &["--repair"])).await;
    let told = stderr(&output);
    assert!(told.contains(&format!("{rows} rows")), "{told}");
    assert!(told.contains("2020-01-15-13"), "{told}");
    assert!(told.contains("mds run"), "{told}");

    let output = world.expect(1, &with(&RUN, &["--audit"])).await;
    let told = format!("{}{}", stdout(&output), stderr(&output));
    assert!(told.contains("kept"), "{told}");
    assert!(
        told.contains(&format!("{rows} rows are left as they are")),
        "{told}"
    );
    assert_eq!(world.rows_as_they_are(), right);
    // An audit that only compares knows no better.
    for command in [&[][..], &["audit", "--month", "2020-01"]] {
        if !command.is_empty() {
            world.expect(1, command).await;
        }
        let told = stdout(&world.expect(1, &["status"]).await);
        assert!(told.contains("! no provider: the audit of"), "{told}");
        let left = format!("{rows} rows are left as they are, because the database does not have");
        assert!(told.contains(&left), "{told}");
        assert!(!told.contains("was planned to publish"), "{told}");
    }

    // One provider's hours are not all hours.
    let bird = run("bird", "2020-01-15-12", "2020-01-15-14");
    world.expect(0, &bird).await;
    let lime = world.repair(1).await["repair"]["extra_held_back"].clone();
    assert!(0 < lime.as_u64().unwrap() && lime.as_u64().unwrap() < rows as u64);
    assert_eq!(world.stack.portal.row_count(), rows);

    // The hours come from their archives. Then nobody misses the rows that were added by hand.
    world.expect(0, &RUN).await;
    assert_eq!(world.request_count(), requests);
    let report = world.repair(0).await;
    assert_eq!(report["extra"], 0);
    assert_eq!(report["repair"]["extra_deleted"], 2);
    assert_eq!(world.stack.portal.row_count(), rows - 2);
    world.expect(0, &AUDIT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_plans_leave_out_keeps_the_rows_of_its_archives() {
    let world = published().await;
    let ids = || world.rows_as_they_are().into_keys().collect::<Vec<_>>();
    let right = ids();
    world.begin_anew().await;
    let entry = world
        .change_lime(|entry| entry["enabled"] = json!(false))
        .await;
    world.expect(0, &RUN).await;

    let begins_later = |entry: &mut Value| entry["active_from"] = json!("2020-01-15-14");
    let is_disabled = |entry: &mut Value| entry["enabled"] = json!(false);
    let is_removed = |entry: &mut Value| *entry = Value::Null;
    let edits: [(fn(&mut Value), _); 3] = [
        (begins_later, false),
        (is_removed, true),
        (is_disabled, false),
    ];
    for (edit, is_gone) in edits {
        world.change_lime(|lime| *lime = entry.clone()).await;
        world.change_lime(edit).await;
        let report = world.repair(1).await;
        assert_eq!(report["repair"]["extra_deleted"], 0);
        assert_eq!(report["repair"]["extra_held_back"], report["extra"]);
        assert_eq!(ids(), right);
        let told = stderr(&world.expect(1, &with(&AUDIT, &["--repair"])).await);
        let command = "`mds run --provider lime --no-extract --time-min 2020-01-15-12 --time-max 2020-01-15-14`";
        assert!(told.contains(command), "{told}");
        assert!(!told.contains("--provider all"), "{told}");
        assert_eq!(told.contains("entry"), is_gone, "{told}");
    }

    let requests = world.request_count();
    let lime = run("lime", "2020-01-15-12", "2020-01-15-14");
    world.expect(0, &with(&lime, &["--no-extract"])).await;
    assert_eq!(world.request_count(), requests);
    world.add_by_hand("by-hand", json!("2020-01-15T18:30:00"));
    let report = world.repair(0).await;
    assert_eq!(report["repair"]["extra_deleted"], 1);
    assert_eq!(ids(), right);
}

/// As after a run of another stage that publishes to the same dataset.
#[tokio::test(flavor = "multi_thread")]
async fn many_rows_of_trips_that_the_database_has_never_had_are_kept_unless_somebody_asks() {
    let world = published().await;
    let right = world.rows_as_they_are();
    let strangers = 40;
    assert!(strangers * 5 > right.len() + strangers, "{}", right.len());
    for _ in 0..strangers {
        world.add_by_hand(&Uuid::new_v4().to_string(), json!("2020-01-15T18:30:00"));
    }
    let report = world.repair(1).await;
    assert_eq!(report["repair"]["extra_deleted"], 0);
    assert_eq!(report["repair"]["extra_held_back"], strangers);
    let output = world.expect(1, &with(&RUN, &["--audit"])).await;
    let told = format!("{}{}", stdout(&output), stderr(&output));
    assert!(told.contains("does another stage"), "{told}");
    assert!(told.contains("--accept-losses"), "{told}");
    assert!(told.contains("40 rows are left as they are"), "{told}");
    assert_eq!(world.rows_as_they_are().len(), right.len() + strangers);

    // Rows of withdrawn trips are the database's own, however many they are.
    let withdraw = "UPDATE api.trips SET withdrawn_at = now()";
    let own = world.database.execute(withdraw, &[]).await.unwrap();
    let report = world.repair(1).await;
    assert_eq!(report["repair"]["extra_deleted"], own);
    assert_eq!(report["repair"]["extra_held_back"], strangers);

    let args = with(&AUDIT, &["--repair", "--accept-losses"]);
    world.expect(0, &args).await;
    assert_eq!(world.stack.portal.row_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_had_not_begun_holds_nothing_back() {
    let world = published().await;
    let right = world.rows_as_they_are();
    world.add_by_hand("by-hand", json!("2020-01-15T18:30:00"));
    world
        .edit_providers(|entries| {
            entries["veo"] = entries["bird"].clone();
            entries["veo"]["provider_id"] = json!("5a1e0000-0000-4000-8000-000000000001");
            // Its rows are still at the portal, and belong to nobody.
            entries["lime"]["enabled"] = json!(false);
        })
        .await;
    world.repair(0).await;
    assert_eq!(world.rows_as_they_are(), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_with_a_failed_block_keeps_its_rows_and_the_others_do_not() {
    let world = published().await;
    world.add_by_hand("by-hand-1", json!("2020-01-15T18:30:00"));
    world.add_by_hand("by-hand-2", json!("2020-01-15T19:30:00"));
    let fail = "UPDATE api.schedule SET status_id = -2 WHERE schedule_id = (SELECT min(schedule_id)
                FROM api.schedule WHERE block_start = '2020-01-15 18:00Z')";
    world.database.batch_execute(fail).await.unwrap();
    let report = world.repair(1).await;
    assert_eq!(report["repair"]["extra_deleted"], 1);
    assert_eq!(report["repair"]["extra_held_back"], 1);
    let at_portal = |id| world.stack.portal.row(id).is_some();
    assert!(at_portal("by-hand-1") && !at_portal("by-hand-2"));
    world.expect(0, &RUN).await;
    world.repair(0).await;
    assert!(!at_portal("by-hand-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_withdrawn_trip_is_deleted_whatever_the_hour_lacks() {
    let world = published().await;
    world.add_by_hand("by-hand", json!("2020-01-15T18:30:00"));
    let fail = "UPDATE api.schedule SET status_id = -2 WHERE schedule_id = (
        SELECT schedule_id FROM api.schedule JOIN api.providers USING (provider_id)
        WHERE block_start = '2020-01-15 18:00Z' AND provider_name = 'lime')";
    world.database.batch_execute(fail).await.unwrap();
    let withdraw = "UPDATE api.trips SET withdrawn_at = now() WHERE id = (
        SELECT t.id FROM api.trips t JOIN api.schedule s USING (schedule_id)
        JOIN api.providers p ON p.provider_id = s.provider_id
        WHERE block_start = '2020-01-15 18:00Z' AND p.provider_name = 'bird' AND end_time < '2020-01-15 19:00Z'
        LIMIT 1) RETURNING id::text";
    let row = world.database.query_one(withdraw, &[]).await.unwrap();
    let withdrawn: &str = row.get(0);
    // As if the database came from a backup: a newer archive may have the trip again.
    let shift = |sign| {
        format!("UPDATE api.schedule SET archived_at = archived_at {sign} interval '1 hour'")
    };
    world.database.batch_execute(&shift('-')).await.unwrap();
    let report = world.repair(1).await;
    assert_eq!(report["repair"]["extra_held_back"], 2);
    world.database.batch_execute(&shift('+')).await.unwrap();
    let report = world.repair(1).await;
    assert_eq!(report["repair"]["extra_deleted"], 1);
    assert_eq!(report["repair"]["extra_held_back"], 1);
    let at_portal = |id| world.stack.portal.row(id).is_some();
    assert!(at_portal("by-hand") && !at_portal(withdrawn));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_from_before_a_providers_start_need_a_command_that_names_it() {
    let world = published().await;
    let right = world.rows_as_they_are();
    let lost = "SELECT min(t.id::text) FROM api.trips t JOIN api.schedule s USING (schedule_id)
                JOIN api.providers p ON p.provider_id = s.provider_id
                WHERE p.provider_name = 'lime' AND block_start = '2020-01-15 18:00Z'";
    let lost = world.text(lost).await;
    assert!(world.stack.portal.lose_row(&lost).unwrap());
    world
        .change_lime(|entry| entry["active_from"] = json!("2020-01-15-14"))
        .await;
    let output = world.expect(1, &with(&RUN, &["--audit", "--json"])).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["audit"]["left"], 1);
    assert_eq!(report["planned"], 0);
    let told = stdout(&world.expect(1, &["status"]).await);
    assert!(told.contains("! lime: the audit of"), "{told}");
    assert!(told.contains("(`active_from`)"), "{told}");
    let lime = run("lime", "2020-01-15-12", "2020-01-15-14");
    let output = world.expect(0, &with(&lime, &["--audit", "--json"])).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["audit"]["left"], 0);
    assert_eq!(world.rows_as_they_are(), right);
    let told = stdout(&world.output(&["status"]).await);
    assert!(!told.contains("! lime: the audit of"), "{told}");
}
