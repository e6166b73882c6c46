//! Responses that cannot be true: no service at an address that never had any, and hours that have
//! lost their trips.

use rstest::rstest;
use sandbox_provider::{Fault, Times};
use serde_json::{Map, Value, json};
use trips::status::BlockStatus::{AllRejected, ExtractFailed, NoTrips, Published};

use crate::support::{
    ONE_HOUR, World, hour, options, run, stderr, stdout, with, world_of, world_with,
};

const FOLDER: &str = "bird/2020/1/15/12";
const TWO_HOURS: [&str; 7] = run("bird", "2020-01-15-12", "2020-01-15-14");

impl World {
    fn noon_returns(&self, fault: Fault) {
        let bird = &self.stack.providers["bird"];
        bird.clear_faults();
        bird.fail_hour(hour("2020-01-15-12"), fault, Times::Always);
    }

    async fn message(&self) -> String {
        let message = "SELECT coalesce(message, '') FROM api.schedule ORDER BY block_start LIMIT 1";
        self.text(message).await
    }

    /// What must stay if a response is not believed: rows, counts and the portal's rows.
    async fn kept(&self) -> (String, String, String, usize) {
        (
            self.trips().await,
            self.modified().await,
            self.schedule().await,
            self.stack.portal.row_count(),
        )
    }

    async fn archived_trips(&self, name: &str) -> usize {
        let archive = self.object(&format!("{FOLDER}/{name}")).await;
        archive["data"]["trips"].as_array().unwrap().len()
    }
}

const NO_CONTENT: Fault = Fault::Status {
    status: 204,
    retry_after: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn no_service_is_believed_only_from_an_address_that_has_returned_an_hour() {
    let world = world_with(&["bird"], Map::new()).await;
    world.noon_returns(Fault::NotOperating);
    world.expect(1, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [ExtractFailed]);
    let message = world.message().await;
    assert!(
        message.starts_with("ProviderRejected: ") && message.contains("mds_api_url"),
        "{message}"
    );
    assert!(world.objects().await.is_empty());

    let next_hour = run("bird", "2020-01-15-13", "2020-01-15-14");
    world.expect(0, &next_hour).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [NoTrips, Published]);

    // Another address has to return an hour first.
    world
        .edit_providers(|providers| {
            let url = providers["bird"]["mds_api_url"].as_str().unwrap();
            providers["bird"]["mds_api_url"] = json!(format!("{url}/elsewhere"));
        })
        .await;
    let hours = run("bird", "2020-01-15-14", "2020-01-15-16");
    world.expect(1, &hours).await;
    assert_eq!(
        world.statuses().await,
        [NoTrips, Published, ExtractFailed, ExtractFailed]
    );
}

#[rstest]
#[case::one_trip(Fault::Partial { trips: 1 }, 1)]
#[case::an_empty_list(Fault::Partial { trips: 0 }, 0)]
#[case::no_service(Fault::NotOperating, 0)]
#[case::no_content(NO_CONTENT, 0)]
#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_has_lost_its_trips_stays_until_the_loss_is_accepted(
    #[case] fault: Fault,
    #[case] left: usize,
) {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &TWO_HOURS).await;
    let (kept, all) = (world.kept().await, world.archived_trips("trips.json").await);
    world.noon_returns(fault);
    for _ in 0..2 {
        let output = world.expect(1, &with(&ONE_HOUR, &["--force"])).await;
        assert!(
            stderr(&output).contains("ProviderLostTrips"),
            "{}",
            stderr(&output)
        );
        // Without the option the command would find nothing to do.
        let again = "again: mds run --provider bird --time-max 2020-01-15-13 --force";
        assert!(stdout(&output).contains(again), "{}", stdout(&output));
        // A day later a person still finds it.
        let args = ["--json", "status", "--since", "2020-01-15"];
        let found = stdout(&world.expect(1, &args).await);
        let found: Value = serde_json::from_str(&found).unwrap();
        assert_eq!(found["needs_a_person"], true);
        let bird = &found["providers"][0];
        assert_eq!(bird["states"]["whole"], 2);
        let problems = bird["problems"].as_array().unwrap();
        let lost = problems
            .iter()
            .find(|it| it["error_name"] == "ProviderLostTrips");
        assert_eq!(
            lost.unwrap()["command"],
            "mds run --provider bird --time-max 2020-01-15-13 --force --accept-losses"
        );
        let message = world.message().await;
        assert!(
            message.starts_with("ProviderLostTrips: ")
                && message.contains("--accept-losses")
                && message.contains("loaded trips are missing"),
            "{message}"
        );
        assert_eq!(world.kept().await, kept);
        assert_eq!(world.statuses().await, [Published; 2]);
        assert_eq!(world.archived_trips("trips.json").await, all);
        assert_eq!(world.archived_trips("trips.refused.json").await, left);
        let copies = world.objects().await;
        let copies = copies.keys().filter(|key| key.contains("/trips.2"));
        assert_eq!(copies.count(), 0);
    }

    // Somebody who may write to the bucket cannot make an archive of it.
    let folder = world.stack.bucket_folder().join("staging").join(FOLDER);
    let trips = world.trips().await;
    let archive = std::fs::read(folder.join("trips.json")).unwrap();
    std::fs::copy(folder.join("trips.refused.json"), folder.join("trips.json")).unwrap();
    let load = with(&ONE_HOUR, &["--force", "--no-extract"]);
    let output = world.expect(1, &load).await;
    let error = stderr(&output);
    assert!(error.contains("ArchiveUnreadable"), "{error}");
    assert_eq!(world.trips().await, trips);
    std::fs::write(folder.join("trips.json"), archive).unwrap();

    world
        .expect(0, &with(&ONE_HOUR, &["--force", "--accept-losses"]))
        .await;
    assert_eq!(world.archived_trips("trips.json").await, left);
    let objects = world.objects().await;
    let copy = objects.iter().find(|(key, _)| key.contains("/trips.2"));
    let copied: &Value = copy.unwrap().1;
    assert_eq!(copied["data"]["trips"].as_array().unwrap().len(), all);
    assert_eq!(world.message().await, "");
}

