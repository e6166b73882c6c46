//! What the portal must receive reaches it with the next plain run, whatever came in between.

use std::collections::BTreeMap;
use std::time::Duration;

use rstest::rstest;
use sandbox_provider::{Fault, Times};
use serde_json::{Map, Value, json};
use trips::status::BlockStatus;
use trips::status::BlockStatus::{
    AllRejected, Archived, ExtractFailed, LoadFailed, Loaded, New, NoTrips, NotPublished, Published,
};

use crate::kill::Running;
use crate::support::{ONE_HOUR, REPAIR, World, hour, stdout, until, with, world_with};

const WAITING: &str = "SELECT count(*) FROM api.publications WHERE since IS NOT NULL";
const LONG: Duration = Duration::from_secs(3600);

async fn world() -> World {
    world_with(&["bird"], Map::new()).await
}

impl World {
    /// From now on every trip is another provider's, and rejected. Returns the id of before.
    async fn take_for(&self, provider: &Value) -> Value {
        let mut former = Value::Null;
        self.edit_providers(|entries| {
            former = std::mem::replace(&mut entries["bird"]["provider_id"], provider.clone());
        })
        .await;
        former
    }

    /// Loads the hour, does not publish it, and loads it again with every trip rejected. Returns
    /// the provider's right id.
    async fn reject_before_the_upload(&self) -> Value {
        let only_load = with(&ONE_HOUR, &["--no-sync-socrata"]);
        self.expect(0, &only_load).await;
        let foreign = json!("5a1e0000-0000-4000-8000-000000000001");
        let right = self.take_for(&foreign).await;
        self.expect(1, &with(&only_load, &["--force"])).await;
        assert_eq!(self.statuses().await, [AllRejected]);
        assert_eq!(self.portal().len(), 0);
        assert_eq!(self.number(WAITING).await, 1);
        right
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_upload_that_was_interrupted_is_made_by_the_next_run() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let portal = &world.stack.portal;
    let begun = portal.log().begun();
    portal.fail_next(sandbox_portal::Fault::Slow(LONG));
    let forced = with(&["sync-socrata", "--force"], &ONE_HOUR[1..]);
    let mds = Running::start(&world, &forced);
    // One request for the dataset, and the upload.
    until("the forced upload", async || {
        portal.log().begun() == begun + 2 && world.number(WAITING).await == 1
    })
    .await;
    mds.kill();
    assert_eq!(world.statuses().await, [Published]);
    let uploads = world.uploads().len();
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.number(WAITING).await, 0);
    assert!(world.uploads().len() > uploads);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_becomes_empty_leaves_nothing_in_the_ledger() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    assert!(!world.portal().is_empty());
    let empty = Fault::Partial { trips: 0 };
    world.stack.providers["bird"].fail_hour(hour("2020-01-15-12"), empty, Times::Always);
    let emptied = with(&ONE_HOUR, &["--force", "--accept-losses"]);
    // Its trips are withdrawn, and the portal has them still.
    world
        .expect(0, &with(&emptied, &["--no-sync-socrata"]))
        .await;
    assert_eq!(world.statuses().await, [Loaded]);
    // The same answer again: there is no trip to load, and still something to send.
    world.expect(0, &emptied).await;
    assert_eq!(world.statuses().await, [NoTrips]);
    assert_eq!(world.number(WAITING).await, 0);
    assert!(world.portal().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_rejects_everything_leaves_nothing_in_the_ledger() {
    let world = world().await;
    world.reject_before_the_upload().await;
    let (requests, trips) = (world.request_count(), world.trips().await);
    // Another load would end the run before the upload, so the first sweep only sends what waits.
    let sweep = with(&ONE_HOUR, &["--incomplete-only"]);
    world.expect(0, &sweep).await;
    assert_eq!(world.number(WAITING).await, 0);
    assert_eq!(world.request_count(), requests);
    let loaded = world.number("SELECT count(*) FROM api.trips").await;
    assert_eq!(i64::try_from(world.portal().len()).unwrap(), loaded);
    // The second one requests the hour again.
    world.expect(1, &sweep).await;
    assert_eq!(world.request_count(), requests + 1);
    assert_eq!(world.statuses().await, [AllRejected]);
    assert_eq!(world.trips().await, trips);
    assert_eq!(world.number(WAITING).await, 0);
}

/// What a row is once the settings round its times.
fn rounded(portal: &BTreeMap<String, Value>) -> bool {
    let is_rounded = |row: &Value| row["end_time"].as_str().unwrap().ends_with(":00:00");
    portal.values().all(is_rounded)
}

impl World {
    /// Publishes the hour, and gives it another status afterwards, as a later request or load does
    /// that fails.
    async fn publish_then_fail(&self, status: BlockStatus) {
        self.expect(0, &ONE_HOUR).await;
        if status == AllRejected {
            let foreign = json!("5a1e0000-0000-4000-8000-000000000001");
            self.take_for(&foreign).await;
            self.expect(1, &with(&ONE_HOUR, &["--force"])).await;
        } else {
            let change = format!(
                "UPDATE api.schedule SET status_id = {}, message = 'why'",
                status.code()
            );
            self.database.batch_execute(&change).await.unwrap();
        }
        assert_eq!(self.statuses().await, [status]);
    }
}

/// The rows of an earlier load stay at the portal until the hour is loaded again, which may be
/// never. Settings that protect riders apply to them, too.
#[rstest]
#[case(New)]
#[case(NotPublished)]
#[case(Archived)]
#[case(ExtractFailed)]
#[case(LoadFailed)]
#[case(AllRejected)]
#[tokio::test(flavor = "multi_thread")]
async fn a_forced_publish_covers_the_rows_of_an_earlier_load(#[case] status: BlockStatus) {
    let world = world().await;
    world.publish_then_fail(status).await;
    let before = world.portal();
    assert!(before.len() > 10 && !rounded(&before));
    let row = "SELECT jsonb_build_array(status_id, message, records_processed, loaded_at)::text FROM api.schedule";
    let schedule = world.text(row).await;
    let withdraw = "UPDATE api.trips SET withdrawn_at = now() WHERE id = (SELECT min(id::text) FROM api.trips)::uuid";
    world.database.batch_execute(withdraw).await.unwrap();
    let round = |settings: &mut Value| settings["PUBLIC_TIME_ROUNDING_MINUTES"] = json!(60);
    world.edit_settings(round).await;

    let forced = with(&["sync-socrata", "--force"], &ONE_HOUR[1..]);
    let said = stdout(&world.expect(0, &forced).await);
    assert!(said.contains("of 1 block 1 done"), "{said}");
    let after = world.portal();
    assert!(rounded(&after));
    let kept: Vec<_> = before.keys().skip(1).collect();
    assert_eq!(after.keys().collect::<Vec<_>>(), kept);
    assert_eq!(world.number(WAITING).await, 0);
    assert_eq!(world.text(row).await, schedule);
}

#[rstest]
#[case(New)]
#[case(ExtractFailed)]
#[case(AllRejected)]
#[tokio::test(flavor = "multi_thread")]
async fn a_repair_covers_the_rows_of_an_earlier_load(#[case] status: BlockStatus) {
    let world = world().await;
    world.publish_then_fail(status).await;
    let right = world.portal();
    let ids: Vec<_> = right.keys().cloned().collect();
    assert!(world.stack.portal.lose_row(&ids[0]).unwrap());
    world.expect(0, &REPAIR).await;
    assert_eq!(world.portal(), right);
    assert_eq!(world.statuses().await, [status]);

    assert!(world.stack.portal.lose_row(&ids[1]).unwrap());
    world.expect(0, &with(&ONE_HOUR, &["--audit"])).await;
    assert_eq!(world.portal(), right);
    assert_eq!(world.statuses().await, [status]);
}

/// As after a load that was killed once its file was there, and before it was committed. The
/// message goes on telling why the hour is not loaded.
#[rstest]
#[case(Archived)]
#[case(ExtractFailed)]
#[case(LoadFailed)]
#[case(AllRejected)]
#[tokio::test(flavor = "multi_thread")]
async fn a_forced_publish_of_a_file_that_no_load_has_committed_sends_nothing(
    #[case] status: BlockStatus,
) {
    let world = world().await;
    world.publish_then_fail(status).await;
    let before = world.portal();
    let row = "SELECT status_id || ' ' || message FROM api.schedule";
    let told = world.text(row).await;
    let forget = "UPDATE api.publications SET publish_sha256 = 'other', publish_etag = NULL";
    world.database.batch_execute(forget).await.unwrap();
    let uploads = world.uploads().len();
    let forced = with(&["sync-socrata", "--force"], &ONE_HOUR[1..]);
    let said = stdout(&world.expect(1, &forced).await);
    assert!(said.contains("load the block again"), "{said}");
    assert_eq!(world.uploads().len(), uploads);
    assert_eq!(world.portal(), before);
    assert_eq!(world.text(row).await, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_publish_has_nothing_to_do_for_an_hour_that_owns_no_trips() {
    let world = world().await;
    world
        .take_for(&json!("5a1e0000-0000-4000-8000-000000000001"))
        .await;
    world.expect(1, &ONE_HOUR).await;
    let forced = with(&["sync-socrata", "--force"], &ONE_HOUR[1..]);
    let said = stdout(&world.expect(0, &forced).await);
    assert!(
        said.contains("1 block is done already (1 every trip rejected)"),
        "{said}"
    );
}
