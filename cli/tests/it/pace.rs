//! Providers are requested politely: `delay`, `max_parallel` and `Retry-After` hold over all hours
//! and processes.

use std::time::{Duration, Instant};

use sandbox_provider::{Fault, Times};
use serde_json::{Value, json};
use trips::status::BlockStatus::{ExtractFailed, New, Published};

use crate::support::{ONE_HOUR, World, hour, options, run, stderr, with, world_of};

const FIRST_THREE: [&str; 7] = run("bird", "2020-01-15-12", "2020-01-15-15");
const LAST_THREE: [&str; 7] = run("bird", "2020-01-15-15", "2020-01-15-18");

async fn world_with(key: &str, value: serde_json::Value) -> World {
    let mut options = options(&["bird"]);
    options.provider_settings.insert(key.to_owned(), value);
    world_of(options).await
}

/// Runs both halves of six hours in processes of their own, and returns how long they took.
async fn in_two_processes(world: &World) -> Duration {
    let began = Instant::now();
    let archive_only = [FIRST_THREE, LAST_THREE].map(|hours| with(&hours, &["--no-sync-db"]));
    let (first, last) = tokio::join!(
        world.output(&archive_only[0]),
        world.output(&archive_only[1])
    );
    for output in [first, last] {
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_lies_between_any_two_requests() {
    let world = world_with("delay", json!(1)).await;
    let took = in_two_processes(&world).await;
    assert!(took >= Duration::from_secs(5), "{took:?}");
    assert_eq!(world.request_count(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_hours_are_read_at_once_than_the_entry_allows() {
    let world = world_with("max_parallel", json!(1)).await;
    for n in 12..18 {
        let slow = Fault::Slow(Duration::from_millis(500));
        let at = hour(&format!("2020-01-15-{n}"));
        world.stack.providers["bird"].fail_hour(at, slow, Times::Always);
    }
    let took = in_two_processes(&world).await;
    assert!(took >= Duration::from_secs(3), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_asked_for_an_hours_wait_is_requested_after_it_and_not_before() {
    let world = world_with("max_attempts", json!(3)).await;
    let throttled = Fault::Status {
        status: 429,
        retry_after: Some(3600),
    };
    let noon = hour("2020-01-15-12");
    world.stack.providers["bird"].fail_hour(noon, throttled, Times::Next(1));
    let output = world.expect(1, &ONE_HOUR).await;
    let message = "SELECT message FROM api.schedule ORDER BY block_start LIMIT 1";
    let first = world.text(message).await;
    assert!(first.starts_with("ProviderThrottled: "), "{first}");
    let until = first.rsplit(' ').next().unwrap().to_owned();
    assert!(
        until.parse::<chrono::DateTime<chrono::Utc>>().is_ok(),
        "{first}"
    );
    assert!(stderr(&output).contains(&until));
    assert_eq!(world.request_count(), 1);

    // Neither this hour nor others, from another process.
    let output = world.expect(1, &FIRST_THREE).await;
    let text = stderr(&output);
    assert!(text.contains("is not requested now"), "{text}");
    let remedy = "UPDATE api.providers SET not_before = NULL WHERE provider_name = 'bird'";
    assert!(text.contains(remedy), "{text}");
    assert_eq!(world.request_count(), 1);
    assert_eq!(world.statuses().await, [ExtractFailed, New, New]);
    assert_eq!(world.text(message).await, first);

    // An hour later.
    world
        .database
        .execute(
            "UPDATE api.providers SET not_before = not_before - interval '1 hour'",
            &[],
        )
        .await
        .unwrap();
    world.expect(0, &FIRST_THREE).await;
    assert_eq!(world.statuses().await, [Published; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_the_address_that_asked_for_it() {
    let world = world_with("max_attempts", json!(1)).await;
    let throttled = Fault::Status {
        status: 429,
        retry_after: Some(3600),
    };
    let noon = hour("2020-01-15-12");
    world.stack.providers["bird"].fail_hour(noon, throttled, Times::Next(1));
    world.expect(1, &ONE_HOUR).await;
    world.expect(1, &ONE_HOUR).await;
    assert_eq!(world.request_count(), 1);

    let mut providers: Value = serde_json::from_str(&world.revealed("providers").await).unwrap();
    let address = providers["bird"]["mds_api_url"].as_str().unwrap();
    providers["bird"]["mds_api_url"] = json!(address.replace("127.0.0.1", "localhost"));
    world.put(0, "providers", &providers.to_string(), &[]).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
}
