//! MDS 2.0: vehicles and telemetry of odd and slow providers, which never cost an hour its trips.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use local_stack::planned_item;
use pipeline::{Context, extract, step_within};
use sandbox_provider::{Quirk, Rates, Rhythm};
use serde_json::{Value, json};
use trips::status::BlockStatus::{Archived, Published};
use trips::status::Step;

use crate::flat::{WITHOUT_TYPE, flat};
use crate::kill::Running;
use crate::support::{ONE_HOUR, World, with, world_of};

const KNOWN: &str = "SELECT count(*) FROM api.vehicles";
const TELEMETRY: &str = "bird/2020/1/15/12/telemetry.json";

/// A provider of 2.0 with these quirks, and with telemetry.
async fn world(quirks: &[Quirk], unlisted: f64, max_attempts: u32) -> World {
    world_of_trips(40.0, quirks, unlisted, max_attempts).await
}

/// The same, with so many trips an hour.
async fn world_of_trips(
    trips_per_hour: f64,
    quirks: &[Quirk],
    unlisted: f64,
    max_attempts: u32,
) -> World {
    let mut options = flat(|bird| {
        (bird.trips_per_hour, bird.rhythm) = (trips_per_hour, Rhythm::Flat);
        bird.rates = Rates::none();
        bird.quirks = quirks.iter().copied().collect();
        bird.unlisted_vehicles = unlisted;
    });
    let settings = &mut options.provider_settings;
    settings.insert("telemetry".to_owned(), json!(true));
    settings.insert("max_attempts".to_owned(), json!(max_attempts));
    world_of(options).await
}

impl World {
    async fn report(&self) -> Value {
        self.object("bird/2020/1/15/12/extract.json").await
    }

    /// The number of requests for pages of the list of vehicles.
    fn list_requests(&self) -> usize {
        self.requests_below("/mds/vehicles") - self.requests_below("/mds/vehicles/")
    }

