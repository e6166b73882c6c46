//! `mds report trips`.

use serde_json::Value;

use crate::support::{ONE_HOUR, World, run, stderr, stdout, with, world};

async fn report(world: &World, args: &[&str]) -> Value {
    let args = with(&["--json", "report", "trips", "--month", "2020-01"], args);
    serde_json::from_slice(&world.expect(0, &args).await.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trip_report_counts_a_month_and_what_has_changed_since_the_last_one() {
    let world = world().await;
    world
        .expect(
            0,
            &with(
                &run("all", "2020-01-15-12", "2020-01-15-14"),
                &["--no-sync-socrata"],
            ),
        )
        .await;
    let first = report(&world, &[]).await;
    assert_eq!(first["hours"], 744);
    assert_eq!(first["compared_with"], Value::Null);
    let names: Vec<_> = first["providers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["provider"])
        .collect();
    assert_eq!(names, ["bird", "lime"]);
    let count = "SELECT count(*) FROM api.trips t JOIN api.schedule s USING (schedule_id)
                 JOIN api.providers p ON p.provider_id = s.provider_id WHERE p.provider_name = 'bird'";
    let bird = &first["providers"][0];
    assert_eq!(bird["trips"], world.number(count).await);
    assert_eq!(bird["hours_loaded"], 2);
    let counted = format!(
        "{count} AND trip_distance BETWEEN 161 AND 804672 AND trip_duration <= 86400 AND NOT 'not_a_rider_trip' = ANY (flags)"
    );
    assert_eq!(bird["trips_after_filters"], world.number(&counted).await);
    let all = world.number("SELECT count(*) FROM api.trips").await;
    assert_eq!(first["total"]["trips"], all);
    let looser = report(
        &world,
        &[
            "--no-record",
            "--min-miles",
            "0",
            "--max-miles",
            "1e9",
            "--max-hours",
            "1e9",
            "--all-purposes",
        ],
    )
    .await;
    let not_negative = world
        .number("SELECT count(*) FROM api.trips WHERE trip_distance >= 0")
        .await;
    assert_eq!(looser["total"]["trips_after_filters"], not_negative);

    // One trip is withdrawn, and one is corrected.
    world
        .database
        .batch_execute(
            "UPDATE api.trips SET withdrawn_at = now(), modified_date = now() WHERE id = (SELECT min(id::text)::uuid FROM api.trips);
             UPDATE api.trips SET trip_distance = 2000, modified_date = now() WHERE id = (SELECT max(id::text)::uuid FROM api.trips)",
        )
        .await
        .unwrap();
    let second = report(&world, &[]).await;
    assert_eq!(second["compared_with"], first["made_at"]);
    let since = |member: &str| -> i64 {
        let providers = second["providers"].as_array().unwrap();
        providers
            .iter()
            .map(|it| it["since"][member].as_i64().unwrap())
            .sum()
    };
    assert_eq!(
        (
            since("arrived_or_corrected"),
            since("withdrawn"),
            since("trips")
        ),
        (1, 1, -1)
    );
    assert_eq!(second["total"]["withdrawn"], 1);
    let third = report(&world, &[]).await;
    assert_eq!(third["compared_with"], second["made_at"]);
    let fourth = report(&world, &[]).await;
    assert_eq!(
        fourth["compared_with"], second["made_at"],
        "nothing new was recorded"
    );
    let before_all = report(&world, &["--since", "2020-02-01"]).await;
    assert_eq!(before_all["compared_with"], Value::Null);
    assert_eq!(before_all["providers"][0]["since"], Value::Null);
    let args = [
        "report",
        "trips",
        "--month",
        "2020-01",
        "--since",
        "2020-02-01",
    ];
    let text = stdout(&world.expect(0, &args).await);
    assert!(
        text.contains("No report of this month was made before 2020-02-01"),
        "{text}"
    );
    let since_the_first = report(&world, &["--since", first["made_at"].as_str().unwrap()]).await;
    assert_eq!(since_the_first["compared_with"], first["made_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trip_report_is_a_table_lines_of_csv_or_a_page() {
    let world = world().await;
    world
        .expect(0, &with(&ONE_HOUR, &["--no-sync-socrata"]))
        .await;
    let report = ["report", "trips", "--month", "2020-01", "--no-record"];
    let table = stdout(&world.expect(0, &report).await);
    for text in [
        "bird",
        "1/396",
        "0.1 to 500 miles",
        "395 of 396 hours are not loaded",
        "Trips that ended in January 2020, civil time of US/Central",
        "no earlier report of this month",
    ] {
        assert!(table.contains(text), "{table}");
    }
    let csv = stdout(&world.expect(0, &with(&report, &["--csv"])).await);
    assert!(
        csv.starts_with("month,provider,vehicle_type,trips,"),
        "{csv}"
    );
    assert!(
        csv.lines()
            .skip(1)
            .all(|line| line.starts_with("2020-01,bird,")),
        "{csv}"
    );

    let mut lines = csv::Reader::from_reader(csv.as_bytes());
    let headings = lines.headers().unwrap().clone();
    let line = lines.records().next().unwrap().unwrap();
    let cell = |name: &str| &line[headings.iter().position(|it| it == name).unwrap()];
    let filters = ["min_miles", "max_miles", "max_hours", "riders_only"].map(cell);
    assert_eq!(filters, ["0.1", "500", "24", "true"]);
    for time in ["received_at", "made_at"] {
        let form = "2020-01-15T18:00:00Z";
        assert_eq!(
            (cell(time).len(), cell(time).ends_with('Z')),
            (form.len(), true),
            "{csv}"
        );
    }

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("march.html");
    let output = world
        .expect(0, &with(&report, &["--html", file.to_str().unwrap()]))
        .await;
    assert_eq!(stdout(&output), "");
    let page = std::fs::read_to_string(file).unwrap();
    assert!(
        page.contains("<h1>Trips of January 2020</h1>") && !page.contains("<script"),
        "{page}"
    );

    for (args, text) in [
        (&["--month", "2020-13"][..], "2020-13"),
        (&["--month", "2049-01"], "has not begun"),
        (
            &["--month", "2020-01", "--min-miles", "600"],
            "no trip would count",
        ),
        (&["--month", "2020-01", "--max-hours=-1"], "max-hours"),
        (&["--month", "2020-01", "--since", "yesterday"], "yesterday"),
        (
            &["--month", "2020-01", "--csv", "--json"],
            "exclude each other",
        ),
    ] {
        let output = world.expect(2, &with(&["report", "trips"], args)).await;
        assert!(stderr(&output).contains(text), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
    let empty = with(&["--json", "report", "trips", "--month"], &["2019-01"]);
    let output = world.expect(2, &empty).await;
    assert!(stderr(&output).contains("2019-01"), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trip_report_has_the_vehicle_types_of_mds_and_no_words_of_a_provider() {
    let world = world().await;
    world
        .expect(0, &with(&ONE_HOUR, &["--no-sync-socrata"]))
        .await;
    // A title for the terminal, a formula, a person and a place, and another spelling.
    world
        .database
        .batch_execute(
            "UPDATE api.trips t SET vehicle_type = sent.word
             FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM api.trips) AS numbered
             JOIN (VALUES (1, E'\\x1b]0;owned\\x07\\x1b[31mred'), (2, '=cmd|'' /C calc''!A0'), (3, repeat('x', 5000)),
                          (4, '30.26721,-97.74306 J. Doe'), (5, 'Moped')) AS sent (n, word) USING (n)
             WHERE numbered.id = t.id",
        )
        .await
        .unwrap();
    let document = report(&world, &["--no-record"]).await;
    let types = document["providers"][0]["vehicle_types"]
        .as_array()
        .unwrap();
    let named = |name: &str| types.iter().find(|it| it["vehicle_type"] == name);
    assert_eq!(named("other").unwrap()["trips"], 4, "{document}");
    assert_eq!(named("moped").unwrap()["trips"], 1, "{document}");
    for form in [&[][..], &["--csv"], &["--html"], &["--json"]] {
        let args = with(
            &["report", "trips", "--month", "2020-01", "--no-record"],
            form,
        );
        let text = stdout(&world.expect(0, &args).await);
        for sent in [
            "\u{1b}", "owned", "=cmd", "xxxx", "30.26721", "Doe", "Moped",
        ] {
            assert!(!text.contains(sent), "{sent} is in {form:?}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_whose_trips_were_all_rejected_does_not_count_as_loaded() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(report(&world, &[]).await["providers"][0]["hours_loaded"], 1);
    let reject = "UPDATE api.schedule SET status_id = -6";
    world.database.batch_execute(reject).await.unwrap();
    assert_eq!(report(&world, &[]).await["providers"][0]["hours_loaded"], 0);
    let empty = "UPDATE api.schedule SET status_id = 7";
    world.database.batch_execute(empty).await.unwrap();
    assert_eq!(report(&world, &[]).await["providers"][0]["hours_loaded"], 1);
}

/// An invoice is made from the report: it must not look complete once the provider is disabled.
#[tokio::test(flavor = "multi_thread")]
async fn hours_that_were_never_requested_are_missing_for_a_disabled_provider_too() {
    let world = world().await;
    world
        .expect(0, &run("all", "2020-01-15-12", "2020-01-15-14"))
        .await;
    let text = ["report", "trips", "--month", "2020-01", "--no-record"];
    let all_forms = async || {
        let mut said = Vec::new();
        for form in [&[][..], &["--html", "-"]] {
            said.push(stdout(&world.expect(0, &with(&text, form)).await));
        }
        said
    };
    let first = "its first hour is 2020-01-15-13, the month has 744 hours";
    for said in all_forms().await {
        assert!(said.contains(first), "{said}");
        assert!(!said.contains("is disabled"), "{said}");
    }
    for is_removed in [false, true] {
        world
            .edit_providers(|file| {
                if is_removed {
                    file.as_object_mut().unwrap().remove("bird");
                } else {
                    file["bird"]["enabled"] = false.into();
                }
            })
            .await;
        // The database hears of it from a plan.
        world
            .expect(0, &run("all", "2020-01-15-12", "2020-01-15-14"))
            .await;
        let found = report(&world, &["--no-record"]).await;
        let bird = &found["providers"][0];
        let hours = ["hours_loaded", "hours_due", "hours_never_requested"];
        assert_eq!(hours.map(|it| bird[it].as_u64().unwrap()), [2, 396, 394]);
        assert_eq!(bird["enabled"], false);
        for said in all_forms().await {
            assert!(said.contains("is disabled"), "{said}");
            let never = "394 of 396 hours of the month were never requested";
            assert!(said.contains(never), "{said}");
        }
        let csv = stdout(&world.expect(0, &with(&text, &["--csv", "-"])).await);
        let of_bird = csv.lines().filter(|line| line.starts_with("2020-01,bird,"));
        assert!(of_bird.clone().count() > 0, "{csv}");
        assert!(
            of_bird.into_iter().all(|line| line.ends_with(",396")),
            "{csv}"
        );
    }
    // Hours that were planned and failed are told as ever; one that has begun earlier says so.
    let failed = "UPDATE api.schedule SET status_id = -2 WHERE block_start = '2020-01-15T19:00Z';
                  UPDATE api.providers SET active_from = '2019-01-01Z'";
    world.database.batch_execute(failed).await.unwrap();
    for said in all_forms().await {
        assert!(said.contains("1 of 744 hours are not loaded"), "{said}");
        assert!(!said.contains("its first hour"), "{said}");
    }
}

/// As `mds status` counts them: an hour before the provider's start is not missing.
#[tokio::test(flavor = "multi_thread")]
async fn only_hours_that_are_due_count_as_missing() {
    let world = world().await;
    let two_hours = run("all", "2020-01-15-12", "2020-01-15-14");
    world.expect(0, &two_hours).await;
    let hours = async || {
        let report = report(&world, &["--no-record"]).await;
        let bird = &report["providers"][0];
        (bird["hours_loaded"].clone(), bird["hours_due"].clone())
    };
    // From noon on the 15th: half a day and sixteen whole ones.
    assert_eq!(hours().await, (2.into(), 396.into()));
    let text = ["report", "trips", "--month", "2020-01", "--no-record"];
    let said = stdout(&world.expect(0, &text).await);
    assert!(said.contains("2/396"), "{said}");
    let missing = "bird: 394 of 396 hours are not loaded, so trips are missing";
    assert!(said.contains(missing), "{said}");

    // The provider's lag is so long that of the rest nothing is due.
    let lag = "UPDATE api.providers SET lag_hours = (extract(epoch FROM now() - '2020-01-15T20:00:00Z') / 3600)::int";
    world.database.batch_execute(lag).await.unwrap();
    assert_eq!(hours().await, (2.into(), 2.into()));
    for form in [&["--html", "-"][..], &["--csv", "-"], &[]] {
        let said = stdout(&world.expect(0, &with(&text, form)).await);
        assert!(!said.contains("trips are missing"), "{said}");
    }
}
