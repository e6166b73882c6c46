//! Hours that go badly: what fails, what does not, and how the next run mends it.

use std::collections::BTreeMap;

use sandbox_provider::{Fault, Times};
use serde_json::{Value, json};

use crate::support::{ONE_HOUR, World, hour, stdout, world};

fn status(status: u16) -> Fault {
    Fault::Status {
        status,
        retry_after: None,
    }
}
impl World {
    fn fail(&self, provider: &str, civil: &str, fault: Fault) {
        self.stack.providers[provider].fail_hour(hour(civil), fault, Times::Always);
    }

    fn mend(&self) {
        for provider in self.stack.providers.values() {
            provider.clear_faults();
        }
        self.stack.portal.clear_faults();
    }

    /// Provider and civil hour of the start, with the status.
    async fn blocks(&self) -> BTreeMap<String, i64> {
        self.database
            .query(
                "SELECT provider_name || ' ' || hour, status_id::bigint
                 FROM api.schedule JOIN api.providers USING (provider_id)",
                &[],
            )
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_block_stops_no_other_and_is_named() {
    let world = world().await;
    world.fail("bird", "2020-01-15-12", status(500));
    world.fail("bird", "2020-01-15-13", Fault::TruncatedJson);
    world.fail("bird", "2020-01-15-14", Fault::HtmlPage200);
    world.fail("lime", "2020-01-15-12", status(401));
    world.fail("lime", "2020-01-15-13", Fault::NotReady);
    world.fail("lime", "2020-01-15-14", Fault::ErrorObject200);
    world.fail("bird", "2020-01-15-16", Fault::DropConnection);
    world.fail("lime", "2020-01-15-16", status(429));
    let range = [
        "run",
        "--provider",
        "all",
        "--time-min",
        "2020-01-15-12",
        "--time-max",
        "2020-01-15-17",
    ];
    let failures = [
        "bird 2020-01-15T18:00Z extract (ProviderUnavailable)",
        "lime 2020-01-15T18:00Z extract (ProviderRejected)",
        "bird 2020-01-15T19:00Z extract (ProviderMalformed)",
        "bird 2020-01-15T20:00Z extract (ProviderMalformed)",
        "lime 2020-01-15T20:00Z extract (ProviderMalformed)",
        "bird 2020-01-15T22:00Z extract (ProviderUnavailable)",
        "lime 2020-01-15T22:00Z extract (ProviderThrottled)",
    ];

    let output = world.expect(1, &range).await;
    let summary = stdout(&output);
    assert!(
        summary.contains(
            "of 10 blocks 2 done, 1 not published by the provider yet, 7 failed, 0 did not end"
        ),
        "{summary}"
    );
    assert!(
        summary
            .trim_end()
            .ends_with(&format!("; failed: {}", failures.join(", "))),
        "{summary}"
    );
    let expected = [
        ("bird 12", -2),
        ("bird 13", -2),
        ("bird 14", -2),
        ("bird 15", 8),
        ("bird 16", -2),
        ("lime 12", -2),
        ("lime 13", 1),
        ("lime 14", -2),
        ("lime 15", 8),
        ("lime 16", -2),
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

    // For a program, and with what still fails asked again.
    let output = world.expect(1, &[&["--json"], &range[..]].concat()).await;
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

    world.mend();
    world.expect(0, &range).await;
    assert_eq!(world.statuses().await, [8; 10]);
    world
        .expect_whole(&["bird", "lime"], &["12", "13", "14", "15", "16"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_is_not_published_yet_is_no_failure_and_is_asked_for_again() {
    let world = world().await;
    world.fail("bird", "2020-01-15-12", Fault::NotReady);
    let output = world.expect(0, &ONE_HOUR).await;
    assert!(stdout(&output).contains("1 not published by the provider yet, 0 failed"));
    assert_eq!(world.statuses().await, [1]);
    assert!(world.objects().await.is_empty());

    world.mend();
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [8]);
    world.expect_whole(&["bird"], &["12"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_load_of_a_missing_archive_fails_by_name_and_the_next_run_heals_it() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (trips, portal) = (world.trips().await, world.portal());
    std::fs::remove_file(world.archive_file("bird", "2020/1/15/12")).unwrap();

    let output = world
        .expect(1, &[&ONE_HOUR[..], &["--force", "--no-extract"]].concat())
        .await;
    assert!(
        stdout(&output).contains("bird 2020-01-15T18:00Z sync-db (ArchiveMissing)"),
        "{}",
        stdout(&output)
    );
    assert_eq!(world.statuses().await, [-2]);
    assert_eq!((&trips, &portal), (&world.trips().await, &world.portal()));

    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [8]);
    assert!(world.archive_file("bird", "2020/1/15/12").exists());
    assert_eq!((trips, portal), (world.trips().await, world.portal()));
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
        .expect(1, &[&two_hours[..], &["--force", "--no-extract"]].concat())
        .await;
    let summary = stdout(&output);
    assert!(
        summary.contains("1 done")
            && summary.contains("bird 2020-01-15T18:00Z sync-db (ArchiveUnreadable)"),
        "{summary}"
    );
    assert_eq!(world.statuses().await, [-5, 8]);
    assert_eq!((&trips, &portal), (&world.trips().await, &world.portal()));
    // It may be a key that is missing in the configuration: what the archive holds may be all there
    // is.
    world.expect(1, &two_hours).await;
    assert_eq!(std::fs::read(&damaged).unwrap(), b"gAAAAAdamaged");

    world
        .expect(0, &[&two_hours[..], &["--force"]].concat())
        .await;
    assert_eq!(world.statuses().await, [8, 8]);
    assert_eq!((trips, portal), (world.trips().await, world.portal()));
}

#[tokio::test(flavor = "multi_thread")]
async fn public_rows_that_are_gone_are_made_again_from_the_archive() {
    let world = world().await;
    world
        .expect(0, &[&ONE_HOUR[..], &["--no-sync-socrata"]].concat())
        .await;
    let asked = world.stack.providers["bird"].log().total();
    std::fs::remove_file(
        world
            .archive_file("bird", "2020/1/15/12")
            .with_file_name("publish.json"),
    )
    .unwrap();

    let output = world.expect(1, &ONE_HOUR).await;
    assert!(stdout(&output).contains("sync-socrata (ArchiveMissing)"));
    assert_eq!(world.statuses().await, [-5]);
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [8]);
    world.expect_whole(&["bird"], &["12"]).await;
    assert_eq!(world.stack.providers["bird"].log().total(), asked);
}
