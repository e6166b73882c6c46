//! Slips of the hand: ranges that nobody means, hours planned by mistake, and what stops a run
//! early.

use std::time::Duration;

use sandbox_provider::{Fault, Times};
use serde_json::{Map, Value, json};
use trips::status::BlockStatus::{Archived, New};
use vault::Seal;

use crate::kill::Running;
use crate::support::{ONE_HOUR, hour, run, stderr, stdout, with, world, world_with};

const TEN_YEARS: [&str; 7] = run("all", "2010-01-01-00", "2020-01-01-00");

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_years_is_not_begun_unless_it_is_meant() {
    let world = world().await;
    let said = stderr(&world.expect(2, &TEN_YEARS).await);
    assert!(
        said.contains("this is for 175296 blocks (bird 87648, lime 87648)")
            && said.contains("--yes"),
        "{said}"
    );
    assert_eq!(world.number("SELECT count(*) FROM api.schedule").await, 0);
    // A plan that writes nothing needs no answer, and counts first.
    let output = world.expect(0, &with(&TEN_YEARS, &["--dry-run"])).await;
    assert_eq!(stdout(&output).lines().count(), 175_296);
    assert!(stderr(&output).contains("87648 new"), "{}", stderr(&output));
    // With --yes it begins at once.
    let slow = Fault::Slow(Duration::from_secs(60));
    for provider in world.stack.providers.values() {
        provider.fail_hour(hour("2010-01-01-00"), slow.clone(), Times::Always);
    }
    let year = run("bird", "2010-01-01-00", "2013-01-01-00");
    let mut running = Running::start(&world, &with(&year, &["--yes"]));
    running
        .until("the plan", async || {
            world.number("SELECT count(*) FROM api.schedule").await > 0
        })
        .await;
    running.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_planned_by_mistake_are_forgotten_and_no_other() {
    let world = world_with(&["bird"], Map::new()).await;
    let day = run("bird", "2020-01-15-00", "2020-01-16-00");
    // Plans the hours, and finds nothing to load.
    world.expect(2, &[&["sync-db"], &day[1..]].concat()).await;
    world
        .expect(0, &[&["extract"], &ONE_HOUR[1..]].concat())
        .await;
    let ctx = world.stack.context().await.unwrap();
    let busy = world
        .number("SELECT schedule_id FROM api.schedule WHERE hour = 20")
        .await;
    let claim = ctx.store().claim(busy).await.unwrap();
    // The same key in another database of the server is another block's.
    let elsewhere = world_with(&["bird"], Map::new()).await;
    elsewhere
        .expect(2, &[&["sync-db"], &day[1..]].concat())
        .await;
    let other_ctx = elsewhere.stack.context().await.unwrap();
    let other_claim = other_ctx.store().claim(busy + 1).await.unwrap();

    let forget = [&["schedule", "forget"], &day[1..], &["--json"]].concat();
    let counts = json!([{"provider": "bird", "forgotten": 22, "kept": 2}]);
    let output = world.expect(0, &with(&forget, &["--dry-run"])).await;
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(document["providers"], counts);
    assert_eq!(world.statuses().await.len(), 24);

    let output = world.expect(0, &forget).await;
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(document["providers"], counts);
    assert_eq!(world.statuses().await, [Archived, New]);
    claim.release().await.unwrap();
    other_claim.release().await.unwrap();

    // They are planned again like hours that nobody has planned.
    world.expect(0, &day).await;
    assert_eq!(world.statuses().await.len(), 24);
    let output = world.expect(0, &forget[..forget.len() - 1]).await;
    assert!(stdout(&output).contains("bird"), "{}", stdout(&output));
    assert_eq!(world.statuses().await.len(), 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn boundaries_that_cannot_be_used_stop_a_run_before_its_first_block() {
    let world = world_with(&["bird"], Map::new()).await;
    let vault = world.vault().await;
    let broken = json!({"type": "FeatureCollection", "features": "none"});
    vault
        .put_json("boundaries/cell.json", &broken, Seal::Plain)
        .await
        .unwrap();
    let day = run("bird", "2020-01-15-00", "2020-01-16-00");
    let said = stderr(&world.expect(2, &day).await);
    assert_eq!(said.matches("boundaries/cell.json").count(), 1, "{said}");
    assert_eq!(world.request_count(), 0);
    assert_eq!(world.statuses().await, [New; 24]);
    // Pulling needs no boundaries.
    world
        .expect(0, &[&["extract"], &ONE_HOUR[1..]].concat())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_stays_away_is_told_in_one_sentence_with_what_is_left() {
    let world = world_with(&["bird"], Map::new()).await;
    for _ in 0..100 {
        world.stack.portal.fail_next(sandbox_portal::Fault::Status {
            status: 503,
            retry_after: None,
        });
    }
    let six = run("bird", "2020-01-15-12", "2020-01-15-18");
    let output = world.expect(1, &with(&six, &["--json", "--no-logs"])).await;
    let said = stderr(&output);
    assert!(
        said.contains("publishing has stopped, since the portal cannot be used: 3 blocks in a row failed with SocrataUnavailable")
            && said.contains("3 blocks are left as they were"),
        "{said}"
    );
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        (
            &report["failed"],
            &report["not_begun"],
            &report["gave_up"]["dependency"]
        ),
        (&json!(3), &json!(3), &json!("portal"))
    );
    // All six were loaded, whether they have an outcome or not.
    let loaded = world.number("SELECT count(*) FROM api.trips").await;
    let whole = "SELECT count(*) FROM api.schedule WHERE records_processed IS NOT NULL";
    assert_eq!(world.number(whole).await, 6);
    assert_eq!(report["trips_loaded"], loaded);
    assert_eq!(report["providers"][0]["trips_loaded"], loaded);
    let archived = world
        .number("SELECT sum(payload_trips_count)::bigint FROM api.schedule")
        .await;
    assert_eq!(report["trips_archived"], archived);
}

/// The login is refused from the second of three hours on, so that nobody can read the counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_database_goes_away_tells_what_it_knows_and_how_to_go_on() {
    let world = world_with(&["bird"], Map::new()).await;
    let role = format!("leaving_{}", uuid::Uuid::new_v4().simple());
    let create = format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'secret-password'");
    world.database.batch_execute(&create).await.unwrap();
    let (_, server) = world.stack.database_url.split_once('@').unwrap();
    let url = format!("postgresql://{role}:secret-password@{server}");
    world
        .edit_settings(|settings| settings["DATABASE_URL"] = json!(url))
        .await;
    let bird = &world.stack.providers["bird"];
    let slow = Fault::Slow(Duration::from_secs(2));
    bird.fail_hour(hour("2020-01-15-13"), slow, Times::Always);
    let three = run("bird", "2020-01-15-12", "2020-01-15-15");
    let mut running = Running::start(
        &world,
        &with(&three, &["--concurrency", "1", "--no-sync-socrata"]),
    );
    running
        .until("the second request", async || bird.log().begun() == 2)
        .await;
    let leave = format!(
        "ALTER ROLE {role} NOLOGIN;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
    );
    world.database.batch_execute(&leave).await.unwrap();
    assert_eq!(running.ended().await, Some(2));
    let said = running.stderr();
    for words in [
        "the summary of the run cannot be read: the database refuses",
        "1 block is done, 2 failed, 0 left as they were",
        "the same command continues",
    ] {
        assert!(said.contains(words), "`{words}` is missing in {said}");
    }
    assert!(!said.contains("secret-password"), "{said}");
    let gone = format!("DROP ROLE {role}");
    world.database.batch_execute(&gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_counts_what_has_ended() {
    let world = world_with(&["bird"], Map::new()).await;
    let bird = &world.stack.providers["bird"];
    let slow = Fault::Slow(Duration::from_secs(2));
    bird.fail_hour(hour("2020-01-15-03"), slow, Times::Always);
    let day = run("bird", "2020-01-15-00", "2020-01-16-00");
    let mut running = Running::start(&world, &with(&day, &["--concurrency", "1"]));
    running
        .until("the fourth request", async || bird.log().begun() == 4)
        .await;
    running.signal("-TERM");
    assert_eq!(running.ended().await, Some(143));
    let said = running.stderr();
    let lines: Vec<_> = said
        .lines()
        .filter(|it| it.contains("/24 blocks"))
        .collect();
    let ended = lines.last().unwrap();
    assert!(
        ended.starts_with("3/24 blocks") || ended.starts_with("2/24 blocks"),
        "{said}"
    );
    assert!(
        said.contains("of 24 blocks 3 ended, 21 are left to do")
            || said.contains("of 24 blocks 2 ended"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_over_a_file_says_what_it_did() {
    let world = world_with(&["bird"], Map::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trips.json");
    let file = file.to_str().unwrap();
    let step = |name: &'static str| [&[name], &ONE_HOUR[1..], &["--file", file]].concat();
    let said = stdout(&world.expect(0, &step("extract")).await);
    assert!(
        said.starts_with("bird 2020-01-15-13: ") && said.contains(" trips in 1 page written to "),
        "{said}"
    );
    let said = stdout(&world.expect(0, &step("sync-db")).await);
    assert!(
        said.starts_with("bird 2020-01-15-13: ") && said.contains(" trips loaded"),
        "{said}"
    );
    let output = world.expect(0, &with(&step("sync-db"), &["--json"])).await;
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        (
            &document["provider"],
            &document["label"],
            &document["block_start"]
        ),
        (
            &json!("bird"),
            &json!("2020-01-15-13"),
            &json!("2020-01-15T18:00:00Z")
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn boundaries_stop_a_run_whose_first_blocks_are_loaded_already() {
    let world = world_with(&["bird"], Map::new()).await;
    let loaded = run("bird", "2020-01-15-00", "2020-01-15-11");
    let loaded = with(&loaded, &["--no-sync-socrata"]);
    world.expect(0, &loaded).await;
    let requests = world.request_count();
    let vault = world.vault().await;
    let broken = json!({"type": "FeatureCollection", "features": "none"});
    vault
        .put_json("boundaries/cell.json", &broken, Seal::Plain)
        .await
        .unwrap();
    let day = run("bird", "2020-01-15-00", "2020-01-16-00");
    let said = stderr(&world.expect(2, &day).await);
    assert_eq!(said.matches("boundaries/cell.json").count(), 1, "{said}");
    assert_eq!(world.request_count(), requests);
    assert_eq!(world.uploads(), []);
}
