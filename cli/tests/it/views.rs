//! The views of the database beside what `mds status` says of the same hours, and the dashboard
//! that reads them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sandbox_provider::{Fault, Times};
use serde_json::{Value, json};
use trips::block::Hour;
use trips::time::CivilZone;

use crate::support::{World, options, run, world, world_of};

const DASHBOARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/grafana/mds-etl.json");

fn label(hours_ago: i64) -> String {
    Hour::containing(Utc::now() - TimeDelta::hours(hours_ago + 1)).label(&CivilZone::default())
}

/// Number of hours by provider, civil day and state.
type Hours = BTreeMap<(String, String, String), u64>;

async fn hours_of_status(world: &World, status: i32) -> (DateTime<Utc>, Hours) {
    let output = world.expect(status, &["--json", "status"]).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut hours = Hours::new();
    for provider in report["providers"].as_array().unwrap() {
        for day in provider["days"].as_array().unwrap() {
            for (state, number) in day["states"].as_object().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let key = (
                    text(&provider["provider"]),
                    text(&day["day"]),
                    state.clone(),
                );
                hours.insert(key, number.as_u64().unwrap());
            }
        }
    }
    let since = serde_json::from_value(report["since"].clone()).unwrap();
    (since, hours)
}

async fn hours_of_view(world: &World, since: DateTime<Utc>) -> Hours {
    let rows = world
        .database
        .query(
            "SELECT provider, day::text, state, count(*) FROM api.hours
             WHERE block_start >= $1 GROUP BY 1, 2, 3",
            &[&since],
        )
        .await
        .unwrap();
    let rows = rows.iter().map(|row| {
        let number: i64 = row.get(3);
        ((row.get(0), row.get(1), row.get(2)), number.unsigned_abs())
    });
    rows.collect()
}

/// As Grafana fills in the time range and the provider.
fn filled_in(query: &str) -> String {
    let mut query = query
        .replace("${provider:sqlstring}", "'bird', 'lime'")
        .replace("$__timeFrom()", "now() - interval '35 days'")
        .replace("$__timeTo()", "now()");
    while let Some((before, rest)) = query.split_once("$__timeFilter(") {
        let (column, after) = rest.split_once(')').unwrap();
        query = format!("{before}{column} BETWEEN now() - interval '35 days' AND now(){after}");
    }
    assert!(!query.contains('$'), "{query}");
    query
}

#[tokio::test(flavor = "multi_thread")]
async fn the_views_say_what_the_status_says_and_the_dashboard_reads_them() {
    let world = world().await;
    let refused = Fault::Status {
        status: 401,
        retry_after: None,
    };
    let failing = Hour::containing(Utc::now() - TimeDelta::hours(36));
    world.stack.providers["bird"].fail_hour(failing.start(), refused, Times::Always);
    world.expect(0, &run("bird", &label(40), &label(38))).await;
    world.expect(1, &run("bird", &label(36), &label(34))).await;
    let (since, status) = hours_of_status(&world, 1).await;
    assert!(
        status.keys().any(|(_, _, state)| state == "failed"),
        "{status:?}"
    );
    assert!(
        status.keys().any(|(_, _, state)| state == "missing"),
        "{status:?}"
    );
    assert_eq!(hours_of_view(&world, since).await, status);

    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(DASHBOARD).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let queries = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| &target["rawSql"])
        .chain(
            variables
                .iter()
                .filter(|it| it["type"] == "query")
                .map(|it| &it["query"]),
        );
    let mut count = 0;
    for query in queries {
        let query = filled_in(query.as_str().unwrap());
        let rows = world.database.query(&query, &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        let may_be_empty = query.contains("api.flags");
        assert!(may_be_empty || !rows.is_empty(), "{query}");
        count += 1;
    }
    assert_eq!(count, panels.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_views_expect_the_hours_since_active_from_also_of_a_provider_that_no_run_has_planned() {
    let mut options = options(&["bird", "lime"]);
    let start = ("active_from".to_owned(), json!(label(60)));
    options
        .provider_settings
        .extend([start, ("lag_hours".to_owned(), json!(10))]);
    let world = world_of(options).await;
    // An hour before the start, which is asked for by the provider's name.
    world.expect(0, &run("bird", &label(70), &label(69))).await;
    let (since, status) = hours_of_status(&world, 1).await;
    assert!(
        status.keys().any(|(provider, _, _)| provider == "lime"),
        "{status:?}"
    );
    assert_eq!(hours_of_view(&world, since).await, status);
}
