//! The turn at the portal's dataset: killed, frozen and contended uploads and deletions.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox_portal::Fault;
use sandbox_provider::{Rates, Rhythm};
use serde_json::{Map, Value, json};
use trips::status::BlockStatus::{LoadFailed, Published};

use crate::kill::{Blocker, END_SESSIONS, Running, is_waiting, kill_waiting};
use crate::support::{ONE_HOUR, REPAIR, World, options, run, stdout, with, world_of};

const TWO_HOURS: [&str; 7] = run("bird", "2020-01-15-12", "2020-01-15-14");
const ADDED: &str = "00000000-0000-8000-8000-000000000001";

/// One provider with twenty valid trips in every hour, of which an upload carries seven.
async fn world() -> World {
    let mut options = options(&["bird"]);
    options.settings = Map::from_iter([("SOCRATA_CHUNK_ROWS".to_owned(), json!(7))]);
    let bird = options.providers.get_mut("bird").unwrap();
    (bird.rates, bird.rhythm, bird.trips_per_hour) = (Rates::none(), Rhythm::Flat, 20.0);
    world_of(options).await
}

async fn loaded() -> World {
    let world = world().await;
    world
        .expect(0, &with(&ONE_HOUR, &["--no-sync-socrata"]))
        .await;
    world
}

impl World {
    /// Takes the turn as another process would.
    async fn turn_of_another(&self) -> Blocker {
        let dataset = &self.stack.portal.options().dataset;
        Blocker::begin(
            self,
            &format!("SELECT pg_advisory_xact_lock(5063763, hashtext('{dataset}'))"),
        )
        .await
    }

    /// Adds a row to the portal that only it has.
    fn add_extra(&self) {
        let mut row = self.stack.portal.rows().remove(0);
        row.insert("trip_id".to_owned(), json!(ADDED));
        self.stack.portal.edit_row(row).unwrap();
    }
}

/// Starts an upload. The portal takes the first chunk, and of the second one says that it is to be
/// sent again after `retry_after` seconds. Returns then.
async fn start_and_await_second_chunk(world: &World, retry_after: u64) -> Running {
    world.stack.portal.fail_next(Fault::Slow(Duration::ZERO));
    world.stack.portal.fail_next(Fault::Status {
        status: 503,
        retry_after: Some(retry_after),
    });
    let mut mds = Running::start(world, &ONE_HOUR);
    mds.until("the second chunk", async || world.uploads().len() == 2)
        .await;
    mds
}

async fn kill_between_two_chunks(world: &World) {
    start_and_await_second_chunk(world, 30).await.kill();
}

