//! The function's binary on a Lambda Runtime API, with real services.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{TimeDelta, Utc};
use local_stack::{LocalStack, StackOptions};
use sandbox_lambda::{FunctionProcess, InvokeError};
use sandbox_provider::ProviderOptions;
use serde_json::{Value, json};
use vault::Seal;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn stack() -> LocalStack {
    let providers = ["bird", "lime"].map(|name| (name.to_owned(), ProviderOptions::default()));
    LocalStack::start(StackOptions::with_providers(BTreeMap::from(providers)))
        .await
        .unwrap()
}

async fn function(stack: &LocalStack) -> FunctionProcess {
    stack
        .function(env!("CARGO_BIN_EXE_plan-blocks"))
        .await
        .unwrap()
}

fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("events")
        .join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn error_of(error: InvokeError) -> sandbox_lambda::FunctionError {
    match error {
        InvokeError::Function(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_event_makes_the_plan_that_it_speaks_of() {
    let stack = stack().await;
    let function = function(&stack).await;
    for (name, blocks) in [
        ("hour.json", 1),
        ("dry-run.json", 24),
        ("backfill.json", 2 * (31 * 24 - 1)),
        // Nothing is archived yet, so there is nothing to load, and nothing differs from the
        // portal.
        ("some-providers.json", 12),
        ("scheduled-hourly.json", 2),
        // The two providers are new, so the sweep begins with two days.
        ("scheduled-sweep.json", 2 * 48),
        ("scheduled-audit.json", 0),
        ("execution.json", 1),
    ] {
        let plan = function.invoke(&sample(name)).await.unwrap();
        assert_eq!(plan["block_count"], blocks, "{name}: {plan}");
        assert_eq!(plan["manifest"].is_null(), name == "dry-run.json", "{name}");
        assert!(plan.to_string().len() < 8 * 1024, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_execution_is_the_same_run() {
    let stack = stack().await;
    let function = function(&stack).await;
    let event = sample("execution.json");
    let first = function.invoke(&event).await.unwrap();
    let again = function.invoke(&event).await.unwrap();
    assert_eq!(first, again);
    let mut changed = event.clone();
    changed["force"] = json!(true);
    let error = error_of(function.invoke(&changed).await.unwrap_err());
    assert_eq!(error.error_type, "InvalidInput");
    assert!(error.error_message.contains("another request"), "{error:?}");
    let mut other = event;
    other["execution"] = json!("arn:aws:states:us-east-1:123456789012:execution:mds-etl:another");
    let other = function.invoke(&other).await.unwrap();
    assert_ne!(first["run_id"], other["run_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_summed_up_and_fails_by_its_name() {
    let stack = stack().await;
    let function = function(&stack).await;

    let unknown = function.invoke(&sample("summarize.json")).await;
    assert_eq!(error_of(unknown.unwrap_err()).error_type, "InvalidInput");

    let plan = function.invoke(&sample("hour.json")).await.unwrap();
    let summarize = json!({"summarize": {"run_id": plan["run_id"]}});
    let error = error_of(function.invoke(&summarize).await.unwrap_err());
    assert_eq!(error.error_type, "RunHadFailures");
    assert!(error.error_message.contains("1 did not end"), "{error:?}");
    let way_out = "a redrive of this one only counts its blocks again";
    assert!(error.error_message.ends_with(way_out), "{error:?}");

    let nothing = json!({"provider": "bird", "time_max": "2020-01-15-13", "no_extract": true});
    let plan = function.invoke(&nothing).await.unwrap();
    let summarize = json!({"summarize": {"run_id": plan["run_id"]}});
    let summary = function.invoke(&summarize).await.unwrap();
    assert_eq!(summary["planned"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_request_names_what_is_wrong() {
    let stack = stack().await;
    let function = function(&stack).await;
    for (event, word) in [
        (
            json!({"provider": "bird", "time_max": "2020-01-15-13", "forced": true}),
            "forced",
        ),
        (
            json!({"provider": "brid", "time_max": "2020-01-15-13"}),
            "brid",
        ),
        (
            json!({"provider": "bird", "time_max": "2020-01-15-25"}),
            "25",
        ),
        (
            json!({"provider": "bird", "scheduled_time": "2020-01-16T00:00:00Z", "lag_hours": u32::MAX}),
            "lag_hours",
        ),
        (
            json!({"provider": "bird", "lag_hours": 30, "interval": 2}),
            "lag_hours counts back from scheduled_time",
        ),
        (
            json!({"provider": "bird", "scheduled_time": "-262143-01-01T00:00:00Z"}),
            "scheduled_time",
        ),
        (json!({"provider": "bird", "execution": ""}), "execution"),
        (json!({"summarize": {"run": 1}}), "summarize"),
        (json!([]), "plan request"),
    ] {
        let error = error_of(function.invoke(&event).await.unwrap_err());
        assert_eq!(error.error_type, "InvalidInput");
        assert!(error.error_message.contains(word), "{error:?}");
    }
}

/// The night's sweep over five weeks, a number of days after the 16th.
fn sweep(days: u32) -> Value {
    let mut event = sample("scheduled-sweep.json");
    event["scheduled_time"] = json!(format!("2020-01-{}T08:00:00Z", 16 + days));
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_takes_a_provider_from_its_first_planned_hour_on() {
    let stack = stack().await;
    let function = function(&stack).await;
    let first = function.invoke(&sweep(0)).await.unwrap();
    assert_eq!(first["block_count"], 2 * 48);
    assert_eq!(first["before_start"], 2 * (840 - 48));
    // What no run has planned since then is found, and nothing before it.
    let next = function.invoke(&sweep(3)).await.unwrap();
    assert_eq!(next["block_count"], 2 * (48 + 3 * 24));

    // An hour of years ago that somebody asks for makes the provider an old one.
    let old = json!({"provider": "bird", "time_max": "2018-01-01-00"});
    function.invoke(&old).await.unwrap();
    let both = function.invoke(&sweep(3)).await.unwrap();
    assert_eq!(both["block_count"], 840 + 48 + 3 * 24);
    assert_eq!(both["before_start"], 840 - 48 - 3 * 24);

    // Whoever names a provider, or asks for a range, gets all of it.
    let mut named = sweep(3);
    named["provider"] = json!("lime");
    let named = function.invoke(&named).await.unwrap();
    assert_eq!(
        (&named["block_count"], &named["before_start"]),
        (&json!(840), &json!(0))
    );
    let range = json!({"provider": "all", "time_max": "2020-01-18-00", "interval": 840});
    let range = function.invoke(&range).await.unwrap();
    assert_eq!(range["block_count"], 2 * 840);
}

#[tokio::test(flavor = "multi_thread")]
async fn active_from_says_where_every_schedule_begins() {
    let providers = ["bird", "lime"].map(|name| (name.to_owned(), ProviderOptions::default()));
    let stack = LocalStack::start(StackOptions {
        provider_settings: serde_json::Map::from_iter([(
            "active_from".to_owned(),
            // Ten hours before the end of the sweep's range.
            json!("2020-01-14-10"),
        )]),
        ..StackOptions::with_providers(BTreeMap::from(providers))
    })
    .await
    .unwrap();
    let function = function(&stack).await;
    let old = json!({"providers": ["bird", "lime"], "time_max": "2019-12-24-00"});
    assert_eq!(function.invoke(&old).await.unwrap()["block_count"], 2);
    let plan = function.invoke(&sweep(0)).await.unwrap();
    assert_eq!(plan["block_count"], 2 * 10, "{plan}");
    assert_eq!(plan["before_start"], 2 * 830, "{plan}");
    let hourly = json!({"scheduled_time": "2020-01-14T20:17:00Z", "provider": "all"});
    let plan = function.invoke(&hourly).await.unwrap();
    assert_eq!(
        (&plan["block_count"], &plan["before_start"]),
        (&json!(0), &json!(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployment_caps_the_concurrency_and_says_so() {
    let mut stack = stack().await;
    stack
        .env
        .insert("MDS_MAX_CONCURRENCY".to_owned(), "15".to_owned());
    let capped = function(&stack).await;
    let plan = capped.invoke(&sample("backfill.json")).await.unwrap();
    assert_eq!(
        (&plan["max_concurrency"], &plan["max_concurrency_requested"]),
        (&json!(15), &json!(20))
    );
    let plan = capped.invoke(&sample("hour.json")).await.unwrap();
    assert_eq!(plan["max_concurrency"], 10);
    assert!(plan.get("max_concurrency_requested").is_none(), "{plan}");
    for wrong in [0, 10_001, u32::MAX] {
        let event =
            json!({"provider": "bird", "time_max": "2020-01-15-13", "max_concurrency": wrong});
        let error = error_of(capped.invoke(&event).await.unwrap_err());
        assert_eq!(error.error_type, "InvalidInput");
        assert!(error.error_message.contains("max_concurrency"), "{error:?}");
    }

    stack
        .env
        .insert("MDS_MAX_CONCURRENCY".to_owned(), "many".to_owned());
    let wrong = function(&stack).await;
    let error = error_of(wrong.invoke(&sample("hour.json")).await.unwrap_err());
    assert_eq!(error.error_type, "ConfigInvalid");
    assert!(
        error.error_message.contains("MDS_MAX_CONCURRENCY"),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn over_old_tables_a_plan_is_an_error_that_is_retried_until_somebody_migrates() {
    let stack = stack().await;
    let function = function(&stack).await;
    let (database, connection) =
        tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
            .await
            .unwrap();
    tokio::spawn(connection);
    let hide = |from: &str, to: &str| format!("ALTER TABLE api.{from} RENAME TO {to}");
    database
        .batch_execute(&hide("schema_history", "hidden"))
        .await
        .unwrap();
    let error = error_of(function.invoke(&sample("hour.json")).await.unwrap_err());
    assert_eq!(error.error_type, "DatabaseUnavailable");
    assert!(
        error.error_message.contains("run `mds migrate`"),
        "{error:?}"
    );

    database
        .batch_execute(&hide("hidden", "schema_history"))
        .await
        .unwrap();
    let plan = function.invoke(&sample("hour.json")).await.unwrap();
    assert_eq!(plan["block_count"], 1);

    // A step that needs a column which only newer tables have.
    database
        .batch_execute("ALTER TABLE api.runs RENAME COLUMN block_count TO older_name")
        .await
        .unwrap();
    let summarize = json!({"summarize": {"run_id": plan["run_id"]}});
    let error = error_of(function.invoke(&summarize).await.unwrap_err());
    assert_eq!(error.error_type, "DatabaseUnavailable");
    assert!(
        error.error_message.contains("run `mds migrate`"),
        "{error:?}"
    );
}

async fn database(stack: &LocalStack) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

/// The tables of the Python tool, with an hour and its trip, whose times are those of the city. The
/// tool named the company in full.
const OLD_TABLES: &str = "
    DROP SCHEMA api CASCADE;
    CREATE SCHEMA api;
    CREATE TABLE api.providers (provider_id serial PRIMARY KEY, provider_name text NOT NULL);
    CREATE TABLE api.schedule_status (status_id int PRIMARY KEY, description text);
    CREATE TABLE api.schedule (
        schedule_id serial PRIMARY KEY, provider_id int REFERENCES api.providers, date timestamp,
        year int, month int, day int, hour int, status_id int DEFAULT 0, payload text, message text,
        records_processed int, records_total int, payload_trips_count int, records_error_count int,
        error_payload text, rerun_flag boolean, socrata_status text
    );
    CREATE TABLE api.devices (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, device_id text UNIQUE);
    CREATE TABLE api.trips (
        id uuid DEFAULT gen_random_uuid(), provider_id uuid, provider_name text, device_id text, vehicle_id text,
        vehicle_type text, propulsion_type text, trip_id text, trip_duration numeric, trip_distance numeric,
        accuracy numeric, start_time timestamp, end_time timestamp, publication_time timestamp,
        parking_verification_url text, standard_cost numeric DEFAULT 0, actual_cost numeric DEFAULT 0,
        start_latitude numeric, start_longitude numeric, end_latitude numeric, end_longitude numeric,
        council_district_start text, council_district_end text, census_geoid_start text, census_geoid_end text,
        orig_cell_id text, dest_cell_id text, modified_date timestamptz DEFAULT now(),
        CONSTRAINT trips_trip_id_pk PRIMARY KEY (trip_id)
    );
    INSERT INTO api.providers (provider_name) VALUES ('bird');
    INSERT INTO api.schedule (provider_id, date, year, month, day, hour, status_id, payload, records_processed,
                              records_total, payload_trips_count, records_error_count)
    VALUES (1, '2020-01-15 13:00', 2020, 1, 15, 13, 8, 'staging/bird/2020/1/15/12/trips.json', 1, 1, 1, 0);
    INSERT INTO api.devices (device_id) VALUES ('5a0c1b6e-0f0b-4b43-a1a7-7b9a29c0de01');
    INSERT INTO api.trips (provider_id, provider_name, device_id, vehicle_id, vehicle_type, propulsion_type, trip_id,
                           trip_duration, trip_distance, start_time, end_time, start_latitude, start_longitude,
                           end_latitude, end_longitude)
    VALUES ('$PROVIDER', 'Bird Rides Inc.', '5a0c1b6e-0f0b-4b43-a1a7-7b9a29c0de01', 'one', 'scooter', 'electric',
            '0b6d4a52-6f0e-4b0b-8f8f-5b1de42c7a01', 600, 1500, '2020-01-15 12:20', '2020-01-15 12:30', 30.27, -97.74,
            30.28, -97.73);";

#[tokio::test(flavor = "multi_thread")]
async fn an_event_takes_over_the_tables_of_another_tool_as_the_command_does() {
    let stack = stack().await;
    let function = function(&stack).await;
    let database = database(&stack).await;
    let id = stack.providers["bird"].entry()["provider_id"].clone();
    let old = OLD_TABLES.replace("$PROVIDER", id.as_str().unwrap());
    database.batch_execute(&old).await.unwrap();
    let options = json!({"timestamps_in": "US/Central", "hours_are": "ends", "dry_run": true});
    let mut event = json!({"migrate": options});

    let planned = function.invoke(&event).await.unwrap();
    assert_eq!(planned["obstacles"], json!([]), "{planned}");
    assert_eq!(planned["migrations"][0], "V1__tables");
    let tables = planned["tables"].as_array().unwrap();
    assert!(
        tables.iter().any(|it| it["table"] == "api.trips"),
        "{planned}"
    );
    let history = "SELECT to_regclass('api.schema_history')::text";
    let row = database.query_one(history, &[]).await.unwrap();
    assert_eq!(row.get::<_, Option<String>>(0), None);

    event["migrate"]["dry_run"] = json!(false);
    let migrated = function.invoke(&event).await.unwrap();
    assert_eq!(migrated["version"], pipeline::newest_migration());
    assert_eq!(migrated["tables"], planned["tables"]);
    let note = migrated["notes"][0].as_str().unwrap();
    let line = function.json_line(|line| line["migration.note"] == *note);
    assert!(line.await.is_some(), "{migrated}");
    let with_block = "SELECT count(*) FROM api.trips t JOIN api.schedule USING (schedule_id)
                      WHERE t.end_time = '2020-01-15 18:30Z' AND block_start = '2020-01-15 18:00Z'";
    let row = database.query_one(with_block, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_migrated_by_an_event() {
    let stack = stack().await;
    let function = function(&stack).await;
    let current = json!({"applied": [], "version": pipeline::newest_migration()});
    let migrate = sample("migrate.json");
    assert_eq!(function.invoke(&migrate).await.unwrap(), current);

    let database = database(&stack).await;
    database
        .batch_execute("DROP SCHEMA api CASCADE")
        .await
        .unwrap();
    let hour = sample("hour.json");
    let error = error_of(function.invoke(&hour).await.unwrap_err());
    assert_eq!(error.error_type, "DatabaseUnavailable");
    assert!(error.error_message.contains("mds migrate"), "{error:?}");
    let migrated = function.invoke(&migrate).await.unwrap();
    let applied = migrated["applied"].as_array().unwrap();
    assert_eq!(applied.first(), Some(&json!(1)));
    assert_eq!(applied.last(), Some(&migrated["version"]));
    assert_eq!(function.invoke(&migrate).await.unwrap(), current);
    assert_eq!(function.invoke(&hour).await.unwrap()["block_count"], 1);

    for event in [
        json!({"migrate": false}),
        json!({"migrate": 1}),
        json!({"migrate": []}),
        json!({"migrate": {"hours_are": "middles"}}),
        json!({"migrate": {"timestamp_in": "UTC"}}),
        json!({"migrate": true, "provider": "bird"}),
    ] {
        let error = error_of(function.invoke(&event).await.unwrap_err());
        assert_eq!(error.error_type, "InvalidInput");
        assert!(error.error_message.contains("migrate"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_waits_holds_no_connection() {
    let stack = stack().await;
    let function = function(&stack).await;
    function.invoke(&sample("hour.json")).await.unwrap();
    let database = database(&stack).await;
    let mut sessions = 1;
    for _ in 0..200 {
        sessions = database
            .query_one(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'mds-etl'",
                &[],
            )
            .await
            .unwrap()
            .get::<_, i64>(0);
        if sessions == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(sessions, 0);
    function.invoke(&sample("hour.json")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_function_survives_the_rotation_of_its_login() {
    let secrets = MockServer::start().await;
    let role = format!("runtime_{}", std::process::id());
    let hold = async |password: &str| {
        secrets.reset().await;
        let login = json!({"username": role, "password": password}).to_string();
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"SecretString": login})))
            .mount(&secrets)
            .await;
    };
    let mut stack = stack().await;
    stack
        .env
        .insert("AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(), secrets.uri());
    let ctx = stack.context().await.unwrap();
    let key = &ctx.config().env.settings_key;
    let mut settings: Value = ctx.vault().get_json(key).await.unwrap();
    settings["DATABASE_SECRET"] = json!("rds!db");
    let sealed = vault::Seal::Encrypt;
    ctx.vault().put_json(key, &settings, sealed).await.unwrap();
    let database = database(&stack).await;
    let grants = include_str!("../../../infra/grants.sql").replace("mds_runtime", &role);
    database
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'first'; {grants}"
        ))
        .await
        .unwrap();
    hold("first").await;
    let function = function(&stack).await;
    function.invoke(&sample("hour.json")).await.unwrap();
    database
        .batch_execute(&format!("ALTER ROLE {role} PASSWORD 'second'"))
        .await
        .unwrap();
    hold("second").await;
    function.invoke(&sample("hour.json")).await.unwrap();
}

/// The last gauge of a provider, or of the stage, that the function has written.
async fn hours_behind(function: &FunctionProcess, provider: Option<&str>) -> f64 {
    let dimensions = match provider {
        Some(_) => json!([["Stage", "Provider"]]),
        None => json!([["Stage"]]),
    };
    let line = function
        .json_line(|line| {
            line["HoursBehind"].is_number()
                && line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == dimensions
                && line["Provider"].as_str() == provider
        })
        .await;
    line.unwrap()["HoursBehind"].as_f64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_plan_says_how_far_behind_every_provider_is() {
    let stack = stack().await;
    let function = function(&stack).await;
    let ctx = stack.context().await.unwrap();
    let since = |label: &str| {
        let hour = ctx.zone().parse_time(label).unwrap().start();
        let lagging = Utc::now() - TimeDelta::hours(30);
        f64::from(i32::try_from((lagging - hour).num_hours()).unwrap())
    };
    let (client, connection) = tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);

    let dry = json!({"provider": "all", "time_max": "2020-01-15-13", "dry_run": true});
    function.invoke(&dry).await.unwrap();
    let hour = json!({"provider": "bird", "time_max": "2020-01-15-13", "interval": 3});
    function.invoke(&hour).await.unwrap();
    assert_eq!(
        hours_behind(&function, Some("bird")).await,
        since("2020-01-15-10")
    );
    assert_eq!(hours_behind(&function, None).await, since("2020-01-15-10"));
    // A dry run has written none, nor has a provider that was never planned.
    let gauges = function
        .lines()
        .join("\n")
        .matches("\"HoursBehind\":")
        .count();
    assert_eq!(gauges, 2);

    client
        .batch_execute("UPDATE api.schedule SET status_id = CASE hour WHEN 10 THEN 7 WHEN 11 THEN 8 ELSE 5 END")
        .await
        .unwrap();
    let later = json!({"provider": "lime", "time_max": "2020-01-15-12"});
    function.invoke(&later).await.unwrap();
    assert_eq!(
        hours_behind(&function, Some("bird")).await,
        since("2020-01-15-12")
    );
    assert_eq!(
        hours_behind(&function, Some("lime")).await,
        since("2020-01-15-11")
    );
    assert_eq!(hours_behind(&function, None).await, since("2020-01-15-11"));

    // A provider whose entry can no longer be used is not requested, and falls behind.
    let key = "config/providers_staging.json";
    let mut file: Value = ctx.vault().get_json(key).await.unwrap();
    file["bird"]["version"] = "9.9".into();
    ctx.vault()
        .put_json(key, &file, Seal::Encrypt)
        .await
        .unwrap();
    client
        .batch_execute("UPDATE api.schedule SET status_id = 8 WHERE hour < 12")
        .await
        .unwrap();
    let function = self::function(&stack).await;
    let all = json!({"provider": "all", "time_max": "2020-01-15-12"});
    function.invoke(&all).await.unwrap();
    assert_eq!(
        hours_behind(&function, Some("bird")).await,
        since("2020-01-15-12")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_the_providers_that_are_further_behind_than_the_threshold() {
    let mut stack = stack().await;
    let threshold = "MDS_HOURS_BEHIND_THRESHOLD".to_owned();
    stack.env.insert(threshold.clone(), "12".to_owned());
    let function = self::function(&stack).await;
    for (provider, behind) in [("bird", 1.0), ("lime", 2.0)] {
        let request = json!({"provider": provider, "time_max": "2020-01-15-13"});
        function.invoke(&request).await.unwrap();
        let line = function.json_line(|line| line["ProvidersBehind"] == behind);
        assert_eq!(line.await.unwrap()["Stage"], "staging");
    }
    stack.env.insert(threshold, "twelve".to_owned());
    let function = self::function(&stack).await;
    let error = error_of(function.invoke(&sample("hour.json")).await.unwrap_err());
    assert_eq!(error.error_type, "ConfigInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_behind_are_measured_by_the_lag_of_the_deployment_whoever_asks() {
    let mut stack = stack().await;
    stack
        .env
        .insert("MDS_LAG_HOURS".to_owned(), "72".to_owned());
    let function = function(&stack).await;
    let ctx = stack.context().await.unwrap();
    let first = ctx.zone().parse_time("2020-01-15-12").unwrap().start();
    let by_hand = json!({"provider": "bird", "time_max": "2020-01-15-13"});
    let scheduled =
        json!({"provider": "bird", "scheduled_time": "2020-01-15T20:00:00Z", "lag_hours": 1});
    for request in [by_hand, scheduled] {
        function.invoke(&request).await.unwrap();
        let lagging = Utc::now() - TimeDelta::hours(72);
        let expected = i32::try_from((lagging - first).num_hours()).unwrap();
        assert_eq!(
            hours_behind(&function, Some("bird")).await,
            f64::from(expected)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_of_the_deployment_holds_for_plans_views_and_reports_alike() {
    let mut stack = stack().await;
    let lag = "MDS_LAG_HOURS".to_owned();
    stack.env.insert(lag.clone(), "72".to_owned());
    let function = self::function(&stack).await;
    // 20:00 UTC is 14:00 in the city.
    let mut request = json!({"provider": "bird", "scheduled_time": "2020-01-15T20:00:00Z"});
    let plan = function.invoke(&request).await.unwrap();
    assert_eq!(plan["blocks"][0]["label"], "2020-01-12-14", "{plan}");
    let ctx = stack.context().await.unwrap();
    let expected = [("bird".to_owned(), 72), ("lime".to_owned(), 72)];
    assert_eq!(lags_of_views(&stack).await, expected[..1]);
    let everything = pipeline::StatusRequest::default();
    let report = pipeline::status_report(&ctx, &everything).await.unwrap();
    let shown = report.providers.into_iter();
    let shown: Vec<_> = shown
        .map(|it| (it.provider.to_string(), it.lag_hours))
        .collect();
    assert_eq!(shown, expected);
    // The lag of a request is that of its range alone.
    request["lag_hours"] = json!(1);
    let plan = function.invoke(&request).await.unwrap();
    assert_eq!(plan["blocks"][0]["label"], "2020-01-15-13", "{plan}");
    assert_eq!(lags_of_views(&stack).await, expected[..1]);

    stack.env.insert(lag, "three days".to_owned());
    let function = self::function(&stack).await;
    let error = error_of(function.invoke(&request).await.unwrap_err());
    assert_eq!(error.error_type, "ConfigInvalid");
    assert!(
        error
            .error_message
            .contains("MDS_LAG_HOURS must be a whole number from 0 to 8784"),
        "{error:?}"
    );
}

/// The lags in `api.providers`, by the providers' names.
async fn lags_of_views(stack: &LocalStack) -> Vec<(String, u32)> {
    let (client, connection) = tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let lags = "SELECT provider_name, lag_hours FROM api.providers ORDER BY 1";
    let rows = client.query(lags, &[]).await.unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get::<_, i32>(1).unsigned_abs()))
        .collect()
}

/// The schedules have the same input in every city.
#[tokio::test(flavor = "multi_thread")]
async fn a_city_without_a_portal_is_scheduled_like_any_other() {
    let stack = stack().await;
    let key = "config/settings_staging.json";
    let vault = stack.context().await.unwrap().vault().clone();
    let mut settings: Value = vault.get_json(key).await.unwrap();
    let entries = settings.as_object_mut().unwrap();
    let of_the_portal: Vec<_> = entries
        .keys()
        .filter(|key| key.starts_with("SOCRATA_"))
        .cloned()
        .collect();
    let dataset = entries["SOCRATA_DATASET"].clone();
    for key in &of_the_portal {
        entries.remove(key);
    }
    let bytes = settings.to_string();
    vault
        .put_bytes(key, bytes.as_bytes(), Seal::Encrypt)
        .await
        .unwrap();
    let function = function(&stack).await;
    for (name, blocks) in [
        ("scheduled-hourly.json", 2),
        ("scheduled-sweep.json", 2 * 48),
        ("scheduled-audit.json", 0),
    ] {
        let plan = function.invoke(&sample(name)).await.unwrap();
        assert_eq!(plan["block_count"], blocks, "{name}: {plan}");
        let steps = &plan["blocks"][0]["steps"];
        assert!(
            steps.is_null() || *steps == json!(["extract", "sync-db"]),
            "{name}: {plan}"
        );
    }
    let warning = "the settings have no key of the portal, so the run publishes nothing";
    let line = function.json_line(|line| line["message"] == warning);
    assert!(line.await.is_some());

    // Somebody who asks for the publication is told what is missing, and so is a city that has
    // forgotten a key.
    let hour = json!({"provider": "bird", "time_max": "2020-01-15-13"});
    let with = |more: &[&str]| {
        let mut event = hour.clone();
        for member in more {
            event[member] = json!(true);
        }
        event
    };
    for event in [with(&["audit"]), with(&["no_extract", "no_sync_db"])] {
        let error = error_of(function.invoke(&event).await.unwrap_err());
        assert_eq!(error.error_type, "ConfigInvalid", "{event}");
    }
    settings["SOCRATA_DATASET"] = dataset;
    let bytes = settings.to_string();
    vault
        .put_bytes(key, bytes.as_bytes(), Seal::Encrypt)
        .await
        .unwrap();
    let error = error_of(function.invoke(&hour).await.unwrap_err());
    assert_eq!(error.error_type, "ConfigInvalid");
    assert!(error.error_message.contains("SOCRATA_"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_counted_and_a_summary_has_its_counts_as_metrics() {
    let stack = stack().await;
    let function = function(&stack).await;
    let plan = function.invoke(&sample("hour.json")).await.unwrap();
    let summarize = json!({"summarize": {"run_id": plan["run_id"]}});
    function.invoke(&summarize).await.unwrap_err();
    let counts = function.json_line(|line| line["BlocksUnfinished"].is_number());
    assert_eq!(counts.await.unwrap()["BlocksUnfinished"], 1.0);
    let returned = function.json_line(|line| line["ErrorsReturned"].is_number());
    let returned = returned.await.unwrap();
    assert_eq!(returned["error.name"], "RunHadFailures");
    assert_eq!(returned["Stage"], "staging");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_deletes_runs_of_long_ago_and_no_other_plan_does() {
    let stack = stack().await;
    let function = function(&stack).await;
    let (client, connection) = tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(
            "INSERT INTO api.runs (run_id, stage, request, created_at)
             VALUES (gen_random_uuid(), 'staging', '{}', now() - interval '91 days')",
        )
        .await
        .unwrap();
    let mut runs = Vec::new();
    for name in [
        "hour.json",
        "scheduled-hourly.json",
        "scheduled-audit.json",
        "scheduled-sweep.json",
    ] {
        function.invoke(&sample(name)).await.unwrap();
        let count = client.query_one("SELECT count(*) FROM api.runs", &[]);
        runs.push(count.await.unwrap().get::<_, i64>(0));
    }
    assert_eq!(runs, [2, 3, 4, 4]);
}
