//! What the portal must receive reaches it with the next plain run, whatever came in between.

use std::time::Duration;

use sandbox_provider::{Fault, Times};
use serde_json::{Map, Value, json};
use trips::status::BlockStatus::{AllRejected, Loaded, NoTrips, Published};

use crate::kill::Running;
use crate::support::{ONE_HOUR, World, hour, until, with, world_with};

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