/// A published hour, and a portal that has one row more. Returns the right rows.
async fn world_with_an_extra_row() -> (World, BTreeMap<String, Value>) {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let right = world.portal();
    world.add_extra();
    (world, right)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_a_chunk_and_its_record_it_sends_that_chunk_again_and_no_other() {
    let world = loaded().await;
    let pause = "CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END';
                 CREATE TRIGGER pause BEFORE UPDATE OF last_sent ON api.publications FOR EACH ROW
                     WHEN (NEW.last_sent IS NOT NULL) EXECUTE FUNCTION pause()";
    world.database.batch_execute(pause).await.unwrap();
    let blocker = kill_waiting(
        &world,
        &ONE_HOUR,
        "SELECT pg_advisory_xact_lock(1)",
        "SET last_sent",
    )
    .await;
    blocker.release_after_ending_sessions().await;
    world
        .database
        .batch_execute("DROP FUNCTION pause CASCADE")
        .await
        .unwrap();
    assert_eq!(world.stack.portal.row_count(), 7);
    assert_eq!(world.uploads().len(), 1);

    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(world.stack.portal.row_count(), 20);
    assert_eq!(world.uploads().len(), 1 + 3);
    let counts = "SELECT socrata_status->>'updated' FROM api.schedule";
    assert_eq!(world.text(counts).await, "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_two_chunks_it_goes_on_after_the_one_that_is_recorded() {
    let world = loaded().await;
    kill_between_two_chunks(&world).await;
    let recorded = "SELECT count(*) FROM api.publications WHERE last_sent IS NOT NULL";
    assert_eq!(world.number(recorded).await, 1);
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.uploads().len(), 2 + 2);
    assert_eq!(world.stack.portal.row_count(), 20);
    let counts = "SELECT socrata_status->>'created' FROM api.schedule";
    assert_eq!(world.text(counts).await, "20");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_upload_begins_anew_in_another_form() {
    let world = loaded().await;
    kill_between_two_chunks(&world).await;
    let former: BTreeMap<_, _> = world.portal();
    assert_eq!(former.len(), 7);
    world
        .edit_settings(|settings| settings["PUBLIC_DEVICE_ID_PERIOD"] = json!("day"))
        .await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(world.uploads().len(), 2 + 3);
    let rows = world.portal();
    assert_eq!(rows.len(), 20);
    for (id, row) in former {
        assert_ne!(rows[&id]["device_id"], row["device_id"], "the former form");
    }
    let counts = "SELECT concat_ws(' ', socrata_status->>'created', socrata_status->>'updated') FROM api.schedule";
    assert_eq!(world.text(counts).await, "13 7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_uploader_sends_nothing_once_another_has_had_its_turn() {
    let world = loaded().await;
    let mut frozen = start_and_await_second_chunk(&world, 3).await;
    frozen.signal("-STOP");
    // The database does so once the turn's holder is silent for too long.
    world.database.batch_execute(END_SESSIONS).await.unwrap();
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    // Meanwhile somebody changes a row that the frozen process would send.
    let sent = world.uploads().len();
    let mut row = world.stack.portal.rows().remove(10);
    row.insert("trip_duration".to_owned(), json!(1));
    world.stack.portal.edit_row(row).unwrap();
    let changed = world.portal();

    tokio::time::sleep(Duration::from_secs(3)).await;
    frozen.signal("-CONT");
    frozen.ended().await;
    assert_eq!(world.uploads().len(), sent, "{}", frozen.stderr());
    assert_eq!(world.portal(), changed);
    assert_eq!(world.statuses().await, [Published]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loaded_trip_that_does_not_fit_is_not_sent_and_holds_up_no_other_block() {
    let world = world().await;
    world
        .expect(0, &with(&TWO_HOURS, &["--no-sync-socrata"]))
        .await;
    world
        .database
        .batch_execute(
            "UPDATE api.trips SET census_geoid_end = repeat('9', 201) WHERE id =
                 (SELECT id FROM api.trips WHERE schedule_id = (SELECT min(schedule_id) FROM api.schedule)
                  ORDER BY id LIMIT 1)",
        )
        .await
        .unwrap();
    let output = world.expect(1, &TWO_HOURS).await;
    assert!(
        stdout(&output).contains("failed: 1 block of bird, sync-socrata (ArchiveUnreadable): "),
        "{}",
        stdout(&output)
    );
    assert_eq!(world.statuses().await, [LoadFailed, Published]);
    let message = world
        .text("SELECT message FROM api.schedule ORDER BY block_start LIMIT 1")
        .await;
    assert!(message.contains("`census_geoid_end`"), "{message}");
    assert_eq!(world.stack.portal.row_count(), 20);

    // The next run loads the archive again, which mends the trip.
    world.expect(0, &TWO_HOURS).await;
    assert_eq!(world.statuses().await, [Published; 2]);
    assert_eq!(world.stack.portal.row_count(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_is_killed_before_it_deletes_is_repeated() {
    let (world, right) = world_with_an_extra_row().await;
    let turn = world.turn_of_another().await;
    let mut mds = Running::start(&world, &REPAIR);
    mds.until("the turn", async || {
        is_waiting(&world, "pg_advisory_lock").await
    })
    .await;
    mds.kill();
    turn.release_after_ending_sessions().await;
    assert!(world.stack.portal.row(ADDED).is_some());
    world.expect(0, &REPAIR).await;
    assert_eq!(world.portal(), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_is_killed_after_it_deleted_is_repeated() {
    let (world, right) = world_with_an_extra_row().await;
    let deletions = world.uploads().len() + 1;
    world
        .stack
        .portal
        .fail_next(Fault::Accepted202 { polls: u32::MAX });
    let mut mds = Running::start(&world, &REPAIR);
    mds.until("the deletion", async || world.uploads().len() == deletions)
        .await;
    mds.kill();
    assert_eq!(world.portal(), right);
    world.expect(0, &REPAIR).await;
    assert_eq!(world.portal(), right);
    assert_eq!(
        world.uploads().len(),
        deletions,
        "nothing was left to delete"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_waits_for_its_turn_to_delete() {
    let (world, right) = world_with_an_extra_row().await;
    let uploads = world.uploads().len();
    let turn = world.turn_of_another().await;
    let mut mds = Running::start(&world, &REPAIR);
    mds.until("the turn", async || {
        is_waiting(&world, "pg_advisory_lock").await
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.uploads().len(), uploads);
    turn.release().await;
    assert_eq!(mds.ended().await, Some(0), "{}", mds.stderr());
    assert_eq!(world.portal(), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_that_counts_again_by_the_time_of_the_deletion_keeps_its_row() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let right = world.portal();
    let one = "(SELECT id FROM api.trips LIMIT 1)";
    world
        .database
        .batch_execute(&format!(
            "UPDATE api.trips SET withdrawn_at = now() WHERE id = {one}"
        ))
        .await
        .unwrap();
    let turn = world.turn_of_another().await;
    let mut mds = Running::start(&world, &REPAIR);
    mds.until("the turn", async || {
        is_waiting(&world, "pg_advisory_lock").await
    })
    .await;
    world
        .database
        .batch_execute("UPDATE api.trips SET withdrawn_at = NULL")
        .await
        .unwrap();
    turn.release().await;
    assert_eq!(mds.ended().await, Some(0), "{}", mds.stderr());
    assert_eq!(world.portal(), right);
}
