//! A provider's first hour, and how many blocks are worked on at once.

use serde_json::json;
use trips::status::BlockStatus::Published;

use crate::support::{World, run, stderr, stdout, with, world, world_with};

const NAMED: [&str; 7] = run("bird", "2020-01-15-12", "2020-01-15-14");
const ALL: [&str; 7] = run("all", "2020-01-15-12", "2020-01-15-14");

impl World {
    /// The provider `bird` takes part in runs over all providers from this hour on.
    async fn begin_bird_at(&self, active_from: &str) {
        self.edit_providers(|providers| providers["bird"]["active_from"] = json!(active_from))
            .await;
    }

    async fn blocks_of(&self, provider: &str) -> i64 {
        self.number(&format!(
            "SELECT count(*) FROM api.schedule JOIN api.providers USING (provider_id)
             WHERE provider_name = '{provider}'"
        ))
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_before_active_from_are_run_only_for_a_request_that_names_the_provider() {
    let world = world().await;
    world.begin_bird_at("2020-01-15-13").await;

    let output = world.expect(0, &ALL).await;
    assert!(
        stderr(&output).contains("1 block is from before its provider's start"),
        "{}",
        stderr(&output)
    );
    assert_eq!(world.blocks_of("lime").await, 2);
    assert_eq!(world.blocks_of("bird").await, 1);
    assert_eq!(world.statuses().await, [Published; 3]);

    // The same as an instant, and with every hour before it.
    world.begin_bird_at("2020-01-15T22:00:00Z").await;
    let output = world
        .expect(0, &with(&ALL, &["--force", "--dry-run"]))
        .await;
    assert!(!stdout(&output).contains("bird"), "{}", stdout(&output));
    let output = world.expect(0, &with(&ALL, &["--incomplete-only"])).await;
    assert!(
        stdout(&output).contains("2 blocks are from before their provider's start"),
        "{}",
        stdout(&output)
    );

    world.expect(0, &NAMED).await;
    assert_eq!(world.blocks_of("bird").await, 2);
    world.expect_whole(&["bird", "lime"], &["12", "13"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_publishes_hours_before_active_from_only_if_it_names_the_provider() {
    let world = world_with(&["bird"], serde_json::Map::new()).await;
    world.expect(0, &NAMED).await;
    let right = world.portal();
    let lost = world.stack.portal.rows()[0]["trip_id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.stack.portal.lose_row(&lost).unwrap();
    world.begin_bird_at("2020-01-16-00").await;

    let output = world.expect(1, &with(&ALL, &["--audit"])).await;
    assert!(
        stderr(&output).contains("1 block is from before"),
        "{}",
        stderr(&output)
    );
    assert!(!world.portal().contains_key(&lost));
    world.expect(0, &with(&NAMED, &["--audit"])).await;
    assert_eq!(world.portal(), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_cannot_be_read_stops_this_provider_alone() {
    let world = world().await;
    world.begin_bird_at("2020-01-15").await;
    let output = world.expect(0, &with(&ALL, &["--dry-run"])).await;
    assert_eq!(stdout(&output).matches("lime").count(), 2);
    assert!(!stdout(&output).contains("bird"));
    let output = world.expect(2, &with(&NAMED, &["--dry-run"])).await;
    assert!(
        stderr(&output).contains("bird.active_from"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concurrency_that_no_machine_has_is_refused_before_any_work() {
    let world = world().await;
    for (concurrency, word) in [
        ("0", "1..=10000"),
        ("10001", "1..=10000"),
        ("1001", "--on aws"),
    ] {
        let output = world
            .expect(2, &with(&ALL, &["--concurrency", concurrency]))
            .await;
        assert!(stderr(&output).contains(word), "{}", stderr(&output));
    }
    assert_eq!(world.number("SELECT count(*) FROM api.runs").await, 0);
}