/// Every trip is there, but what can no longer be loaded does not take the place of what could.
#[rstest]
#[case::all_but_one(1)]
#[case::all(0)]
#[tokio::test(flavor = "multi_thread")]
async fn an_hour_whose_trips_can_no_longer_be_loaded_stays_until_the_loss_is_accepted(
    #[case] readable: usize,
) {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &TWO_HOURS).await;
    let (kept, all) = (world.kept().await, world.archived_trips("trips.json").await);
    let trips = all - readable;
    world.noon_returns(Fault::Spoiled { trips });
    world.expect(1, &with(&ONE_HOUR, &["--force"])).await;
    let message = world.message().await;
    let spoiled =
        "loaded trips are there, but can no longer be loaded (such as mistyped_field:end_time)";
    for part in ["ProviderLostTrips: ", spoiled, "--accept-losses"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(world.kept().await, kept);
    assert_eq!(world.statuses().await, [Published; 2]);
    assert_eq!(world.archived_trips("trips.refused.json").await, all);
    let objects = world.objects().await;
    assert!(!objects.keys().any(|key| key.contains("/trips.2")));

    let accepted = with(&ONE_HOUR, &["--force", "--accept-losses"]);
    world.expect(i32::from(readable == 0), &accepted).await;
    let objects = world.objects().await;
    assert!(objects.keys().any(|key| key.contains("/trips.2")));
    // What the archive has as well is no loss, so nobody has to accept it again.
    world.noon_returns(Fault::Spoiled { trips: trips - 1 });
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    let rejected = "SELECT max(records_error_count)::bigint FROM api.schedule";
    assert_eq!(
        world.number(rejected).await,
        i64::try_from(trips).unwrap() - 1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn three_trips_that_can_no_longer_be_loaded_are_believed() {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &ONE_HOUR).await;
    world.noon_returns(Fault::Spoiled { trips: 3 });
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    assert_eq!(world.statuses().await, [Published]);
    let rejected = "SELECT max(records_error_count)::bigint FROM api.schedule";
    assert_eq!(world.number(rejected).await, 3);
}

/// Nothing is replaced, so nothing can be lost; the load says what is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_equals_the_archive_is_no_loss() {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &ONE_HOUR).await;
    world
        .edit_providers(|providers| {
            providers["bird"]["provider_id"] = json!("5a1e0000-0000-4000-8000-000000000009");
        })
        .await;
    let output = world.expect(1, &with(&ONE_HOUR, &["--force"])).await;
    let error = stderr(&output);
    assert!(
        error.contains("foreign_provider") && !error.contains("ProviderLostTrips"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_may_lose_its_max_loss() {
    let mut options = options(&["bird"]);
    let settings = &mut options.provider_settings;
    settings.insert("max_loss".to_owned(), json!(1));
    let world = world_of(options).await;
    world.expect(0, &ONE_HOUR).await;
    world.noon_returns(Fault::Partial { trips: 1 });
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    assert_eq!(world.archived_trips("trips.json").await, 1);
}

/// The only copy of the hour's trips is the archive, until somebody has corrected the entry.
#[rstest]
#[case::an_empty_list(Fault::Partial { trips: 0 })]
#[case::no_service(Fault::NotOperating)]
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_which_every_trip_was_rejected_is_not_replaced_by_nothing(
    #[case] fault: Fault,
) {
    let world = world_with(&["bird"], Map::new()).await;
    let entry = |id: Value| {
        move |providers: &mut Value| std::mem::replace(&mut providers["bird"]["provider_id"], id)
    };
    let mut own = Value::Null;
    world
        .edit_providers(|it| own = entry(json!("5a1e0000-0000-4000-8000-000000000009"))(it))
        .await;
    world.expect(1, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [AllRejected]);
    let all = world.archived_trips("trips.json").await;

    world.noon_returns(fault);
    let sweep = with(&ONE_HOUR, &["--incomplete-only"]);
    let output = world.expect(1, &sweep).await;
    let error = stderr(&output);
    assert!(
        error.contains("ProviderLostTrips") && error.contains("--no-extract --force"),
        "{error}"
    );
    assert_eq!(world.statuses().await, [AllRejected]);
    assert_eq!(world.archived_trips("trips.json").await, all);

    world.edit_providers(|it| drop(entry(own)(it))).await;
    let load = with(&ONE_HOUR, &["--no-extract", "--force"]);
    world.expect(0, &load).await;
    assert_eq!(world.statuses().await, [Published]);
    assert!(world.number("SELECT count(*) FROM api.trips").await > 0);
}
