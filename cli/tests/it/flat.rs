//! MDS 2.0: flat trips, with vehicles and routes at addresses of their own.

use std::collections::BTreeSet;

use local_stack::StackOptions;
use sandbox_provider::{MdsVersion, ProviderOptions, Rates};
use serde_json::{Value, json};
use trips::status::BlockStatus::{Archived, Published};

use crate::support::{ONE_HOUR, World, options, run, with, world_of};

const NEXT_HOUR: [&str; 7] = run("bird", "2020-01-15-13", "2020-01-15-14");
pub(crate) const WITHOUT_TYPE: &str = "SELECT count(*) FROM api.trips WHERE vehicle_type IS NULL";

pub(crate) fn flat(change: impl FnOnce(&mut ProviderOptions)) -> StackOptions {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    bird.version = MdsVersion::V2_0;
    change(bird);
    options
}

impl World {
    /// The number of requests to the provider whose path starts with `path`.
    pub(crate) fn requests_below(&self, path: &str) -> usize {
        let requests = self.stack.providers["bird"].log().requests();
        requests
            .iter()
            .filter(|it| it.path.starts_with(path))
            .count()
    }

    /// Pretends that the list of vehicles was fetched two hours earlier, and that unknown vehicles
    /// were last requested two days earlier.
    async fn age_vehicle_requests(&self) {
        self.database
            .batch_execute(
                "UPDATE api.vehicle_lists SET fetched_at = fetched_at - interval '2 hours';
                 UPDATE api.vehicles_wanted SET asked_at = asked_at - interval '2 days'",
            )
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_get_their_vehicles_and_the_old_series_goes_on() {
    let world = world_of(flat(|bird| {
        bird.rates = Rates {
            not_rider: 0.2,
            ..Rates::none()
        };
    }))
    .await;
    world.expect(0, &ONE_HOUR).await;
    world.expect(0, &NEXT_HOUR).await;

    world.expect_whole(&["bird"], &["12", "13"]).await;
    assert_eq!(world.number(WITHOUT_TYPE).await, 0);
    let kinds = world
        .text("SELECT string_agg(DISTINCT vehicle_type, ' ' ORDER BY vehicle_type) FROM api.trips")
        .await;
    assert!(kinds.contains("scooter_seated scooter_standing"), "{kinds}");
    let published: BTreeSet<String> = world
        .portal()
        .values()
        .map(|row| row["vehicle_type"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        published.contains("scooter")
            && !published
                .iter()
                .any(|kind| kind.contains('_') && kind.starts_with("scooter"))
    );
    let flagged = world
        .number("SELECT count(*) FROM api.trips WHERE 'not_a_rider_trip' = ANY (flags)")
        .await;
    let others = world
        .number("SELECT count(*) FROM api.trips WHERE trip_type IN ('rebalance', 'maintenance')")
        .await;
    assert!(flagged > 0 && flagged == others);
    // Both hours use one list, which is fetched in pages.
    let lists = world.requests_below("/mds/vehicles");
    world.expect(0, &with(&NEXT_HOUR, &["--force"])).await;
    assert_eq!(world.requests_below("/mds/vehicles"), lists);
}

#[tokio::test(flavor = "multi_thread")]
async fn vehicles_that_are_not_listed_are_asked_for_and_unknown_ones_repaired_later() {
    let world = world_of(flat(|bird| {
        bird.rates = Rates::none();
        bird.unlisted_vehicles = 0.3;
        bird.unknown_vehicles = 0.3;
    }))
    .await;
    world.expect(0, &ONE_HOUR).await;
    let all = world.number("SELECT count(*) FROM api.trips").await;
    let unknown = world.number(WITHOUT_TYPE).await;
    let wanted = world
        .number("SELECT count(*) FROM api.vehicles_wanted")
        .await;
    assert!(
        unknown > 0 && unknown < all && wanted > 0,
        "{unknown} of {all}, {wanted}"
    );
    assert_eq!(world.statuses().await, [Published]);
    let looked_up = world.requests_below("/mds/vehicles/");
    assert!(looked_up > usize::try_from(wanted).unwrap());
    // Unknown vehicles are requested once a day, not once an hour.
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    assert_eq!(world.requests_below("/mds/vehicles/"), looked_up);

    world.stack.providers["bird"].register_vehicles();
    world.age_vehicle_requests().await;
    world.expect(0, &NEXT_HOUR).await;
    assert_eq!(world.statuses().await, [Archived, Published]);
    world
        .expect(0, &with(&ONE_HOUR, &["--incomplete-only"]))
        .await;
    assert_eq!(world.statuses().await, [Published, Published]);
    assert_eq!(world.number(WITHOUT_TYPE).await, 0);
    assert_eq!(
        world
            .number("SELECT count(*) FROM api.vehicles_wanted")
            .await,
        0
    );
    assert!(
        world
            .portal()
            .values()
            .all(|row| row["vehicle_type"].is_string())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_has_the_vehicle_as_it_was_when_the_trip_ended() {
    let world = world_of(flat(|bird| bird.rates = Rates::none())).await;
    world.expect(0, &ONE_HOUR).await;
    // Before and after the trip, the vehicle has other types.
    world
        .database
        .batch_execute(
            "INSERT INTO api.vehicles
             SELECT provider_id, device_id, at, at, 'OLD', kind, 'human', '{}'
             FROM (SELECT provider_id, device_id FROM api.trips ORDER BY trip_id LIMIT 1) AS trip,
                  (VALUES ('2019-06-01'::timestamptz, 'bicycle'), ('2020-01-01', 'cargo_bicycle'),
                          ('2020-02-01', 'moped')) AS history (at, kind)",
        )
        .await
        .unwrap();
    world
        .expect(0, &with(&ONE_HOUR, &["--force", "--no-extract"]))
        .await;
    let kind = world
        .text("SELECT vehicle_type || ' ' || vehicle_id FROM api.trips ORDER BY trip_id LIMIT 1")
        .await;
    assert_eq!(kind, "cargo_bicycle OLD");
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_is_archived_where_it_is_wanted() {
    let mut options = flat(|bird| bird.rates = Rates::none());
    options
        .provider_settings
        .insert("telemetry".to_owned(), json!(true));
    let world = world_of(options).await;
    world.expect(0, &ONE_HOUR).await;
    let trips = world.object("bird/2020/1/15/12/trips.json").await;
    let telemetry = world.object("bird/2020/1/15/12/telemetry.json").await;
    let points = telemetry["data"]["telemetry"].as_array().unwrap();
    let location = |point: &Value| (point["timestamp"].clone(), point["location"].clone());
    for trip in trips["data"]["trips"].as_array().unwrap() {
        let route: Vec<_> = points
            .iter()
            .filter(|point| point["trip_ids"][0] == trip["trip_id"])
            .map(location)
            .collect();
        assert!(route.contains(&(trip["start_time"].clone(), trip["start_location"].clone())));
        assert!(route.contains(&(trip["end_time"].clone(), trip["end_location"].clone())));
    }
    let report = world.object("bird/2020/1/15/12/extract.json").await;
    assert_eq!(report["telemetry"]["points"], points.len());
    assert_eq!(report["problems"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_a_list_of_vehicles_has_its_trips_loaded_all_the_same() {
    let mut options = options(&["bird"]);
    // The provider serves 1.2, whatever version is requested.
    options
        .provider_settings
        .insert("version".to_owned(), json!("2.0"));
    let world = world_of(options).await;
    world.expect(0, &ONE_HOUR).await;
    world.expect_whole(&["bird"], &["12"]).await;
    let report = world.object("bird/2020/1/15/12/extract.json").await;
    let problem = report["problems"][0].as_str().unwrap();
    assert!(
        problem.starts_with("ProviderRejected: ") && problem.contains("404"),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_of_2_0_keep_the_vehicles_that_are_known_if_the_entry_requests_no_more_of_them() {
    let world = world_of(flat(|bird| bird.rates = Rates::none())).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.number(WITHOUT_TYPE).await, 0);
    let before = (world.trips().await, world.modified().await);
    for (key, value) in [("vehicles", json!(false)), ("version", json!("1.2"))] {
        world
            .edit_providers(|file| file["bird"][key] = value.clone())
            .await;
        let again = with(&ONE_HOUR, &["--force", "--no-extract"]);
        world.expect(0, &again).await;
        assert_eq!(world.number(WITHOUT_TYPE).await, 0, "{key}");
        assert_eq!(
            (world.trips().await, world.modified().await),
            before,
            "{key}"
        );
    }
}
