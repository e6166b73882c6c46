//! Backfills from difficult providers.

use std::time::Duration;

use chrono::TimeDelta;
use sandbox_provider::{MdsVersion, OAuthLogin, Rates};
use serde_json::json;
use trips::status::BlockStatus::{NoTrips, Published};

use crate::support::{ONE_HOUR, hour, options, run, with, world_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_outlives_its_tokens() {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    bird.oauth = Some(OAuthLogin {
        client_id: "city".to_owned(),
        client_secret: "canary-secret".to_owned(),
        token_lifetime: Duration::from_millis(400),
    });
    let world = world_of(options).await;
    let two_days = run("bird", "2020-01-15-00", "2020-01-17-00");
    world
        .expect(0, &with(&two_days, &["--concurrency", "2"]))
        .await;
    let provider = &world.stack.providers["bird"];
    assert!(
        provider.tokens_granted() > 2,
        "{} tokens",
        provider.tokens_granted()
    );
    let statuses = world.statuses().await;
    assert_eq!(statuses.len(), 48);
    assert!(
        statuses
            .iter()
            .all(|status| [NoTrips, Published].contains(status)),
        "{statuses:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_over_the_edges_of_hours_are_all_there_at_0_2() {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    bird.version = MdsVersion::V0_2;
    bird.page_size = Some(100);
    bird.rates = Rates::none();
    options
        .provider_settings
        .insert("paging".to_owned(), json!(true));
    let world = world_of(options).await;
    // 30 hours with a midnight among them.
    let (first, end) = ("2020-01-15-12", "2020-01-16-18");
    world.expect(0, &run("bird", first, end)).await;
    let provider = &world.stack.providers["bird"];
    let hours = (0..30).map(|n| hour(first) + TimeDelta::hours(n));
    let expected: u64 = hours.map(|time| provider.expected(time).distinct).sum();
    let loaded = world.number("SELECT count(*) FROM api.trips").await;
    assert_eq!(loaded, expected.cast_signed());
    let over_an_edge = world
        .number(
            "SELECT count(*) FROM api.trips WHERE date_trunc('hour', start_time) <> date_trunc('hour', end_time)",
        )
        .await;
    assert!(over_an_edge > 100, "{over_an_edge}");
    let fetched = world
        .number("SELECT sum(records_total)::bigint FROM api.schedule")
        .await;
    assert_eq!(fetched, loaded);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_keeps_the_unit_of_its_version_when_the_entry_moves_to_another_one() {
    const FLAGGED: &str =
        "SELECT count(*) FROM api.trips WHERE 'seconds_for_milliseconds' = ANY (flags)";
    let mut options = options(&["bird"]);
    options.providers.get_mut("bird").unwrap().version = MdsVersion::V0_2;
    let world = world_of(options).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.number(FLAGGED).await, 0);
    let before = world.modified().await;
    world
        .edit_providers(|file| file["bird"]["version"] = json!("1.2"))
        .await;
    let again = with(&ONE_HOUR, &["--force", "--no-extract"]);
    world.expect(0, &again).await;
    assert_eq!(world.number(FLAGGED).await, 0);
    assert_eq!(world.modified().await, before);
}
