//! Hours that are asked for again, since trips come late.

use sandbox_provider::{Fault, Times};
use serde_json::{Value, json};

use crate::support::{ONE_HOUR, World, hour, options, stdout, world_of};

/// A provider that is asked again a day and a week after each hour.
async fn world() -> World {
    let mut options = options(&["bird"]);
    options
        .provider_settings
        .insert("reask_hours".to_owned(), json!([24, 168]));
    world_of(options).await
}

impl World {
    /// As if the hour had been pulled so many hours after its end, and not today.
    async fn pulled_at_age(&self, hours: i32) {
        let statement =
            format!("UPDATE api.schedule SET extracted_at = block_end + interval '{hours} hours'");
        self.database.batch_execute(&statement).await.unwrap();
    }

    /// New, changed and gone trips, as the schedule has them.
    async fn changes(&self) -> String {
        self.text("SELECT concat_ws(' ', trips_new, trips_changed, trips_gone) FROM api.schedule")
            .await
    }

    /// The archives of the hour, by key: how many trips each has.
    async fn archives(&self) -> Vec<(String, usize)> {
        let archives = self.objects().await.into_iter();
        let archives = archives.filter(|(key, _)| key.contains("/trips."));
        let count = |trips: &Value| trips["data"]["trips"].as_array().unwrap().len();
        archives.map(|(key, value)| (key, count(&value))).collect()
    }

    fn fail_noon(&self, fault: Fault) {
        let provider = &self.stack.providers["bird"];
        provider.fail_hour(hour("2020-01-15-12"), fault, Times::Next(1));
    }

    fn sent_at_noon(&self) -> usize {
        let sent = self.stack.providers["bird"]
            .expected(hour("2020-01-15-12"))
            .sent;
        usize::try_from(sent).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn late_trips_are_found_loaded_and_published_when_the_hour_has_come_of_age() {
    let world = world().await;
    world.fail_noon(Fault::Partial { trips: 5 });
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.changes().await, "");
    world.pulled_at_age(23).await;
    world.expect(0, &ONE_HOUR).await;

    world.expect_whole(&["bird"], &["12"]).await;
    let sent = world.sent_at_noon();
    let archives = world.archives().await;
    let counts: Vec<usize> = archives.iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [5, sent], "{archives:?}");
    let report = world.object("bird/2020/1/15/12/extract.json").await;
    assert_eq!(report["former_key"], archives[0].0);
    // Trips that are sent twice are one.
    let new = report["changes"]["new"].as_u64().unwrap();
    assert_eq!(world.changes().await, format!("{new} 0 0"));
    assert!(new > 0 && new <= (sent - 5).try_into().unwrap());
    let message = world
        .text("SELECT coalesce(message, '') FROM api.schedule")
        .await;
    assert_eq!((message.as_str(), world.statuses().await), ("", vec![8]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_answer_again_is_only_noted() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (archive, modified, uploads) = (
        world.archives().await,
        world.modified().await,
        world.uploads().len(),
    );
    // Pulled after a day; a week has gone by since.
    world.pulled_at_age(30).await;
    let asked = world.stack.providers["bird"].log().total();
    world
        .expect(0, &[&ONE_HOUR[..], &["--incomplete-only"]].concat())
        .await;

    assert_eq!(world.stack.providers["bird"].log().total(), asked + 1);
    assert_eq!(world.archives().await, archive);
    assert_eq!(world.modified().await, modified);
    assert_eq!(world.uploads().len(), uploads);
    assert_eq!(world.statuses().await, [8]);
    assert_eq!(world.changes().await, "0 0 0");
    let message = world.text("SELECT message FROM api.schedule").await;
    assert!(
        message.ends_with("0 new, 0 changed, 0 gone since the answer before"),
        "{message}"
    );
    // And then it is not asked for once more.
    let planned = stdout(
        &world
            .expect(0, &[&ONE_HOUR[..], &["--dry-run", "--json"]].concat())
            .await,
    );
    assert_eq!(planned, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn mended_trips_replace_those_before() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (cost, uploads) = (
        world
            .number("SELECT sum(actual_cost)::bigint FROM api.trips")
            .await,
        world.uploads().len(),
    );
    world.pulled_at_age(2).await;
    world.fail_noon(Fault::Revised);
    world.expect(0, &ONE_HOUR).await;

    let priced = world
        .number("SELECT count(actual_cost) FROM api.trips")
        .await;
    let later = world
        .number("SELECT sum(actual_cost)::bigint FROM api.trips")
        .await;
    assert_eq!(later, cost + priced);
    assert_eq!(world.archives().await.len(), 2);
    assert!(
        world.changes().await.starts_with("0 "),
        "{}",
        world.changes().await
    );
    assert!(world.uploads().len() > uploads);
    assert_eq!(world.statuses().await, [8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_that_are_gone_are_counted_and_kept() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (trips, uploads) = (world.trips().await, world.uploads().len());
    world.pulled_at_age(2).await;
    world.fail_noon(Fault::Partial { trips: 1 });
    world.expect(0, &ONE_HOUR).await;

    assert_eq!(world.trips().await, trips);
    assert_eq!(world.uploads().len(), uploads);
    let gone = world.number("SELECT trips_gone FROM api.schedule").await;
    assert!(gone > 0 && world.changes().await == format!("0 0 {gone}"));
    assert_eq!(
        (world.archives().await.len(), world.statuses().await),
        (2, vec![8])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_provider_at_a_later_age_loses_nothing_and_is_tried_again() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (trips, archives) = (world.trips().await, world.archives().await);
    world.pulled_at_age(2).await;
    world.fail_noon(Fault::TruncatedJson);
    world.expect(1, &ONE_HOUR).await;
    assert_eq!(
        (world.trips().await, world.archives().await),
        (trips, archives)
    );
    assert_eq!(world.statuses().await, [8]);

    let uploads = world.uploads().len();
    world.expect(0, &ONE_HOUR).await;
    // What was published is there already.
    assert_eq!(
        (world.statuses().await, world.uploads().len()),
        (vec![8], uploads)
    );
}
