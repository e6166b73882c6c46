//! `mds probe` with correct and with odd feeds.

use chrono::TimeDelta;
use rstest::rstest;
use sandbox_provider::{Fault, MdsVersion, Oddities, Oddity, ProviderOptions, Rates, Times};
use serde_json::Value;

use crate::support::{World, hour, options, stderr, stdout, world_of};

async fn world(change: impl FnOnce(&mut ProviderOptions)) -> World {
    let mut options = options(&["bird"]);
    let provider = options.providers.get_mut("bird").unwrap();
    provider.rates = Rates::none();
    change(provider);
    world_of(options).await
}

fn probe(provider: &str) -> [&str; 6] {
    [
        "--json",
        "probe",
        "--provider",
        provider,
        "--time-max",
        "2020-01-15-13",
    ]
}

async fn probed(world: &World, status: i32) -> Value {
    let output = world.expect(status, &probe("bird")).await;
    serde_json::from_slice(&output.stdout).unwrap()
}

fn finding<'a>(report: &'a Value, about: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|it| it["about"] == about).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proper_feed_can_be_ingested_and_nothing_is_written() {
    let world = world(|_| ()).await;
    let report = probed(&world, 0).await;
    for about in [
        "access",
        "version",
        "fields",
        "the hour asked for",
        "coordinates",
        "ids",
        "duplicates",
    ] {
        assert_eq!(
            finding(&report, about)["verdict"],
            "good",
            "{about}: {report}"
        );
    }
    assert_eq!(world.number("SELECT count(*) FROM api.schedule").await, 0);
}

#[rstest]
#[case::swapped(
    Oddity::SwappedCoordinates,
    "coordinates",
    Some("\"swap_coordinates\": true")
)]
#[case::ignores_hour(Oddity::IgnoresHour, "the hour asked for", None)]
#[case::short_routes(Oddity::OnePointRoute, "fields", None)]
#[case::pages(Oddity::ForbiddenPages, "pages", Some("\"paging\": true"))]
#[case::cut_off(Oddity::Truncated, "access", None)]
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_would_spoil_data_is_found_out(
    #[case] oddity: Oddity,
    #[case] about: &str,
    #[case] remedy: Option<&str>,
) {
    let world = world(|provider| provider.oddities = Oddities::from([oddity])).await;
    let report = probed(&world, 1).await;
    let found = finding(&report, about);
    assert_eq!(found["verdict"], "harm", "{report}");
    if let Some(remedy) = remedy {
        assert_eq!(found["remedy"], remedy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oddities_that_are_coped_with_are_noted() {
    let world = world(|provider| {
        provider.oddities = Oddities::from([Oddity::IntegerIds, Oddity::SecondsForMilliseconds]);
        provider.rates.duplicates = 0.2;
    })
    .await;
    let report = probed(&world, 0).await;
    for about in ["ids", "units of time", "duplicates"] {
        assert_eq!(
            finding(&report, about)["verdict"],
            "note",
            "{about}: {report}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_that_would_be_rejected_are_named_by_their_fields() {
    let world = world(|provider| provider.rates.missing_device = 0.5).await;
    let found = probed(&world, 1).await;
    let found = finding(&found, "fields");
    assert!(
        found["text"]
            .as_str()
            .unwrap()
            .contains("missing_field:device_id ("),
        "{found}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_comes_later_than_it_is_asked_for_wants_a_longer_lag() {
    let world = world(|provider| provider.publication_lag = TimeDelta::hours(60)).await;
    let output = world
        .expect(1, &["--json", "probe", "--provider", "bird"])
        .await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(finding(&report, "access")["verdict"], "harm", "{report}");
    let found = finding(&report, "lag");
    assert_eq!(found["verdict"], "harm", "{report}");
    assert_eq!(found["remedy"], "\"lag_hours\": 78");
    // The hours that exist are checked all the same.
    assert_eq!(finding(&report, "fields")["verdict"], "good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_is_the_only_finding_and_no_token_is_shown() {
    let world = world(|provider| {
        provider.token = Some("another-token".to_owned());
        provider.faults = Vec::new();
    })
    .await;
    let refused = Fault::Status {
        status: 401,
        retry_after: None,
    };
    let noon = hour("2020-01-15-12");
    world.stack.providers["bird"].fail_hour(noon, refused, Times::Always);
    let output = world
        .expect(
            1,
            &["probe", "--provider", "bird", "--time-max", "2020-01-15-13"],
        )
        .await;
    let report = stdout(&output);
    assert!(
        report.contains("ProviderRejected") && report.contains("do not ingest"),
        "{report}"
    );
    assert!(!report.contains("another-token"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_provider_is_a_mistake_of_use() {
    let world = world(|_| ()).await;
    let output = world.expect(2, &["probe", "--provider", "nobody"]).await;
    assert!(stderr(&output).contains("it has: bird"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_boundaries_the_report_says_what_it_could_not_compare() {
    let world = world(|_| ()).await;
    std::fs::remove_dir_all(world.stack.bucket_folder().join("boundaries")).unwrap();
    let report = probed(&world, 0).await;
    let found = finding(&report, "coordinates");
    assert_eq!(found["verdict"], "note");
    assert!(
        found["text"].as_str().unwrap().contains("boundaries/"),
        "{found}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vehicles_of_2_0_are_looked_at() {
    let world = world(|provider| {
        provider.version = MdsVersion::V2_0;
        provider.unlisted_vehicles = 0.4;
    })
    .await;
    let report = probed(&world, 0).await;
    let found = finding(&report, "vehicles");
    assert_eq!(found["verdict"], "note", "{report}");
    assert!(
        found["text"].as_str().unwrap().contains("one by one"),
        "{found}"
    );
}

/// Oddities whose responses never end or have gigabytes.
const TOO_LONG: [Oddity; 2] = [Oddity::Trickle, Oddity::HugeBody];
/// How many probes run at the same time.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_of_every_oddity() {
    let oddities: Vec<Oddity> = Oddity::ALL
        .into_iter()
        .filter(|oddity| !TOO_LONG.contains(oddity))
        .collect();
    let names: Vec<&str> = oddities.iter().map(|oddity| oddity.name()).collect();
    let mut options = options(&names);
    for oddity in &oddities {
        let provider = options.providers.get_mut(oddity.name()).unwrap();
        provider.seed = 1;
        provider.rates = Rates::none();
        provider.oddities = Oddities::from([*oddity]);
    }
    let world = world_of(options).await;
    let mut lines = Vec::new();
    for oddities in oddities.chunks(AT_ONCE) {
        let probes: Vec<_> = oddities
            .iter()
            .map(|oddity| tokio::spawn(World::output_of(world.mds(&probe(oddity.name())))))
            .collect();
        for (oddity, probe) in oddities.iter().zip(probes) {
            let output = probe.await.unwrap();
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            let findings = report["findings"].as_array().unwrap();
            let problems: Vec<String> = findings
                .iter()
                .filter(|it| it["verdict"] != "good" && it["about"] != "lag")
                .map(|it| format!("{} {}", it["verdict"].as_str().unwrap(), it["about"]))
                .collect();
            let is_harmful = findings.iter().any(|it| it["verdict"] == "harm");
            assert_eq!(
                output.status.code(),
                Some(i32::from(is_harmful)),
                "{oddity}"
            );
            lines.push(format!("{oddity}: {}", problems.join(", ")));
        }
    }
    insta::assert_snapshot!("oddities", lines.join("\n"));
}
