//! `mds probe` with correct and with odd feeds.

use chrono::TimeDelta;
use rstest::rstest;
use sandbox_provider::{Fault, MdsVersion, ProviderOptions, Quirk, Quirks, Rates, Times};
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
    Quirk::SwappedCoordinates,
    "coordinates",
    Some("\"swap_coordinates\": true")
)]
#[case::ignores_hour(Quirk::IgnoresHour, "the hour asked for", None)]
#[case::no_routes(Quirk::NoRoute, "fields", None)]
#[case::another_provider(
    Quirk::ForeignProvider,
    "ids",
    Some("\"provider_ids\": [\"5a1e0000-0000-4000-8000-000000000001\"]")
)]
#[case::dollars(Quirk::MajorCosts, "costs", Some("\"cost_unit\": \"major\""))]
#[case::milliseconds(Quirk::DurationsInMilliseconds, "durations", None)]
#[case::pages(Quirk::ForbiddenPages, "pages", Some("\"paging\": true"))]
#[case::cut_off(Quirk::Truncated, "access", None)]
#[case::wrong_address(Quirk::NotFound, "access", None)]
#[case::no_content(Quirk::NoContent, "access", None)]
#[case::not_json(Quirk::NonFiniteNumbers, "fields", None)]
#[case::not_utf_8(Quirk::Latin1, "fields", None)]
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_would_spoil_data_is_found_out(
    #[case] quirk: Quirk,
    #[case] about: &str,
    #[case] remedy: Option<&str>,
) {
    let world = world(|provider| provider.quirks = Quirks::from([quirk])).await;
    let report = probed(&world, 1).await;
    let found = finding(&report, about);
    assert_eq!(found["verdict"], "harm", "{report}");
    if quirk == Quirk::ForeignProvider {
        let own = world.stack.providers["bird"].options().provider_id;
        assert!(found["text"].as_str().unwrap().contains(&own.to_string()));
    }
    if let Some(remedy) = remedy {
        assert_eq!(found["remedy"], remedy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_any_hour_cannot_be_ingested() {
    let world = world(|provider| provider.quirks = Quirks::from([Quirk::NotFound])).await;
    let arguments = ["probe", "--provider", "bird", "--time-max", "2020-01-15-13"];
    let report = in_one_line(&stdout(&world.expect(1, &arguments).await));
    assert!(
        report.contains("every requested hour is returned as not found (404)")
            && report.contains("cannot be ingested"),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn quirks_that_are_handled_are_noted() {
    let world = world(|provider| {
        provider.quirks = Quirks::from([Quirk::IntegerIds, Quirk::SecondsForMilliseconds]);
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
async fn a_provider_that_is_not_there_is_unreachable_and_not_harmful() {
    let world = world(|_| ()).await;
    // Nothing listens there.
    world
        .edit_providers(|providers| providers["bird"]["mds_api_url"] = "http://127.0.0.1:9".into())
        .await;
    let arguments = ["probe", "--provider", "bird", "--time-max", "2020-01-15-13"];
    let report = in_one_line(&stdout(&world.expect(1, &arguments).await));
    assert!(
        report.contains("bird could not be reached") && !report.contains("HARM"),
        "{report}"
    );
    let report = probed(&world, 1).await;
    assert_eq!(report["conclusion"], "unreachable");
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report}");
}

#[rstest]
#[case::refused(Quirk::RenamedParameters, "bad_param: ")]
#[case::error_with_200(Quirk::ErrorObject, "server_error: Internal Server Error")]
#[tokio::test(flavor = "multi_thread")]
async fn the_providers_own_words_are_shown(#[case] quirk: Quirk, #[case] words: &str) {
    let world = world(|provider| provider.quirks = Quirks::from([quirk])).await;
    let arguments = ["probe", "--provider", "bird", "--time-max", "2020-01-15-13"];
    let output = world.expect(1, &arguments).await;
    let report = in_one_line(&stdout(&output));
    assert!(report.contains(&format!("It says: \"{words}")), "{report}");
    // They are no part of what is logged.
    assert!(!stderr(&output).contains(words), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_fits_a_narrow_page() {
    let world = world(|_| ()).await;
    let arguments = ["probe", "--provider", "bird", "--time-max", "2020-01-15-13"];
    let report = stdout(&world.expect(0, &arguments).await);
    for line in report.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_providers_at_once_cannot_be_probed() {
    let world = world(|_| ()).await;
    let output = world.expect(2, &["probe", "--provider", "all"]).await;
    assert!(stderr(&output).contains("one provider is meant here"));
}

/// The text with the columns of its table joined.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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

/// Quirks whose responses never end or are huge.
const TOO_LONG: [Quirk; 3] = [Quirk::Trickle, Quirk::HugeBody, Quirk::HugeTrip];
/// How many probes run at the same time.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn what_it_reports_about_every_quirk() {
    let quirks: Vec<Quirk> = Quirk::ALL
        .into_iter()
        .filter(|quirk| !TOO_LONG.contains(quirk))
        .collect();
    let names: Vec<&str> = quirks.iter().map(|quirk| quirk.as_str()).collect();
    let mut options = options(&names);
    for quirk in &quirks {
        let provider = options.providers.get_mut(quirk.as_str()).unwrap();
        provider.seed = 1;
        provider.rates = Rates::none();
        provider.quirks = Quirks::from([*quirk]);
    }
    let world = world_of(options).await;
    let mut lines = Vec::new();
    for quirks in quirks.chunks(AT_ONCE) {
        let probes: Vec<_> = quirks
            .iter()
            .map(|quirk| tokio::spawn(World::output_of(world.mds(&probe(quirk.as_str())))))
            .collect();
        for (quirk, probe) in quirks.iter().zip(probes) {
            let output = probe.await.unwrap();
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            let findings = report["findings"].as_array().unwrap();
            let problems: Vec<String> = findings
                .iter()
                .filter(|it| it["verdict"] != "good" && it["about"] != "lag")
                .map(|it| format!("{} {}", it["verdict"].as_str().unwrap(), it["about"]))
                .collect();
            let is_good = report["conclusion"] == "can_be_ingested";
            let is_harmful = findings.iter().any(|it| it["verdict"] == "harm");
            assert_eq!(report["conclusion"] == "harmful", is_harmful, "{quirk}");
            assert_eq!(output.status.code(), Some(i32::from(!is_good)), "{quirk}");
            lines.push(format!("{quirk}: {}", problems.join(", ")));
        }
    }
    insta::assert_snapshot!("quirks", lines.join("\n"));
}
