//! Publishing by rows: one upload carries what every waiting block has to send.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use local_stack::{Network, Place};
use rstest::rstest;
use sandbox_network::Disturbance;
use sandbox_portal::PortalOptions;
use sandbox_provider::{Rates, Rhythm};
use serde_json::{Map, Value, json};
use trips::status::BlockStatus::{Loaded, NoTrips, PublishFailed, Published};

use crate::support::{ONE_HOUR, REPAIR, World, options, run, stderr, stdout, with, world_of};

const DAY: [&str; 7] = run("bird", "2020-01-15-00", "2020-01-16-00");

/// One provider with ten valid trips in every hour.
async fn ten_trips(portal: PortalOptions, settings: Map<String, Value>) -> World {
    let mut options = options(&["bird"]);
    (options.portal, options.settings) = (portal, settings);
    let bird = options.providers.get_mut("bird").unwrap();
    (bird.rates, bird.rhythm, bird.trips_per_hour) = (Rates::none(), Rhythm::Flat, 10.0);
    world_of(options).await
}

fn slow(upload_time: Duration) -> PortalOptions {
    PortalOptions {
        upload_time,
        ..PortalOptions::default()
    }
}

async fn plain() -> World {
    ten_trips(PortalOptions::default(), Map::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_wait_share_an_upload() {
    let world = ten_trips(slow(Duration::from_secs(1)), Map::new()).await;
    world.expect(0, &DAY).await;
    assert_eq!(world.statuses().await, [Published; 24]);
    assert_eq!(world.stack.portal.row_count(), 240);
    assert!(world.uploads().len() <= 4, "{:?}", world.uploads());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_goes_on_while_other_blocks_of_the_process_wait() {
    let three_blocks = Map::from_iter([("SOCRATA_CHUNK_ROWS".to_owned(), json!(30))]);
    let mut world = ten_trips(slow(Duration::from_millis(300)), three_blocks).await;
    world.expect(0, &with(&DAY, &["--no-sync-socrata"])).await;
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    let url = world.stack.database_url.clone();
    let network = Network::before(&mut world.stack, &url, move |place, _, exchange| {
        if place == Place::Postgres && exchange.mentions("pg_backend_pid() AS pid") {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        Disturbance::Pass
    });
    let _network = network.await.unwrap();
    world.expect(0, &DAY).await;
    assert_eq!(world.statuses().await, [Published; 24]);
    assert_eq!(world.uploads().len(), 8, "{:?}", world.uploads());
    let turns = turns.load(Ordering::SeqCst);
    assert!((1..=3).contains(&turns), "{turns} turns");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_wait_share_an_upload_and_none_fails() {
    let world = ten_trips(slow(Duration::from_secs(2)), Map::new()).await;
    world.expect(0, &with(&DAY, &["--no-sync-socrata"])).await;
    let hours: Vec<String> = (1..=8).map(|n| format!("2020-01-15-{n:02}")).collect();
    let mut processes: Vec<_> = hours
        .iter()
        .map(|hour| {
            let mut command =
                world.mds(&["sync-socrata", "--provider", "bird", "--time-max", hour]);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    let ended = tokio::task::spawn_blocking(move || {
        processes
            .iter_mut()
            .map(|process| process.wait().unwrap().code())
            .collect::<Vec<_>>()
    });
    assert_eq!(ended.await.unwrap(), [Some(0); 8]);
    let statuses = world.statuses().await;
    assert_eq!(statuses.iter().filter(|it| **it == Published).count(), 8);
    assert_eq!(
        statuses.iter().filter(|it| **it == Loaded).count(),
        16,
        "nobody asked for the others"
    );
    assert_eq!(world.stack.portal.row_count(), 80);
    assert!(world.uploads().len() <= 4, "{:?}", world.uploads());
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_trips_leave_the_portal_and_come_back() {
    let world = plain().await;
    world.expect(0, &ONE_HOUR).await;
    let published = world.portal();
    let bird = &world.stack.providers["bird"];
    let hour = crate::support::hour("2020-01-15-12");
    let fault = sandbox_provider::Fault::Partial { trips: 8 };
    bird.fail_hour(hour, fault, sandbox_provider::Times::Next(1));
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(world.stack.portal.row_count(), 8);
    let counts = world
        .text("SELECT socrata_status->>'deleted' FROM api.schedule")
        .await;
    assert_eq!(counts, "2");

    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    assert_eq!(world.portal(), published);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_whose_trips_are_all_withdrawn_has_none_at_the_portal() {
    let world = plain().await;
    world.expect(0, &ONE_HOUR).await;
    let bird = &world.stack.providers["bird"];
    let hour = crate::support::hour("2020-01-15-12");
    let fault = sandbox_provider::Fault::Partial { trips: 0 };
    bird.fail_hour(hour, fault, sandbox_provider::Times::Next(1));
    world
        .expect(0, &with(&ONE_HOUR, &["--force", "--accept-losses"]))
        .await;
    assert_eq!(world.statuses().await, [NoTrips]);
    assert_eq!(world.stack.portal.row_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_fill_their_uploads_exactly_are_published() {
    let chunks = Map::from_iter([("SOCRATA_CHUNK_ROWS".to_owned(), json!(5))]);
    let world = ten_trips(PortalOptions::default(), chunks).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(world.uploads(), [Some(200), Some(200)]);
    assert_eq!(world.stack.portal.row_count(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_changes_nothing_is_not_uploaded() {
    let world = plain().await;
    world.expect(0, &ONE_HOUR).await;
    let uploads = world.uploads().len();
    let again = [
        "sync-db",
        "--provider",
        "bird",
        "--time-max",
        "2020-01-15-13",
    ];
    world.expect(0, &again).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.uploads().len(), uploads);
    assert_eq!(world.statuses().await, [Published]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_the_load_did_not_write_is_not_published() {
    let world = plain().await;
    world
        .expect(0, &with(&ONE_HOUR, &["--no-sync-socrata"]))
        .await;
    let vault = world.vault().await;
    let key = "staging/bird/2020/1/15/12/publish.json";
    let mut rows: Value = vault.get_json(key).await.unwrap();
    rows[0]["trip_distance"] = json!(1);
    vault
        .put_json(key, &rows, vault::Seal::Encrypt)
        .await
        .unwrap();
    let output = world.expect(1, &ONE_HOUR).await;
    assert!(
        stdout(&output).contains("failed: 1 block of bird, sync-socrata (ArchiveUnreadable): "),
        "{}",
        stdout(&output)
    );
    // The block's trips are loaded, so there is something to publish, and it cannot be.
    let forced = [&["sync-socrata", "--force"][..], &ONE_HOUR[1..]].concat();
    let output = world.expect(1, &forced).await;
    assert!(
        stdout(&output).contains("sync-socrata (ArchiveUnreadable)"),
        "{}",
        stdout(&output)
    );
    assert!(world.uploads().is_empty());

    // The next run loads the archive again.
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    world.expect_whole(&["bird"], &["12"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_written_anew_as_it_was_is_published() {
    let world = plain().await;
    world
        .expect(0, &with(&ONE_HOUR, &["--no-sync-socrata"]))
        .await;
    let tag = "SELECT publish_etag FROM api.publications";
    let vault = world.vault().await;
    let key = "staging/bird/2020/1/15/12/publish.json";
    let written = vault.head(key).await.unwrap().unwrap();
    assert_eq!(Some(world.text(tag).await), written.etag);
    // As a change of the key does.
    let rows = vault.get_bytes(key).await.unwrap();
    let anew = vault.put_bytes(key, &rows, vault::Seal::Encrypt).await;
    assert_ne!(anew.unwrap().etag, written.etag);
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    world.expect_whole(&["bird"], &["12"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_whose_objects_have_expired_is_published_again_from_its_rows() {
    let world = plain().await;
    world.expect(0, &ONE_HOUR).await;
    let (right, requests) = (world.portal(), world.request_count());
    let archive = world.archive_file("bird", "2020/1/15/12");
    std::fs::remove_dir_all(archive.parent().unwrap()).unwrap();
    let lost = right.keys().next().unwrap();
    assert!(world.stack.portal.lose_row(lost).unwrap());
    world.expect(0, &REPAIR).await;
    assert_eq!(world.portal(), right);
    assert_eq!(world.statuses().await, [Published]);

    let forced = [&["sync-socrata", "--force"][..], &ONE_HOUR[1..]].concat();
    world.expect(0, &forced).await;
    assert_eq!(world.statuses().await, [Published]);

    // A trip that a city deletes from its database leaves the portal, too.
    let delete = format!("DELETE FROM api.trips WHERE id = '{lost}'");
    world.database.batch_execute(&delete).await.unwrap();
    world.expect(0, &REPAIR).await;
    assert!(world.stack.portal.row(lost).is_none());
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.stack.portal.row_count(), right.len() - 1);
    assert_eq!(world.request_count(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_whose_devices_another_program_has_not_entered_are_published() {
    let world = plain().await;
    world.expect(0, &ONE_HOUR).await;
    let right = world.stack.portal.row_count();
    world
        .database
        .batch_execute(
            "DELETE FROM api.devices WHERE id = (SELECT min(id::text)::uuid FROM api.devices)",
        )
        .await
        .unwrap();
    // Their rows differ from the portal's, and are sent.
    let audit = [
        "audit",
        "--time-min",
        "2020-01-15-12",
        "--time-max",
        "2020-01-15-13",
    ];
    world.expect(1, &with(&audit, &["--rows"])).await;
    world
        .expect(0, &with(&audit, &["--rows", "--repair"]))
        .await;
    world.expect(0, &with(&audit, &["--rows"])).await;
    assert_eq!(world.stack.portal.row_count(), right);

    // A table that was taken over as it was, and was never published.
    world
        .database
        .batch_execute("DELETE FROM api.publications; DELETE FROM api.devices")
        .await
        .unwrap();
    for row in world.stack.portal.rows() {
        let id = row["trip_id"].as_str().unwrap();
        assert!(world.stack.portal.lose_row(id).unwrap());
    }
    let forced = [&["sync-socrata", "--force"][..], &ONE_HOUR[1..]].concat();
    world.expect(0, &forced).await;
    assert_eq!(world.stack.portal.row_count(), right);
    world.expect(0, &with(&audit, &["--rows"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_would_append_rows_is_refused_before_anything_is_sent() {
    let portal = PortalOptions {
        has_row_identifier: false,
        ..PortalOptions::default()
    };
    let world = ten_trips(portal, Map::new()).await;
    let output = world.expect(1, &ONE_HOUR).await;
    assert!(
        stdout(&output).contains("failed: 1 block of bird, sync-socrata (ConfigInvalid): "),
        "{}",
        stdout(&output)
    );
    let message = world.text("SELECT message FROM api.schedule").await;
    assert!(
        message.contains("set the row identifier to `trip_id`"),
        "{message}"
    );
    assert!(world.uploads().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_stays_away_stops_the_publishing_of_a_run() {
    let world = plain().await;
    for _ in 0..200 {
        world.stack.portal.fail_next(sandbox_portal::Fault::Status {
            status: 503,
            retry_after: None,
        });
    }
    let output = world.expect(1, &DAY).await;
    let statuses = world.statuses().await;
    let failed = statuses.iter().filter(|it| **it == PublishFailed).count();
    assert_eq!(failed, 3, "{}", stdout(&output));
    assert_eq!(statuses.iter().filter(|it| **it == Loaded).count(), 21);
    assert_eq!(world.uploads().len(), 3 * 4);

    world.stack.portal.clear_faults();
    world.expect(0, &DAY).await;
    assert_eq!(world.statuses().await, [Published; 24]);
    assert_eq!(world.stack.portal.row_count(), 240);
}

#[rstest]
#[case::login(401)]
#[case::role(403)]
#[case::dataset(404)]
#[case::gone(410)]
#[case::law(451)]
#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_refuses_every_request_is_not_asked_for_each_block(#[case] status: u16) {
    let world = plain().await;
    world.expect(0, &with(&DAY, &["--no-sync-socrata"])).await;
    for _ in 0..200 {
        world.stack.portal.fail_next(sandbox_portal::Fault::Status {
            status,
            retry_after: None,
        });
    }
    let output = world.expect(1, &DAY).await;
    let said = format!(
        "publishing has stopped, since the portal cannot be used: 3 blocks in a row failed with \
         SocrataRejected: the portal refuses: it returned status {status}"
    );
    assert!(stderr(&output).contains(&said), "{}", stderr(&output));
    let statuses = world.statuses().await;
    let failed = statuses.iter().filter(|it| **it == PublishFailed).count();
    // Another upload may have begun while the third refusal was recorded.
    assert!((3..=5).contains(&failed), "{statuses:?}");
    assert!((3..=5).contains(&world.uploads().len()), "{statuses:?}");

    world.stack.portal.clear_faults();
    world.expect(0, &DAY).await;
    assert_eq!(world.statuses().await, [Published; 24]);
    assert_eq!(world.stack.portal.row_count(), 240);
}

/// A dataset that is archived or has another form: nothing tells whether it is the rows' fault.
#[rstest]
#[case::archived(400)]
#[case::form(422)]
#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_refuses_one_block_like_the_other_is_not_asked_for_each(#[case] status: u16) {
    let world = plain().await;
    world.expect(0, &with(&DAY, &["--no-sync-socrata"])).await;
    for _ in 0..200 {
        world.stack.portal.fail_next(sandbox_portal::Fault::Status {
            status,
            retry_after: None,
        });
    }
    let output = world.expect(1, &DAY).await;
    let said = format!(
        "publishing has stopped, since the portal cannot be used: 3 blocks in a row failed with \
         SocrataRejected: the portal refuses: it returned status {status}"
    );
    assert!(stderr(&output).contains(&said), "{}", stderr(&output));
    let statuses = world.statuses().await;
    let failed = statuses.iter().filter(|it| **it == PublishFailed).count();
    // Two are refused by themselves before the third tells that all are.
    assert!((3..=7).contains(&failed), "{statuses:?}");
    assert!(
        (3..=12).contains(&world.uploads().len()),
        "{:?}",
        world.uploads()
    );

    world.stack.portal.clear_faults();
    world.expect(0, &DAY).await;
    assert_eq!(world.statuses().await, [Published; 24]);
    assert_eq!(world.stack.portal.row_count(), 240);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_does_not_describe_its_dataset_is_not_asked_for_each_block() {
    let world = plain().await;
    world.expect(0, &with(&DAY, &["--no-sync-socrata"])).await;
    let portal = wiremock::MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(wiremock::ResponseTemplate::new(200).set_body_json(json!({})))
        .mount(&portal)
        .await;
    let address = portal.uri();
    world
        .edit_settings(|settings| settings["SOCRATA_DATA_ENDPOINT"] = json!(address))
        .await;
    let output = world.expect(1, &DAY).await;
    assert!(
        stderr(&output).contains("publishing has stopped, since the portal cannot be used"),
        "{}",
        stderr(&output)
    );
    let statuses = world.statuses().await;
    let left = statuses.iter().filter(|it| **it == Loaded).count();
    // Another block may have asked while the third refusal was recorded.
    assert!((17..=21).contains(&left), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_block_that_the_portal_refuses_does_not_hold_up_the_others() {
    let world = plain().await;
    world.expect(0, &with(&DAY, &["--no-sync-socrata"])).await;
    // The upload of all blocks is refused, and then the first of the uploads of single ones.
    for _ in 0..2 {
        world
            .stack
            .portal
            .fail_next(sandbox_portal::Fault::ErrorsIn200 { rows: 1 });
    }
    let output = world.output(&DAY).await;
    let statuses = world.statuses().await;
    let failed = statuses.iter().filter(|it| **it == PublishFailed).count();
    assert!(failed <= 2, "{}", stdout(&output));
    world.expect(0, &DAY).await;
    assert_eq!(world.statuses().await, [Published; 24]);
    assert_eq!(world.stack.portal.row_count(), 240);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_from_before_the_ledger_is_published() {
    let world = plain().await;
    world.expect(0, &with(&DAY, &["--no-sync-socrata"])).await;
    world
        .database
        .batch_execute("DELETE FROM api.publications")
        .await
        .unwrap();
    world.expect(0, &DAY).await;
    assert_eq!(world.statuses().await, [Published; 24]);
    assert_eq!(world.stack.portal.row_count(), 240);
    world
        .database
        .batch_execute("DELETE FROM api.publications")
        .await
        .unwrap();
    let again = with(&DAY, &["--force", "--no-extract", "--no-sync-db"]);
    world.expect(0, &again).await;
    assert_eq!(world.statuses().await, [Published; 24]);
}
