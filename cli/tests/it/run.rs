//! Hours that fail: which blocks fail, which do not, and how the next run repairs them.

use std::collections::BTreeMap;

use sandbox_provider::{Fault, Times};
use serde_json::{Value, json};
use trips::status::BlockStatus::{self, ExtractFailed, LoadFailed, NotPublished, Published};

use crate::support::{ONE_HOUR, World, hour, run, status, stderr, stdout, with, world};

fn http(status: u16) -> Fault {
    Fault::Status {
        status,
        retry_after: None,
    }
}

impl World {
    fn fail(&self, provider: &str, civil: &str, fault: Fault) {
        self.stack.providers[provider].fail_hour(hour(civil), fault, Times::Always);
    }

    fn clear_faults(&self) {
        for provider in self.stack.providers.values() {
            provider.clear_faults();
        }
        self.stack.portal.clear_faults();
    }

    /// The status of each block, by provider and civil hour of its start.
    async fn blocks(&self) -> BTreeMap<String, BlockStatus> {
        let blocks = "SELECT provider_name || ' ' || hour, status_id
                      FROM api.schedule JOIN api.providers USING (provider_id)";
        let rows = self.database.query(blocks, &[]).await.unwrap();
        rows.iter()
            .map(|row| (row.get(0), status(row, 1)))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_block_stops_no_other_and_is_named() {
    let world = world().await;
    world.fail("bird", "2020-01-15-12", http(500));
    world.fail("bird", "2020-01-15-13", Fault::TruncatedJson);
    world.fail("bird", "2020-01-15-14", Fault::HtmlPage200);
    world.fail("lime", "2020-01-15-12", http(401));
    world.fail("lime", "2020-01-15-13", Fault::NotReady);
    world.fail("lime", "2020-01-15-14", Fault::ErrorObject200);
    world.fail("bird", "2020-01-15-16", Fault::DropConnection);
    world.fail("lime", "2020-01-15-16", http(429));
    let range = run("all", "2020-01-15-12", "2020-01-15-17");
    let failures = [
        "failed: 2 blocks of bird, extract (ProviderMalformed): ",
        "\n  bird 2020-01-15-14, bird 2020-01-15-15\n  \
         again: mds run --provider bird --time-min 2020-01-15-13 --time-max 2020-01-15-15\n",
        "failed: 2 blocks of bird, extract (ProviderUnavailable): ",
        "\n  bird 2020-01-15-13, bird 2020-01-15-17\n  \
         again: mds run --provider bird --time-min 2020-01-15-12 --time-max 2020-01-15-17\n",
        "failed: 1 block of lime, extract (ProviderMalformed): ",
        "failed: 1 block of lime, extract (ProviderRejected): provider lime refuses",
        "\n  lime 2020-01-15-13\n  again: mds run --provider lime --time-max 2020-01-15-13\n",
        "failed: 1 block of lime, extract (ProviderThrottled): ",
    ];

    let output = world.expect(1, &range).await;
    let summary = stdout(&output);
    assert!(
        summary.contains("of 10 blocks 2 done, 1 not published by the provider yet, 7 failed, in "),
        "{summary}"
    );
    for failure in failures {
        assert!(summary.contains(failure), "{failure}\n{summary}");
    }
    let expected = [
        ("bird 12", ExtractFailed),
        ("bird 13", ExtractFailed),
        ("bird 14", ExtractFailed),
        ("bird 15", Published),
        ("bird 16", ExtractFailed),
        ("lime 12", ExtractFailed),
        ("lime 13", NotPublished),
        ("lime 14", ExtractFailed),
        ("lime 15", Published),
        ("lime 16", ExtractFailed),
    ];
    assert_eq!(
        world.blocks().await,
        expected
            .map(|(block, status)| (block.to_owned(), status))
            .into()
    );
    let archives: Vec<_> = world
        .objects()
        .await
        .into_keys()
        .filter(|key| key.ends_with("/trips.json"))
        .collect();
    assert_eq!(
        archives,
        [
            "staging/bird/2020/1/15/15/trips.json",
            "staging/lime/2020/1/15/15/trips.json"
        ]
    );
    let message = world.text("SELECT message FROM api.schedule JOIN api.providers USING (provider_id) WHERE provider_name = 'lime' AND hour = 12").await;
    assert!(
        message.starts_with("ProviderRejected: provider lime refuses"),
        "{message}"
    );

    // The same as JSON; the blocks that failed are requested again.
    let output = world.expect(1, &with(&range, &["--json"])).await;
    let summary: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        (
            &summary["planned"],
            &summary["not_ready"],
            &summary["failed"]
        ),
        (&json!(8), &json!(1), &json!(7))
    );
    let names: Vec<_> = summary["first_failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| &block["error_name"])
        .collect();
    assert_eq!(names[..2], ["ProviderUnavailable", "ProviderRejected"]);

    world.clear_faults();
    world.expect(0, &range).await;
    assert_eq!(world.statuses().await, [Published; 10]);
    world
        .expect_whole(&["bird", "lime"], &["12", "13", "14", "15", "16"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_is_not_published_yet_is_no_failure_and_is_asked_for_again() {
    let world = world().await;
    world.fail("bird", "2020-01-15-12", Fault::NotReady);
    let output = world.expect(0, &ONE_HOUR).await;
    assert!(
        stdout(&output).contains("of 1 block 0 done, 1 not published by the provider yet, in ")
    );
    assert_eq!(world.statuses().await, [NotPublished]);
    assert!(world.objects().await.is_empty());

    world.clear_faults();
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    world.expect_whole(&["bird"], &["12"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_load_of_a_missing_archive_leaves_a_published_hour_as_it_is() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (trips, portal) = (world.trips().await, world.portal());
    let forced_load = with(&ONE_HOUR, &["--force", "--no-extract"]);
    let dry = with(&forced_load, &["--dry-run"]);
    let plan = stdout(&world.expect(0, &dry).await);
    assert!(!plan.contains("no archive"), "{plan}");
    let archive = std::fs::read(world.archive_file("bird", "2020/1/15/12")).unwrap();
    std::fs::remove_file(world.archive_file("bird", "2020/1/15/12")).unwrap();

    let output = world.expect(0, &dry).await;
    let line = "bird 2020-01-15-13 (published): sync-db, sync-socrata (no archive)";
    assert!(stdout(&output).contains(line), "{}", stdout(&output));
    let told = "1 block has no archive in the bucket: a load would fail with ArchiveMissing";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));

    let (rows, requests) = (world.rows_of_schedule().await, world.request_count());
    let again = "again: mds run --provider bird --time-max 2020-01-15-13 --force --no-extract\n";
    for _ in 0..2 {
        let summary = stdout(&world.expect(1, &forced_load).await);
        for part in [
            "failed: 1 block of bird, sync-db (ArchiveMissing): ",
            "the trips stay as they were loaded. Put the archive back",
            again,
        ] {
            assert!(summary.contains(part), "{part}\n{summary}");
        }
    }
    assert_eq!(world.rows_of_schedule().await, rows);
    // No later run asks the provider, which may have forgotten the hour.
    world.expect(0, &ONE_HOUR).await;
    world
        .expect(0, &with(&ONE_HOUR, &["--incomplete-only"]))
        .await;
    assert_eq!(world.request_count(), requests);
    assert_eq!((&trips, &portal), (&world.trips().await, &world.portal()));

    std::fs::write(world.archive_file("bird", "2020/1/15/12"), archive).unwrap();
    world.expect(0, &forced_load).await;
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!((trips, portal), (world.trips().await, world.portal()));
    assert_eq!(world.request_count(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_load_of_a_loaded_hour_whose_archive_goes_asks_no_provider() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (trips, requests) = (world.trips().await, world.request_count());
    let archive = world.archive_file("bird", "2020/1/15/12");
    let bytes = std::fs::read(&archive).unwrap();
    std::fs::write(&archive, "gAAAAAdamaged").unwrap();
    world
        .expect(1, &with(&ONE_HOUR, &["--force", "--no-extract"]))
        .await;
    std::fs::remove_file(&archive).unwrap();
    for _ in 0..2 {
        world.expect(1, &ONE_HOUR).await;
        assert_eq!(world.statuses().await, [LoadFailed]);
    }
    std::fs::write(&archive, bytes).unwrap();
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(
        (trips, requests),
        (world.trips().await, world.request_count())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_archive_fails_by_name_is_left_as_it_is_and_is_replaced_by_force() {
    let world = world().await;
    let two_hours = [
        "run",
        "--provider",
        "bird",
        "--time-min",
        "2020-01-15-12",
        "--interval",
        "2",
    ];
    world.expect(0, &two_hours).await;
    let (trips, portal) = (world.trips().await, world.portal());
    let damaged = world.archive_file("bird", "2020/1/15/12");
    std::fs::write(&damaged, "gAAAAAdamaged").unwrap();

    let output = world
        .expect(1, &with(&two_hours, &["--force", "--no-extract"]))
        .await;
    let summary = stdout(&output);
    assert!(
        summary.contains("1 done")
            && summary.contains("failed: 1 block of bird, sync-db (ArchiveUnreadable): "),
        "{summary}"
    );
    assert_eq!(world.statuses().await, [LoadFailed, Published]);
    assert_eq!((&trips, &portal), (&world.trips().await, &world.portal()));
    // A key may be missing in the configuration, and the archive may be the only copy. So a run
    // without `--force` does not replace it.
    world.expect(1, &two_hours).await;
    assert_eq!(std::fs::read(&damaged).unwrap(), b"gAAAAAdamaged");

    world.expect(0, &with(&two_hours, &["--force"])).await;
    assert_eq!(world.statuses().await, [Published, Published]);
    assert_eq!((trips, portal), (world.trips().await, world.portal()));
}

#[tokio::test(flavor = "multi_thread")]
async fn public_rows_that_are_gone_are_made_again_from_the_archive() {
    let world = world().await;
    world
        .expect(0, &with(&ONE_HOUR, &["--no-sync-socrata"]))
        .await;
    let requests = world.request_count();
    std::fs::remove_file(
        world
            .archive_file("bird", "2020/1/15/12")
            .with_file_name("publish.json"),
    )
    .unwrap();

    let output = world.expect(1, &ONE_HOUR).await;
    assert!(stdout(&output).contains("failed: 1 block of bird, sync-socrata (ArchiveMissing): "));
    assert_eq!(world.statuses().await, [LoadFailed]);
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    world.expect_whole(&["bird"], &["12"]).await;
    assert_eq!(world.request_count(), requests);
}
