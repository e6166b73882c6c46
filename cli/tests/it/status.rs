//! `mds status`.

use chrono::{DateTime, TimeDelta, Utc};
use sandbox_provider::{Fault, Rates, Times};
use serde_json::Value;
use trips::block::Hour;
use trips::time::CivilZone;

use crate::support::{World, options, run, stderr, stdout, with, world, world_of};

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
    assert_eq!(lime["problems"].as_array().unwrap().len(), 1, "{lime}");
    assert_eq!(bird["states"]["failed"], 1);
    let whole = &bird["states"];
    let complete = whole["whole"].as_u64().unwrap_or(0) + whole["empty"].as_u64().unwrap_or(0);
    assert_eq!(complete, 2, "{bird}");
    // From the hour between to those that no run has planned.
    assert!(whole["missing"].as_u64().unwrap() >= 3, "{bird}");
    let problems = bird["problems"].as_array().unwrap();
    assert_eq!(problems[0]["error_name"], "ProviderRejected");
    assert_eq!(problems[0]["first"], label(34));
    assert_eq!(bird["portal"], Value::Null, "nothing has been audited");
    let since = bird["hours_since_newest"].as_u64().unwrap();
    assert_eq!(since, 36, "the hours after that failed or are missing");
    let command = problems[0]["command"].as_str().unwrap();
    let args: Vec<&str> = command.split_whitespace().skip(1).collect();

    // The command that it prints repairs the hour.
    world.stack.providers["bird"].clear_faults();
    world.expect(0, &args).await;
    let mended = report(&world, 0, &["--provider", "bird,bird"]).await;
    assert_eq!(mended["providers"].as_array().unwrap().len(), 1);
    assert_eq!(mended["providers"][0]["states"]["failed"], Value::Null);
}

/// A sweep has done its 35 days, and the provider began before them.
#[tokio::test(flavor = "multi_thread")]
async fn due_hours_from_before_the_report_are_told_with_the_command_that_shows_them() {
    let mut options = options(&["bird"]);
    let settings = &mut options.provider_settings;
    settings.insert("active_from".to_owned(), Value::from(label(1200)));
    let world = world_of(options).await;
    let before = report(&world, 1, &[]).await;
    assert_eq!(before["providers"][0]["hours_behind"], 1170, "{before}");
    world.expect(0, &run("bird", &label(31), &label(30))).await;
    let since = before["since"].as_str().unwrap();
    let whole_since = async |first: &str| {
        let rows = format!(
            "INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour, status_id)
             SELECT provider_id, h, h + interval '1 hour', h::date, 2020, 1, 1, 0, 8
             FROM api.providers, generate_series(timestamptz '{first}', now() - interval '30 hours', interval '1 hour') h
             ON CONFLICT DO NOTHING"
        );
        world.database.batch_execute(&rows).await.unwrap();
    };
    whole_since(since).await;

    let found = report(&world, 1, &[]).await;
    let bird = &found["providers"][0];
    assert_eq!(bird["problems"], Value::Array(Vec::new()), "{bird}");
    assert_eq!(bird["hours_behind"], 1170, "{bird}");
    let first = Hour::containing(Utc::now() - TimeDelta::hours(1200));
    let begins: DateTime<Utc> = since.parse().unwrap();
    let older = &bird["older"];
    let hours = (begins - first.start()).num_hours();
    assert_eq!(older["hours"], hours, "{older}");
    assert_eq!(older["first"], label(1199));
    let last = Hour::containing(begins).previous();
    assert_eq!(older["last"], last.label(&CivilZone::default()));
    assert_eq!(older["needs_a_person"], true);
    let command = older["command"].as_str().unwrap();
    let text = stdout(&world.expect(1, &["status"]).await);
    let line = format!("! bird {} to ", label(1199));
    for part in [&line, &format!("{hours} hours are not whole"), command] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("every hour that is due is whole"), "{text}");
    let page = stdout(&world.expect(1, &["status", "--html", "-"]).await);
    assert!(page.contains("Something needs a person"), "{page}");
    assert!(page.contains("from before this report"), "{page}");

    // The command that it prints shows them.
    let args: Vec<&str> = command.split_whitespace().skip(2).collect();
    let shown = report(&world, 1, &args).await;
    let shown = &shown["providers"][0];
    assert_eq!(shown["states"]["missing"], hours, "{shown}");
    assert_eq!(shown["older"], Value::Null);
    assert_eq!(shown["hours_behind"], bird["hours_behind"]);

    whole_since(&first.start().to_rfc3339()).await;
    let text = stdout(&world.expect(0, &["status"]).await);
    let day = CivilZone::default().civil(begins).date();
    let whole = format!("since {day}: every hour that is due is whole");
    assert!(text.contains(&whole), "{text}");
}

