//! Which of several deliveries of a trip counts, and what becomes of odd ones.

use std::fs;
use std::path::Path;

use sandbox_provider::{Quirk, Quirks, Rates, Rhythm};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{ONE_HOUR, World, options, with, world_of};

const EARLIER: [&str; 4] = ["--provider", "bird", "--time-max", "2020-01-15-13"];
const LATER: [&str; 4] = ["--provider", "bird", "--time-max", "2020-01-15-14"];

async fn world(quirks: Quirks) -> World {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    (bird.rates, bird.rhythm, bird.quirks) = (Rates::none(), Rhythm::Flat, quirks);
    world_of(options).await
}

async fn extracted(world: &World, block: &[&str], file: &Path) -> Value {
    let file = file.to_str().unwrap();
    let command = [&["extract", "--file", file], block].concat();
    world.expect(0, &command).await;
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// A trip of the earlier hour is corrected and delivered again with the later one.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_hour_that_is_loaded_again_undoes_no_correction() {
    let world = world(Quirks::NONE).await;
    let folder = TempDir::new().unwrap();
    let (a, b) = (folder.path().join("a.json"), folder.path().join("b.json"));
    let earlier = extracted(&world, &EARLIER, &a).await;
    let mut later = extracted(&world, &LATER, &b).await;
    let mut corrected = earlier["data"]["trips"][0].clone();
    corrected["trip_distance"] = json!(77_777);
    let published = corrected["publication_time"].as_i64().unwrap();
    corrected["publication_time"] = json!(published + 3_600_000);
    later["data"]["trips"]
        .as_array_mut()
        .unwrap()
        .push(corrected);
    fs::write(&b, later.to_string()).unwrap();

    let load = |file: &'static str, block: [&'static str; 4]| {
        let file = folder.path().join(file).to_str().unwrap().to_owned();
        let world = &world;
        async move {
            let command = [&["sync-db", "--file", &file], &block[..]].concat();
            world.expect(0, &command).await;
        }
    };
    load("b.json", LATER).await;
    load("a.json", EARLIER).await;
    load("b.json", LATER).await;
    load("a.json", EARLIER).await;
    let owner = "SELECT s.block_start::text || ' ' || t.trip_distance
                 FROM api.trips t JOIN api.schedule s USING (schedule_id) WHERE t.trip_distance = 77777";
    assert_eq!(world.text(owner).await, "2020-01-15 19:00:00+00 77777");
    let counts = world
        .number("SELECT sum(records_processed)::bigint FROM api.schedule")
        .await;
    assert_eq!(
        world.number("SELECT count(*) FROM api.trips").await,
        counts - 1
    );

    // Each block publishes the rows that it owns, in any order.
    for block in [LATER, EARLIER] {
        let command = with(&["sync-socrata"], &block);
        world.expect(0, &with(&command, &["--force"])).await;
    }
    let distances: Vec<_> = world
        .portal()
        .values()
        .map(|row| row["trip_distance"].clone())
        .collect();
    assert_eq!(i64::try_from(distances.len()).unwrap(), counts - 1);
    assert!(distances.iter().any(|it| *it == 77_777 || *it == "77777"));
}

/// A trip of the earlier hour is delivered with the later one, which then lacks it.
#[tokio::test(flavor = "multi_thread")]
async fn a_trip_that_another_hour_has_withdrawn_comes_back_with_the_same_answer_again() {
    let world = world(Quirks::NONE).await;
    let folder = TempDir::new().unwrap();
    let (a, b) = (folder.path().join("a.json"), folder.path().join("b.json"));
    world.expect(0, &ONE_HOUR).await;
    let (portal, trips) = (world.portal(), world.trips().await);
    let earlier = extracted(&world, &EARLIER, &a).await;
    let mut later = extracted(&world, &LATER, &b).await;
    let counted = "SELECT count(*) FROM api.trips WHERE withdrawn_at IS NULL";
    let all = world.number(counted).await;
    let load = with(
        &["sync-db", "--force", "--file", b.to_str().unwrap()],
        &LATER,
    );
    let moved = earlier["data"]["trips"][0].clone();
    for delivered in [vec![moved], Vec::new()] {
        later["data"]["trips"] = json!(delivered);
        fs::write(&b, later.to_string()).unwrap();
        world.expect(0, &load).await;
    }
    assert_eq!(world.number(counted).await, all - 1);

    // The provider still returns it for the earlier hour.
    let archive = world.archive_file("bird", "2020/1/15/12");
    let before = fs::read(&archive).unwrap();
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    assert_eq!(fs::read(&archive).unwrap(), before);
    assert_eq!(world.number(counted).await, all);
    assert_eq!(world.trips().await, trips);
    assert_eq!(world.portal(), portal);
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_of_another_provider_are_rejected_until_the_entry_lists_its_id() {
    let world = world(Quirks::from([Quirk::ForeignProvider])).await;
    world.expect(0, &ONE_HOUR).await;
    let counts = "SELECT records_error_count FROM api.schedule";
    let rejected = world.number(counts).await;
    assert!(rejected > 0);
    let reasons = "SELECT error_payload::text FROM api.schedule";
    assert_eq!(
        world.text(reasons).await,
        format!(r#"{{"reasons": {{"foreign_provider": {rejected}}}}}"#)
    );
    let owners = "SELECT count(DISTINCT provider_id) FROM api.trips";
    assert_eq!(world.number(owners).await, 1);

    world
        .edit_providers(|entries| {
            entries["bird"]["provider_ids"] = json!(["5a1e0000-0000-4000-8000-000000000001"]);
        })
        .await;
    let again = with(&ONE_HOUR, &["--force", "--no-extract"]);
    world.expect(0, &again).await;
    assert_eq!(world.number(counts).await, 0);
    assert_eq!(world.number(owners).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sloppy_feed_loses_no_trip_and_publishes_none_of_its_own_words() {
    let quirks = [
        Quirk::MajorCosts,
        Quirk::OwnVehicleTypes,
        Quirk::OnePointRoute,
        Quirk::DurationsInMilliseconds,
    ];
    let world = world(Quirks::from(quirks)).await;
    world.expect(0, &ONE_HOUR).await;
    let trips = world.number("SELECT count(*) FROM api.trips").await;
    assert!(trips > 0);
    assert_eq!(
        world
            .number("SELECT records_error_count FROM api.schedule")
            .await,
        0
    );
    let flagged = "SELECT count(*) FROM api.trips WHERE flags @>
                   '{single_point,duration_mismatch,unknown_vehicle_type}'";
    assert_eq!(world.number(flagged).await, trips);
    assert!(
        world
            .portal()
            .values()
            .all(|row| row["vehicle_type"] == "other")
    );

    let unpriced = "SELECT count(*) FROM api.trips WHERE standard_cost IS NULL AND 'fractional_cost' = ANY (flags)";
    assert!(world.number(unpriced).await > 0);
    world
        .edit_providers(|entries| entries["bird"]["cost_unit"] = json!("major"))
        .await;
    world
        .expect(0, &with(&ONE_HOUR, &["--force", "--no-extract"]))
        .await;
    assert_eq!(world.number(unpriced).await, 0);
    let least = "SELECT min(standard_cost) FROM api.trips";
    assert!(world.number(least).await >= 100);
}