    /// Checks that each trip's first and last point are archived, and no point twice.
    async fn expect_telemetry(&self) {
        let trips = self.object("bird/2020/1/15/12/trips.json").await;
        let telemetry = self.object(TELEMETRY).await;
        let points = telemetry["data"]["telemetry"].as_array().unwrap();
        let ids: BTreeSet<_> = points
            .iter()
            .map(|point| point["telemetry_id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), points.len());
        let times: BTreeSet<_> = points
            .iter()
            .map(|point| format!("{} {}", point["trip_ids"][0], point["timestamp"]))
            .collect();
        for trip in trips["data"]["trips"].as_array().unwrap() {
            for time in ["start_time", "end_time"] {
                let point = format!("{} {}", trip["trip_id"], trip[time]);
                assert!(times.contains(&point), "{point}");
            }
        }
        let report = self.report().await;
        assert_eq!(report["telemetry"]["points"], points.len());
        assert_eq!(report["problems"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_numbers_for_ids_and_features_for_locations_are_joined() {
    let quirks = [
        Quirk::IntegerIds,
        Quirk::NumericVehicleIds,
        Quirk::FeatureLocations,
    ];
    let world = world(&quirks, 0.3, 1).await;
    world.expect(0, &ONE_HOUR).await;
    world.expect_whole(&["bird"], &["12"]).await;
    assert_eq!(world.number(WITHOUT_TYPE).await, 0);
    let others = "SELECT count(*) FROM api.trips WHERE vehicle_id !~ '^[0-9]+$'";
    assert_eq!(world.number(others).await, 0);
    assert!(world.requests_below("/mds/vehicles/") > 0);
    world.expect_telemetry().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vehicle_that_is_listed_twice_is_what_the_list_says_last() {
    let world = world(&[Quirk::RepeatedVehicles], 0.0, 1).await;
    world.expect(0, &ONE_HOUR).await;
    let mistaken = "SELECT count(*) FROM api.vehicles WHERE vehicle_type = 'car'";
    assert_eq!(world.number(mistaken).await, 0);
    assert_eq!(world.number(WITHOUT_TYPE).await, 0);
    let rows_per_device =
        "SELECT max(n) FROM (SELECT count(*) AS n FROM api.vehicles GROUP BY device_id) AS rows";
    assert_eq!(world.number(rows_per_device).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_is_archived_before_its_vehicles_and_each_look_up_counts() {
    let world = world_of_trips(5.0, &[Quirk::SlowVehicles], 1.0, 1).await;
    let mut running = Running::start(&world, &ONE_HOUR);
    running
        .until("two look-ups", async || world.number(KNOWN).await == 2)
        .await;
    running.kill();
    assert_eq!(world.statuses().await, [Archived]);
    let fetched = "SELECT payload_trips_count FROM api.schedule";
    let fetched = world.number(fetched).await;
    let archived = world.object("bird/2020/1/15/12/trips.json").await;
    let archived = archived["data"]["trips"].as_array().unwrap().len();
    assert!(fetched > 2 && fetched == i64::try_from(archived).unwrap());
    // The others are not forgotten.
    let wanted = "SELECT count(*) FROM api.vehicles_wanted WHERE asked_at = '-infinity'";
    assert!(world.number(wanted).await > 0);

    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    let requests = world.requests_below("/mds/trips");
    assert_eq!(requests, 1, "the archive is not requested again");
    assert_eq!(world.number(WITHOUT_TYPE).await, 0);
}

/// Does `extract` with this much time in all.
async fn extract_within(ctx: &Context, time: Duration) {
    let ctx = ctx.until(tokio::time::Instant::now() + time);
    let item = planned_item(&ctx, "bird", "2020-01-15-13").await.unwrap();
    let work = extract(&ctx, item.clone());
    step_within(&ctx, Step::Extract, &item, work).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_and_slow_look_ups_end_in_time_and_keep_what_they_have() {
    let world = world(&[Quirk::SlowVehicles], 0.3, 1).await;
    let ctx = world.stack.context().await.unwrap();
    let began = Instant::now();
    extract_within(&ctx, Duration::from_secs(20)).await;
    assert!(began.elapsed() < Duration::from_secs(19), "{began:?}");
    assert_eq!(world.statuses().await, [Archived]);
    // Two pages of the list and two look-ups at least.
    let known = world.number(KNOWN).await;
    assert!(known >= 20, "{known}");
    let report = world.report().await;
    let problems = report["problems"].as_array().unwrap();
    let problem = |n: usize| problems[n].as_str().unwrap();
    assert!(
        problem(0).contains("list of vehicles had not ended"),
        "{problems:?}"
    );
    assert!(
        problem(1).contains("time for single vehicles was up"),
        "{problems:?}"
    );
    assert!(report["telemetry"]["points"].as_u64().unwrap() > 0);

    // The list is not requested again within the hour, and look-ups continue.
    let lists = world.list_requests();
    extract_within(&ctx, Duration::from_secs(20)).await;
    assert_eq!(world.list_requests(), lists);
    assert!(world.number(KNOWN).await > known);
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_that_breaks_off_is_archived_whole_or_not_at_all() {
    let quirks = [Quirk::TelemetryBreaksOff];
    let retried = world(&quirks, 0.0, 3).await;
    retried.expect(0, &ONE_HOUR).await;
    retried.expect_telemetry().await;

    let failed = world(&quirks, 0.0, 1).await;
    failed.expect(0, &ONE_HOUR).await;
    assert_eq!(failed.statuses().await, [Published]);
    let vault = failed.vault().await;
    let missing = vault.get_bytes(&format!("staging/{TELEMETRY}")).await;
    assert!(missing.is_err());
    let report = failed.report().await;
    assert!(
        report["problems"][0]
            .as_str()
            .unwrap()
            .starts_with("ProviderUnavailable")
    );
    // The same trips again: only what is missing is archived.
    failed.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    failed.expect_telemetry().await;
}
