//! Deletions of rows that the portal does not have, or does not have any more. It answers them with
//! an error.

use sandbox_portal::Fault;
use sandbox_provider::{Rates, Rhythm, Times};
use serde_json::json;
use trips::status::BlockStatus::{Loaded, PublishFailed, Published};

use crate::support::{ONE_HOUR, World, hour, options, stdout, with, world_of};

const AUDIT: [&str; 5] = [
    "audit",
    "--time-min",
    "2020-01-15-12",
    "--time-max",
    "2020-01-15-13",
];
const ADDED: &str = "00000000-0000-8000-8000-000000000001";

/// One provider with ten valid trips in every hour.
async fn world() -> World {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    (bird.rates, bird.rhythm, bird.trips_per_hour) = (Rates::none(), Rhythm::Flat, 10.0);
    world_of(options).await
}

impl World {
    /// The provider leaves out two of the hour's ten trips.
    fn withdraw_two(&self) {
        let partial = sandbox_provider::Fault::Partial { trips: 8 };
        self.stack.providers["bird"].fail_hour(hour("2020-01-15-12"), partial, Times::Always);
    }

    /// One of the trips that the provider has withdrawn.
    async fn withdrawn(&self) -> String {
        let id = "SELECT min(id::text) FROM api.trips WHERE withdrawn_at IS NOT NULL";
        self.text(id).await
    }

    async fn expect_eight_rows(&self) {
        assert_eq!(self.statuses().await, [Published]);
        assert_eq!(self.stack.portal.row_count(), 8);
    }
}

/// An hour of which two trips were published and withdrawn, and which is published as it is.
async fn world_without_two() -> World {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    world.withdraw_two();
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    world.expect_eight_rows().await;
    world
}

fn forced() -> Vec<&'static str> {
    with(&["sync-socrata", "--force"], &ONE_HOUR[1..])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_with_withdrawn_trips_is_published_again() {
    let world = world_without_two().await;
    let uploads = world.uploads().len();
    world.expect(0, &forced()).await;
    world.expect_eight_rows().await;
    assert_eq!(world.uploads().len(), uploads + 1);
    let counts = "SELECT socrata_status::text FROM api.schedule";
    let counts: serde_json::Value = serde_json::from_str(&world.text(counts).await).unwrap();
    assert_eq!(
        counts,
        json!({"created": 0, "updated": 8, "deleted": 0, "errors": 0})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_whose_answer_was_lost_is_done() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    world.withdraw_two();
    let lost = Fault::DropConnection { applied: true };
    world.stack.portal.fail_next(lost);
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    world.expect_eight_rows().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_that_is_withdrawn_before_it_was_published_is_not_missed() {
    let world = world().await;
    let only_load = with(&ONE_HOUR, &["--force", "--no-sync-socrata"]);
    world.expect(0, &only_load).await;
    world.withdraw_two();
    world.expect(0, &only_load).await;
    assert_eq!(world.statuses().await, [Loaded]);
    world.expect(0, &ONE_HOUR).await;
    world.expect_eight_rows().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_the_portal_refuses_together_are_published_one_by_one_with_their_deletions() {
    let world = world().await;
    let two_hours = crate::support::run("bird", "2020-01-15-12", "2020-01-15-14");
    world.expect(0, &two_hours).await;
    world.withdraw_two();
    let load_again = with(&two_hours, &["--force", "--no-sync-socrata"]);
    world.expect(0, &load_again).await;
    let one = world
        .text(
            "SELECT min(t.id::text) FROM api.trips t JOIN api.schedule s USING (schedule_id)
             WHERE s.block_start = (SELECT max(block_start) FROM api.schedule)",
        )
        .await;
    world.stack.portal.refuse_rows("trip_id", &one);
    world
        .expect(
            1,
            &with(&two_hours, &["--force", "--no-extract", "--no-sync-db"]),
        )
        .await;
    assert_eq!(world.statuses().await, [Published, PublishFailed]);
    assert_eq!(world.stack.portal.row_count(), 18);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_with_withdrawn_trips_is_repaired() {
    let world = world_without_two().await;
    let right = world.portal();
    let one = right.keys().next().unwrap();
    assert!(world.stack.portal.lose_row(one).unwrap());
    world.expect(1, &AUDIT).await;
    world.expect(0, &with(&AUDIT, &["--repair"])).await;
    assert_eq!(world.portal(), right);
    assert_eq!(world.statuses().await, [Published]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_whose_answer_was_lost_has_deleted() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let right = world.portal();
    let mut row = world.stack.portal.rows().remove(0);
    row.insert("trip_id".to_owned(), json!(ADDED));
    world.stack.portal.edit_row(row).unwrap();
    let lost = Fault::DropConnection { applied: true };
    world.stack.portal.fail_next(lost);
    world.expect(0, &with(&AUDIT, &["--repair"])).await;
    assert_eq!(world.portal(), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_the_portal_refuses_fails_the_block_until_it_is_taken() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    world.withdraw_two();
    world
        .expect(0, &with(&ONE_HOUR, &["--force", "--no-sync-socrata"]))
        .await;
    let one = world.withdrawn().await;
    world.stack.portal.refuse_rows("trip_id", &one);
    for _ in 0..2 {
        let output = world.expect(1, &ONE_HOUR).await;
        let failed = "failed: 1 block of bird, sync-socrata (SocrataRejected): ";
        assert!(stdout(&output).contains(failed), "{}", stdout(&output));
        assert_eq!(world.statuses().await, [PublishFailed]);
        assert!(world.stack.portal.row(&one).is_some());
        let message = world.text("SELECT message FROM api.schedule").await;
        // The second time, the other row is gone already.
        assert!(message.contains("refused 1 row"), "{message}");
    }
    world.stack.portal.clear_faults();
    world.expect(0, &ONE_HOUR).await;
    world.expect_eight_rows().await;
}
