//! `mds status`.

use chrono::{TimeDelta, Utc};
use sandbox_provider::{Fault, Times};
use serde_json::Value;
use trips::block::Hour;
use trips::time::CivilZone;

use crate::support::{World, run, stderr, stdout, world};

/// The label of the hour that ended so many hours ago.
fn label(hours_ago: i64) -> String {
    Hour::containing(Utc::now() - TimeDelta::hours(hours_ago + 1)).label(&CivilZone::default())
}

async fn report(world: &World, status: i32, args: &[&str]) -> Value {
    let mut command = vec!["--json", "status"];
    command.extend(args);
    serde_json::from_slice(&world.expect(status, &command).await.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_whole_hours_from_those_that_are_missing_or_failed() {
    let world = world().await;
    let nothing = report(&world, 0, &[]).await;
    assert_eq!(nothing["providers"][0]["hours"], 0, "nothing has begun");

    // The default lag is 30 hours. Three hours of bird are pulled, of which one fails, and the one
    // between is left out.
    let refused = Fault::Status {
        status: 401,
        retry_after: None,
    };
    let failing = Hour::containing(Utc::now() - TimeDelta::hours(35));
    world.stack.providers["bird"].fail_hour(failing.start(), refused, Times::Always);
    world.expect(0, &run("bird", &label(38), &label(36))).await;
    world.expect(1, &run("bird", &label(35), &label(34))).await;

    let found = report(&world, 1, &[]).await;
    assert_eq!(found["needs_a_person"], true);
    let (bird, lime) = (&found["providers"][0], &found["providers"][1]);
    assert_eq!(lime["hours"], 0);
    assert_eq!(bird["states"]["failed"], 1);
    let whole = &bird["states"];
    let complete = whole["whole"].as_u64().unwrap_or(0) + whole["empty"].as_u64().unwrap_or(0);
    assert_eq!(complete, 2, "{bird}");
    // From the hour between to those that no run has planned.
    assert!(whole["missing"].as_u64().unwrap() >= 3, "{bird}");
    let problems = bird["problems"].as_array().unwrap();
    assert_eq!(problems[0]["error_name"], "ProviderRejected");
    assert_eq!(problems[0]["first"], label(34));
    let command = problems[0]["command"].as_str().unwrap();
    let args: Vec<&str> = command.split_whitespace().skip(1).collect();

    // The command that it prints repairs the hour.
    world.stack.providers["bird"].clear_faults();
    world.expect(0, &args).await;
    let mended = report(&world, 0, &["--provider", "bird,bird"]).await;
    assert_eq!(mended["providers"].as_array().unwrap().len(), 1);
    assert_eq!(mended["providers"][0]["states"]["failed"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_a_table_or_a_page_that_needs_nothing_from_elsewhere() {
    let world = world().await;
    world.expect(0, &run("all", &label(40), &label(38))).await;
    let text = stdout(&world.expect(0, &["status"]).await);
    for word in [
        "bird",
        "lime",
        "missing",
        "whole",
        "mds run --provider bird",
        "nothing needs a person",
    ] {
        assert!(text.contains(word), "{text}");
    }
    let page = stdout(&world.expect(0, &["status", "--html", "-"]).await);
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    for other in ["<script", "http://", "https://", "<link", "@import"] {
        assert!(!page.contains(other), "{other}");
    }
    for (args, text) in [
        (&["status", "--provider", "nobody"][..], "nobody"),
        (&["status", "--since", "2049-01-01"], "future"),
        (&["status", "--since", "soon"], "soon"),
        (
            &["--json", "status", "--html", "x.html"],
            "exclude each other",
        ),
    ] {
        let output = world.expect(2, args).await;
        assert!(stderr(&output).contains(text), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}