const NEVER_PLANNED: &str = "no hour was ever planned";

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_of_which_no_hour_was_ever_planned_needs_a_person() {
    let world = world().await;
    let nothing = report(&world, 1, &[]).await;
    assert_eq!(nothing["needs_a_person"], true);
    let lime = &nothing["providers"][1];
    assert_eq!(lime["hours"], 0, "{lime}");
    let problem = &lime["problems"][0];
    assert_eq!(problem["message"], NEVER_PLANNED, "{problem}");
    assert_eq!(problem["first"], label(30), "{problem}");
    assert_eq!(problem["last"], label(30), "{problem}");
    assert_eq!(problem["command"], "mds run --provider lime --scheduled");
    let text = stdout(&world.expect(1, &["status"]).await);
    assert!(text.contains(NEVER_PLANNED), "{text}");
    assert!(!text.contains("every hour that is due is whole"), "{text}");
    let page = stdout(&world.expect(1, &["status", "--html", "-"]).await);
    assert!(page.contains(NEVER_PLANNED), "{page}");
    assert!(!page.contains("Nothing needs a person"), "{page}");

    // The command that it prints begins with the provider.
    let command = problem["command"].as_str().unwrap();
    let args: Vec<&str> = command.split_whitespace().skip(1).collect();
    world.expect(0, &args).await;
    let begun = report(&world, 0, &["--provider", "lime"]).await;
    assert_eq!(begun["providers"][0]["hours"], 1);
    let since = label(1);
    let later = report(&world, 0, &["--provider", "lime", "--since", &since]).await;
    assert_eq!(later["providers"][0]["hours"], 0, "planned, but before");
    report(&world, 1, &["--provider", "bird"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_cannot_be_used_needs_a_person_and_its_hours_stay_in_the_report() {
    let world = world().await;
    world.expect(0, &run("all", &label(33), &label(30))).await;
    let before = report(&world, 0, &["--since", &label(33)]).await;
    assert_eq!(before["unusable_entries"], Value::Array(Vec::new()));
    world
        .edit_providers(|file| file["bird"]["version"] = "9.9".into())
        .await;

    // The other one goes on, and the run names the one that it leaves out.
    let (from, to) = (label(34), label(33));
    let others = run("all", &from, &to);
    for flags in [&["--no-logs", "--dry-run"][..], &["--no-logs"]] {
        let told = stderr(&world.expect(0, &with(&others, flags)).await);
        let line = "left out: bird, whose entry in config/providers_staging.json cannot be used: ";
        assert!(told.contains(line), "{told}");
    }
    let summary = world.expect(0, &with(&others, &["--json"])).await;
    let summary: Value = serde_json::from_str(&stdout(&summary)).unwrap();
    assert_eq!(summary["unusable_entries"][0]["name"], "bird", "{summary}");
    let after = report(&world, 1, &["--since", &label(33)]).await;
    assert_eq!(after["needs_a_person"], true);
    let entry = &after["unusable_entries"][0];
    assert_eq!(entry["name"], "bird", "{entry}");
    assert!(
        entry["why"].as_str().unwrap().contains("bird.version"),
        "{entry}"
    );
    assert_eq!(entry["file"], "config/providers_staging.json");
    let names: Vec<_> = after["providers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["provider"])
        .collect();
    assert_eq!(names, ["bird", "lime"]);
    assert_eq!(
        after["providers"][0]["hours"],
        before["providers"][0]["hours"]
    );
    assert_eq!(after["providers"][0]["enabled"], true);
    let text = stdout(&world.expect(1, &["status"]).await);
    assert!(text.contains("! bird: its entry cannot be used"), "{text}");
    assert!(!text.contains("every hour that is due is whole"), "{text}");
    let page = stdout(&world.expect(1, &["status", "--html", "-"]).await);
    assert!(page.contains("its entry cannot be used"), "{page}");
    assert!(!page.contains("Nothing needs a person"), "{page}");
    // A question about the other one is not about it.
    report(&world, 0, &["--provider", "lime", "--since", &label(33)]).await;

    // Whoever has left the city is no problem.
    world
        .edit_providers(|file| file["bird"]["enabled"] = false.into())
        .await;
    let left = report(&world, 0, &["--since", &label(33)]).await;
    assert_eq!(left["providers"].as_array().unwrap().len(), 1, "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_that_failed_before_a_provider_began_are_gone_once_its_start_is_set() {
    let world = world_of(options(&["bird"])).await;
    let refused = Fault::Status {
        status: 401,
        retry_after: None,
    };
    for hours_ago in [40, 39, 38] {
        let start = Hour::containing(Utc::now() - TimeDelta::hours(hours_ago)).start();
        world.stack.providers["bird"].fail_hour(start, refused.clone(), Times::Always);
    }
    world.expect(1, &run("bird", &label(40), &label(37))).await;
    world.expect(0, &run("bird", &label(37), &label(30))).await;
    let found = report(&world, 1, &[]).await;
    let bird = &found["providers"][0];
    assert_eq!(
        (&bird["hours"], &bird["hours_behind"]),
        (&10.into(), &10.into()),
        "{bird}"
    );
    assert_eq!(bird["states"]["failed"], 3, "{bird}");

    world
        .edit_providers(|file| file["bird"]["active_from"] = label(37).into())
        .await;
    let found = report(&world, 0, &[]).await;
    let bird = &found["providers"][0];
    assert_eq!(
        (&bird["hours"], &bird["hours_behind"]),
        (&7.into(), &0.into()),
        "{bird}"
    );
    assert_eq!(bird["problems"], Value::Array(Vec::new()), "{bird}");
    let page = stdout(&world.expect(0, &["status", "--html", "-"]).await);
    assert!(!page.contains("ProviderRejected"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_whose_first_hour_is_not_due_needs_nobody() {
    let mut options = options(&["bird"]);
    let settings = &mut options.provider_settings;
    settings.insert("active_from".to_owned(), Value::from(label(29)));
    let world = world_of(options).await;
    let nothing = report(&world, 0, &[]).await;
    assert_eq!(nothing["providers"][0]["hours"], 0);
    assert_eq!(
        nothing["providers"][0]["problems"],
        Value::Array(Vec::new())
    );
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
        "good hour",
    ] {
        assert!(text.contains(word), "{text}");
    }
    let table = text.lines().filter(|line| !line.contains("mds run"));
    let widest = table.map(|line| line.chars().count()).max();
    assert!(widest.unwrap() <= 100, "{text}");
    let page = stdout(&world.expect(0, &["status", "--html", "-"]).await);
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    for other in ["<script", "http://", "https://", "<link", "@import"] {
        assert!(!page.contains(other), "{other}");
    }
    // The same page in the bucket, as plain HTML.
    let place = stdout(&world.expect(0, &["status", "--html", "s3"]).await);
    assert!(
        place.trim_end().ends_with("/staging/status.html"),
        "{place}"
    );
    let stored = world.stored();
    let stored = stored
        .iter()
        .find(|(path, _)| path.ends_with("staging/status.html"));
    let stored = String::from_utf8(stored.unwrap().1.clone()).unwrap();
    assert!(stored.starts_with("<!DOCTYPE html>"), "{stored}");
    let vault = world.vault().await;
    let head = vault.head("staging/status.html").await.unwrap().unwrap();
    assert_eq!(
        head.content_type.as_deref(),
        Some("text/html; charset=utf-8")
    );
    let rotated = stdout(&world.expect(0, &["config", "rotate-key"]).await);
    assert!(!rotated.contains("status.html"), "{rotated}");
    assert!(rotated.contains("0 of another kind"), "{rotated}");

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

#[tokio::test(flavor = "multi_thread")]
async fn the_status_knows_what_the_last_audit_found_and_how_to_repair_it() {
    let mut options = options(&["bird", "lime"]);
    for provider in options.providers.values_mut() {
        provider.rates = Rates::none();
    }
    let world = world_of(options).await;
    world.expect(0, &run("all", &label(40), &label(38))).await;
    let lost = world.text("SELECT id::text FROM api.trips t JOIN api.providers p ON p.mds_provider_id = t.provider_id
                           WHERE p.provider_name = 'bird' LIMIT 1").await;
    world.stack.portal.lose_row(&lost).unwrap();
    let (first, end) = (label(40), label(38));
    let range = ["--time-min", &first, "--time-max", &end];
    let audit: Vec<&str> = ["audit"].into_iter().chain(range).collect();
    // A dry run writes nothing.
    let dry: Vec<&str> = ["run", "--provider", "all", "--audit", "--dry-run"]
        .into_iter()
        .chain(range)
        .collect();
    world.expect(0, &dry).await;
    assert_eq!(world.number("SELECT count(*) FROM api.audits").await, 0);
    world.expect(1, &audit).await;

    let found = report(&world, 0, &[]).await;
    let (bird, lime) = (&found["providers"][0], &found["providers"][1]);
    assert_eq!(bird["portal"]["missing"], 1, "{bird}");
    assert_eq!(bird["portal"]["repair_run"], Value::Null);
    assert_eq!(lime["portal"]["missing"], 0, "{lime}");
    assert_eq!(found["portal_only"]["extra"], 0);
    let text = stdout(&world.expect(0, &["status"]).await);
    let command = bird["portal"]["command"].as_str().unwrap();
    assert!(text.contains(command), "{text}");
    assert!(text.contains("1 row that the portal lacks"), "{text}");
    let page = stdout(&world.expect(0, &["status", "--html", "-"]).await);
    assert!(page.contains("The portal differs"), "{page}");

    // The command that it prints repairs the portal, and tells so.
    let command: Vec<&str> = command.split_whitespace().skip(1).collect();
    world.expect(0, &command).await;
    let mended = report(&world, 0, &[]).await;
    assert_eq!(mended["providers"][0]["portal"]["missing"], 0);
}

/// As a move from the Python tool can leave them.
#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_block_need_a_person_since_no_audit_publishes_them() {
    let world = world().await;
    let (first, end) = (label(40), label(38));
    world.expect(0, &run("all", &first, &end)).await;
    world.expect(0, &["status"]).await;
    let lost = world.text("SELECT min(id::text) FROM api.trips").await;
    let orphan = format!("UPDATE api.trips SET schedule_id = NULL WHERE id = '{lost}'");
    world.database.batch_execute(&orphan).await.unwrap();
    world.stack.portal.lose_row(&lost).unwrap();
    let audit = [
        "audit",
        "--time-min",
        &first,
        "--time-max",
        &end,
        "--repair",
    ];
    let audited = stdout(&world.expect(1, &audit).await);
    let way_out = "docs/MIGRATING.md, \"Trips without a block\"";
    assert!(audited.contains(way_out), "{audited}");

    let found = report(&world, 1, &[]).await;
    assert_eq!(found["needs_a_person"], true);
    assert_eq!(found["portal_only"]["needs_a_person"], true);
    let text = stdout(&world.expect(1, &["status"]).await);
    let command = format!("mds run --provider all --time-min {first} --time-max {end}");
    for part in [
        "! no provider: the audit of",
        "1 row has no block",
        way_out,
        &command,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("the nightly audit publishes"), "{text}");
    let page = stdout(&world.expect(1, &["status", "--html", "-"]).await);
    assert!(page.contains("Something needs a person"), "{page}");
    assert!(page.contains("1 row has no block"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_enabled_provider_there_is_no_status() {
    let world = world().await;
    world
        .edit_providers(|providers| {
            for entry in providers.as_object_mut().unwrap().values_mut() {
                entry["enabled"] = Value::Bool(false);
            }
        })
        .await;
    let output = world.expect(2, &["status"]).await;
    assert!(
        stderr(&output).contains("no provider is enabled"),
        "{}",
        stderr(&output)
    );
    world.expect(0, &["status", "--provider", "bird"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_only_read_sees_the_same_status() {
    let world = world().await;
    world.expect(0, &run("bird", &label(38), &label(36))).await;
    let expected = report(&world, 0, &["--provider", "bird"]).await;
    let role = format!("reader_{}", std::process::id());
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA api TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA api TO {role}"
    );
    world.database.batch_execute(&grants).await.unwrap();
    let (_, server) = world.stack.database_url.split_once('@').unwrap();
    let url = format!("postgresql://{role}:p@{server}");
    let settings = |it: &mut Value| it["DATABASE_URL"] = Value::from(url.as_str());
    world.edit_settings(settings).await;

    let read_only = format!("ALTER ROLE {role} SET default_transaction_read_only = on");
    for more in ["SELECT 1", &read_only] {
        world.database.batch_execute(more).await.unwrap();
        let found = report(&world, 0, &["--provider", "bird"]).await;
        assert_eq!(found["providers"], expected["providers"]);
        let text = stdout(&world.expect(0, &["status", "--provider", "bird"]).await);
        assert!(text.contains("bird"), "{text}");
    }
    // A run needs more, and says so.
    let refused = world.expect(2, &run("bird", &label(38), &label(36))).await;
    assert!(stderr(&refused).contains("read-only"));
}

/// As in a database that was taken over before names were checked.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_with_an_odd_name_hides_no_other() {
    let world = world().await;
    let hour = run("bird", "2020-01-15-12", "2020-01-15-13");
    world.expect(0, &hour).await;
    let month = ["report", "trips", "--month", "2020-01", "--no-record"];
    let whole = stdout(&world.expect(0, &month).await);
    let odd = "INSERT INTO api.providers (provider_name) VALUES ('Lime Scooters');
               UPDATE api.schedule SET provider_id = p.provider_id FROM api.providers p
               WHERE p.provider_name = 'Lime Scooters' AND block_start = '2020-01-15T19:00Z';
               INSERT INTO api.audits (provider_name, audited_at, time_min, time_max, database_rows, missing, different,
                                       waiting, extra)
               VALUES ('Lime Scooters', now(), now() - interval '1 hour', now(), 1, 0, 0, 0, 0)";
    let later = run("bird", "2020-01-15-13", "2020-01-15-14");
    world.expect(0, &later).await;
    world.database.batch_execute(odd).await.unwrap();
    let remedy = "UPDATE api.providers SET provider_name = 'short_name' WHERE provider_name = 'Lime Scooters'";

    let output = world.expect(1, &month).await;
    assert!(whole.contains("bird") && stdout(&output).contains("bird"));
    assert!(stderr(&output).contains(remedy), "{}", stderr(&output));
    let since = ["status", "--provider", "bird", "--since", "2020-01-15"];
    let text = stdout(&world.expect(1, &since).await);
    assert!(text.contains("bird") && text.contains(remedy), "{text}");
    let found = report(&world, 1, &["--provider", "bird"]).await;
    let named = found["odd_providers"][0].as_str().unwrap();
    assert!(named.contains(remedy), "{named}");
    assert_eq!(found["providers"][0]["provider"], "bird");
    let page = stdout(&world.expect(1, &with(&since, &["--html", "-"])).await);
    assert!(page.contains("Lime Scooters"), "{page}");
    // The others are planned and loaded as ever.
    world.expect(0, &with(&hour, &["--force"])).await;

    world
        .database
        .batch_execute("DELETE FROM api.audits")
        .await
        .unwrap();
    let renamed =
        "UPDATE api.providers SET provider_name = 'spin' WHERE provider_name = 'Lime Scooters'";
    world.database.batch_execute(renamed).await.unwrap();
    world.expect(0, &month).await;
}
