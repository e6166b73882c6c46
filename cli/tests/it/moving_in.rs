//! From the Python tool: its tables with rows, its bucket, its configuration and its dataset.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use trips::status::BlockStatus::{Loaded, Published};
use vault::Seal;

use crate::support::{World, run, stderr, stdout, with, world_with};

const OLD_HOURS: [&str; 7] = run("bird", "2020-01-15-10", "2020-01-15-13");
const NEWEST: [&str; 7] = run("bird", "2020-01-15-13", "2020-01-15-14");
const AUDIT: [&str; 5] = [
    "audit",
    "--time-min",
    "2020-01-15-10",
    "--time-max",
    "2020-01-15-13",
];

/// The tables as the Python tool's GraphQL server made them. A trigger and a view hang on them.
pub(crate) const OLD_TABLES: &str = "
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
    CREATE FUNCTION api.touch() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.modified_date := now(); RETURN NEW; END $$;
    CREATE TRIGGER touch BEFORE UPDATE ON api.trips FOR EACH ROW EXECUTE FUNCTION api.touch();
    CREATE VIEW api.seconds AS SELECT provider_name, sum(trip_duration) AS seconds FROM api.trips GROUP BY 1;";

/// What this program has loaded, as the Python tool would have: public ids by chance, times to the
/// second, lists and missing values as Python writes them, the end of the hour in the schedule. The
/// last hour is loaded and not yet published.
const OLD_ROWS: &str = "
    INSERT INTO api.providers (provider_name) VALUES ('bird');
    INSERT INTO api.schedule (provider_id, date, year, month, day, hour, status_id, payload, message, records_processed,
                              records_total, payload_trips_count, records_error_count, error_payload, rerun_flag,
                              socrata_status)
    SELECT 1, make_timestamp(year, month, day, hour + 1, 0, 0), year, month, day, hour + 1,
           CASE WHEN hour = 12 THEN 5 ELSE 8 END, payload, 'The process finished without errors.', records_processed,
           records_processed, records_total, 0, '\"{\\\"error_count\\\": 0}\"', false, '{\"Errors\": 0}'
    FROM saved.schedule;
    INSERT INTO api.devices (device_id) SELECT DISTINCT device_id::text FROM saved.trips;
    INSERT INTO api.trips
    SELECT gen_random_uuid(), provider_id, initcap(provider_name), device_id::text, vehicle_id, vehicle_type,
           '[''' || replace(propulsion_type, ',', ''', ''') || ''']', trip_id::text, trip_duration, trip_distance, accuracy,
           date_trunc('second', start_time AT TIME ZONE 'UTC'), date_trunc('second', end_time AT TIME ZONE 'UTC'),
           date_trunc('second', coalesce(publication_time, end_time) AT TIME ZONE 'UTC'), NULL,
           coalesce(standard_cost, 0), coalesce(actual_cost, 0), start_latitude, start_longitude, end_latitude,
           end_longitude, coalesce(council_district_start, 'None'), coalesce(council_district_end, 'None'),
           coalesce(census_geoid_start, 'None'), coalesce(census_geoid_end, 'None'), coalesce(orig_cell_id, 'None'),
           coalesce(dest_cell_id, 'None'), timestamptz '2020-01-17T10:00:00.25Z' + trip_distance * interval '1 second'
    FROM saved.trips;";

/// The rows that the Python tool had published: those of the hours whose status says so.
const OLD_PORTAL: &str = "
    SELECT jsonb_build_object(
        'trip_id', t.id, 'device_id', d.id, 'vehicle_type', t.vehicle_type, 'trip_duration', t.trip_duration,
        'trip_distance', t.trip_distance, 'start_time', to_char(t.start_time, f), 'end_time', to_char(t.end_time, f),
        'modified_date', to_char(t.modified_date AT TIME ZONE 'UTC', f),
        'start_time_us_central', to_char(t.start_time AT TIME ZONE 'UTC' AT TIME ZONE 'US/Central', f),
        'end_time_us_central', to_char(t.end_time AT TIME ZONE 'UTC' AT TIME ZONE 'US/Central', f),
        'year', date_part('year', t.end_time), 'month', date_part('month', t.end_time),
        'hour', date_part('hour', t.end_time), 'day_of_week', date_part('isodow', t.end_time) - 1,
        'council_district_start', CASE t.council_district_start WHEN 'None' THEN '0' ELSE t.council_district_start END,
        'council_district_end', CASE t.council_district_end WHEN 'None' THEN '0' ELSE t.council_district_end END,
        'census_geoid_start', CASE t.census_geoid_start WHEN 'None' THEN '0' ELSE t.census_geoid_start END,
        'census_geoid_end', CASE t.census_geoid_end WHEN 'None' THEN '0' ELSE t.census_geoid_end END)
    FROM api.trips t JOIN api.devices d USING (device_id), (VALUES ('YYYY-MM-DD\"T\"HH24:MI:SS')) AS form (f)
    WHERE t.end_time < '2020-01-15 18:00'";

/// Encrypts standard input as the Python tool did.
const ENCRYPT: &str = "
import sys
from cryptography.fernet import Fernet
sys.stdout.buffer.write(Fernet(sys.argv[1].encode()).encrypt(sys.stdin.buffer.read()))";

impl World {
    /// Encrypts with Python's library and writes to the bucket what was stored by this program.
    async fn encrypt_by_python(&self, key: &str, extra: impl FnOnce(&mut Value)) {
        let mut content = self.vault().await.get_json(key).await.unwrap();
        extra(&mut content);
        let fernet = self.stack.env["ATD_MDS_FERNET_KEY"].clone();
        let mut child = Command::new(crate::python::with_modules("cryptography.fernet"))
            .args(["-c", ENCRYPT, &fernet])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let feeder = std::thread::spawn(move || stdin.write_all(content.to_string().as_bytes()));
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap().unwrap();
        assert!(output.status.success());
        std::fs::write(self.stack.bucket_folder().join(key), output.stdout).unwrap();
    }

    /// What a city has that has used the Python tool until 13:00: three hours, the last of which is
    /// not published yet.
    async fn of_the_python_tool() -> Self {
        let world = world_with(&["bird"], Map::new()).await;
        world.expect(0, &OLD_HOURS).await;
        world.make_old().await;
        world
    }

    async fn make_old(&self) {
        let save = "CREATE SCHEMA saved;
                    CREATE TABLE saved.schedule AS TABLE api.schedule; CREATE TABLE saved.trips AS TABLE api.trips;
                    DROP SCHEMA api CASCADE";
        for statements in [save, OLD_TABLES, OLD_ROWS] {
            self.database.batch_execute(statements).await.unwrap();
        }
        for hour in ["10", "11", "12"] {
            self.encrypt_by_python(&format!("staging/bird/2020/1/15/{hour}/trips.json"), |_| {})
                .await;
            let folder = self.archive_file("bird", &format!("2020/1/15/{hour}"));
            for file in ["extract.json", "publish.json", "rejects.json"] {
                let _ = std::fs::remove_file(folder.with_file_name(file));
            }
        }
        for name in ["settings", "providers"] {
            let old = |content: &mut Value| {
                if name == "settings" {
                    content["HASURA_ENDPOINT"] = json!("https://hasura.example.org/v1/graphql");
                    content["HASURA_ADMIN_KEY"] = json!("an older secret");
                }
            };
            self.encrypt_by_python(&format!("config/{name}_staging.json"), old)
                .await;
        }
        for id in self.portal().keys() {
            self.stack.portal.lose_row(id).unwrap();
        }
        for row in self.database.query(OLD_PORTAL, &[]).await.unwrap() {
            let Value::Object(row) = row.get(0) else {
                panic!()
            };
            self.stack.portal.edit_row(row).unwrap();
        }
    }

    /// The public ids of the trips, by trip.
    async fn public_ids(&self) -> BTreeMap<String, String> {
        let ids = "SELECT trip_id::text || ' of ' || device_id, t.id || ' on ' || d.id
                   FROM api.trips t JOIN api.devices d USING (device_id)";
        let rows = self.database.query(ids, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    async fn trip_count(&self) -> i64 {
        self.number("SELECT count(*) FROM api.trips").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_city_moves_in_without_a_request_for_an_old_hour_and_without_a_new_public_id() {
    let world = World::of_the_python_tool().await;
    let (ids, portal, requests) = (
        world.public_ids().await,
        world.portal(),
        world.request_count(),
    );
    let uploads = world.uploads().len();
    let before = world.dump().await;

    let planned = world.expect(0, &["migrate", "--dry-run"]).await;
    let listed = stdout(&planned);
    for line in [
        "V1__tables",
        "api.trips: ",
        "  trip_id: text becomes uuid",
        "  start_time: timestamp without time zone becomes timestamp with time zone",
        "  block_start: added, timestamp with time zone",
        "note: the civil columns of api.schedule are the ends of the hours",
    ] {
        assert!(listed.contains(line), "{line}: {listed}");
    }
    assert!(
        stderr(&planned).contains("would take over the tables"),
        "{}",
        stderr(&planned)
    );
    assert_eq!(world.dump().await, before);

    let migrated = world.expect(0, &["migrate"]).await;
    assert!(
        stderr(&migrated).contains("took over the tables of an older tool"),
        "{}",
        stderr(&migrated)
    );
    assert_eq!(world.public_ids().await, ids);
    assert_eq!(world.statuses().await, [Published, Published, Loaded]);
    let unchanged = world.dump().await;
    let again = world.expect(0, &["migrate"]).await;
    assert!(
        stderr(&again).contains("nothing to do"),
        "{}",
        stderr(&again)
    );
    assert_eq!(world.dump().await, unchanged);

    // What was published stays as it is; what was loaded is published from the rows.
    let only_published = run("bird", "2020-01-15-10", "2020-01-15-12");
    world.expect(0, &only_published).await;
    assert_eq!(world.uploads().len(), uploads);
    world.expect(0, &OLD_HOURS).await;
    assert_eq!(world.statuses().await, [Published; 3]);
    let whole = world.portal();
    assert_eq!(whole.len() as i64, world.trip_count().await);
    assert!(portal.iter().all(|(id, row)| whole.get(id) == Some(row)));
    world.expect(0, &AUDIT).await;

    world
        .expect(0, &with(&OLD_HOURS, &["--incomplete-only"]))
        .await;
    let whole_hours = "SELECT count(*) FROM api.hours WHERE state = 'whole' AND day = '2020-01-15'";
    assert_eq!(world.number(whole_hours).await, 3);
    assert_eq!(world.request_count(), requests);
    assert_eq!(world.public_ids().await, ids);

    world.expect(0, &NEWEST).await;
    assert!(world.request_count() > requests);
    assert_eq!(world.portal().len() as i64, world.trip_count().await);
    let now = world.public_ids().await;
    assert!(ids.iter().all(|(trip, id)| now.get(trip) == Some(id)));

    // Everything again.
    let (requests, rows) = (world.request_count(), world.modified().await);
    for command in [&OLD_HOURS[..], &NEWEST, &AUDIT, &["migrate"]] {
        world.expect(0, command).await;
    }
    assert_eq!(
        (world.request_count(), world.modified().await),
        (requests, rows)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_says_what_it_does_without_the_providers_file() {
    let world = World::of_the_python_tool().await;
    let file = world
        .stack
        .bucket_folder()
        .join("config/providers_staging.json");
    let before = world.dump().await;
    std::fs::write(&file, "[]").unwrap();
    let refused = stderr(&world.expect(2, &["migrate"]).await);
    assert!(refused.contains("ATD_MDS_PROVIDERS"), "{refused}");
    assert_eq!(world.dump().await, before);
    std::fs::remove_file(&file).unwrap();
    let migrated = stderr(&world.expect(0, &["migrate"]).await);
    assert!(
        migrated.contains("note: the bucket has no providers file"),
        "{migrated}"
    );
}

/// The tool wrote trip by trip, and the time of its load as the publication time. So an hour at
/// which it had failed has rows that look newer than anything in the archive.
#[tokio::test(flavor = "multi_thread")]
async fn hours_that_the_older_tool_left_half_done_are_published_whole() {
    let world = World::of_the_python_tool().await;
    let half_done = "UPDATE api.providers SET provider_name = 'Bird';
                     UPDATE api.schedule SET status_id = CASE hour WHEN 11 THEN 2 WHEN 12 THEN 0 ELSE -5 END;
                     UPDATE api.trips SET publication_time = '2026-01-01'";
    world.database.batch_execute(half_done).await.unwrap();
    let (ids, requests) = (world.public_ids().await, world.request_count());
    for id in world.portal().keys() {
        world.stack.portal.lose_row(id).unwrap();
    }
    let migrated = stderr(&world.expect(0, &["migrate"]).await);
    assert!(
        migrated.contains("1 name of a provider becomes lower case: \"Bird\""),
        "{migrated}"
    );
    world.expect(0, &OLD_HOURS).await;
    assert_eq!(world.statuses().await, [Published; 3]);
    assert_eq!(world.portal().len() as i64, world.trip_count().await);
    let without_block = "SELECT count(*) FROM api.trips WHERE schedule_id IS NULL";
    assert_eq!(world.number(without_block).await, 0);
    world.expect(0, &AUDIT).await;
    assert_eq!(world.public_ids().await, ids);
    assert_eq!(world.request_count(), requests);
}

/// The rows change: costs that were never told are null again, and times have their milliseconds.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_hour_that_is_loaded_again_from_its_archive_keeps_its_public_ids() {
    let world = World::of_the_python_tool().await;
    let requests = world.request_count();
    world.expect(0, &["migrate"]).await;
    world.expect(0, &OLD_HOURS).await;
    let (ids, portal) = (world.public_ids().await, world.portal());
    world
        .expect(0, &with(&OLD_HOURS, &["--force", "--no-extract"]))
        .await;
    assert_eq!(world.public_ids().await, ids);
    assert!(world.portal().keys().eq(portal.keys()));
    let untold = "SELECT count(*) FROM api.trips WHERE actual_cost = 0 AND withdrawn_at IS NULL";
    assert_eq!(world.number(untold).await, 0);
    assert_eq!(world.request_count(), requests);
    world.expect(0, &AUDIT).await;
}

/// The tool archived the second of the two hours that the clock repeats in the folder of the first.
#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_equal_hours_is_loaded_from_the_folder_of_the_first() {
    let second = run("bird", "2020-11-01T07:00:00Z", "2020-11-01T08:00:00Z");
    let load = with(&second, &["--force", "--no-extract"]);
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &second).await;
    let mut report = world.object("bird/2020/11/1/1b/extract.json").await;
    world
        .encrypt_by_python("staging/bird/2020/11/1/1b/trips.json", |_| {})
        .await;
    let own_archive = world.archive_file("bird", "2020/11/1/1b");
    let archive = world.archive_file("bird", "2020/11/1/1");
    std::fs::create_dir_all(archive.parent().unwrap()).unwrap();
    std::fs::rename(&own_archive, &archive).unwrap();
    std::fs::remove_dir_all(own_archive.parent().unwrap()).unwrap();
    let taken_over =
        "UPDATE api.schedule SET payload = replace(payload, '/1b/', '/1/'), archived_at = NULL,
                                              extracted_at = NULL, loaded_at = NULL";
    world.database.batch_execute(taken_over).await.unwrap();
    let requests = world.request_count();
    let (trips, portal) = (world.trips().await, world.portal());
    let expect_whole = async || {
        assert_eq!(world.statuses().await, [Published]);
        assert_eq!(world.trips().await, trips);
        assert_eq!(world.portal(), portal);
        assert_eq!(world.request_count(), requests);
    };
    for command in [&load[..], &second] {
        world.expect(0, command).await;
        expect_whole().await;
    }

    // The first hour has been requested since, so its folder has its own archive.
    report["trips_key"] = json!("staging/bird/2020/11/1/1/trips.json");
    report["block_start"] = json!("2020-11-01T06:00:00Z");
    let report_file = archive.with_file_name("extract.json");
    let key = "staging/bird/2020/11/1/1/extract.json";
    let vault = world.vault().await;
    vault.put_json(key, &report, Seal::Encrypt).await.unwrap();
    let refused = stdout(&world.expect(1, &load).await);
    let way_out = "copy it from trips.{time}.json there to staging/bird/2020/11/1/1b/trips.json";
    assert!(
        refused.contains("(ArchiveUnreadable)") && refused.contains(way_out),
        "{refused}"
    );
    world.expect(0, &second).await;
    expect_whole().await;
    std::fs::remove_file(report_file).unwrap();
    std::fs::create_dir_all(own_archive.parent().unwrap()).unwrap();
    std::fs::rename(archive, own_archive).unwrap();
    world.expect(0, &load).await;
    expect_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_audit_names_what_the_older_tool_published_otherwise_and_repairs_it() {
    let world = World::of_the_python_tool().await;
    world.expect(0, &["migrate"]).await;
    world.expect(0, &OLD_HOURS).await;
    // An earlier version of the tool published civil times in place of UTC.
    let (id, row) = world.portal().into_iter().next().unwrap();
    let Value::Object(mut row) = row else {
        panic!()
    };
    row["start_time"] = row["start_time_us_central"].clone();
    world.stack.portal.edit_row(row).unwrap();
    let lost = world.portal().into_keys().next_back().unwrap();
    world.stack.portal.lose_row(&lost).unwrap();
    let found = world.expect(1, &AUDIT).await;
    let said = format!("{}{}", stdout(&found), stderr(&found));
    assert!(
        said.contains("different") && said.contains("missing"),
        "{said}"
    );
    let requests = world.request_count();
    world.expect(0, &with(&AUDIT, &["--repair"])).await;
    world.expect(0, &AUDIT).await;
    assert!(world.portal().contains_key(&id) && world.portal().contains_key(&lost));
    assert_eq!(world.request_count(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_over_the_old_bucket_asks_no_provider() {
    let world = World::of_the_python_tool().await;
    let trips = world.trip_count().await;
    world
        .database
        .batch_execute("DROP SCHEMA api CASCADE")
        .await
        .unwrap();
    let created = world.expect(0, &["migrate"]).await;
    assert!(
        stderr(&created).contains("created all tables"),
        "{}",
        stderr(&created)
    );
    let requests = world.request_count();
    world
        .expect(0, &with(&OLD_HOURS, &["--no-sync-socrata"]))
        .await;
    assert_eq!(world.request_count(), requests);
    assert_eq!(world.trip_count().await, trips);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_is_named_with_exit_status_2_and_repaired_by_the_named_statement() {
    let world = World::of_the_python_tool().await;
    let spoil = "UPDATE api.trips SET trip_id = 'trip ' || trip_id
                 WHERE ctid = (SELECT min(ctid) FROM api.trips)";
    world.database.batch_execute(spoil).await.unwrap();
    let before = world.dump().await;
    let named = "in the way: api.trips: 1 row whose trip_id is not a UUID";
    let planned = stdout(&world.expect(1, &["migrate", "--dry-run"]).await);
    assert!(planned.contains(named), "{planned}");
    let refused = stderr(&world.expect(2, &["migrate"]).await);
    assert!(
        refused.contains("api.trips: 1 row whose trip_id is not a UUID"),
        "{refused}"
    );
    let as_json = world.expect(1, &["migrate", "--dry-run", "--json"]).await;
    let report: Value = serde_json::from_str(&stdout(&as_json)).unwrap();
    assert_eq!(report["obstacles"][0]["rows"], 1);
    assert_eq!(world.dump().await, before);
    let repair = report["obstacles"][0]["repair"].as_str().unwrap();
    world.database.batch_execute(repair).await.unwrap();
    world.expect(0, &["migrate"]).await;
    assert_eq!(
        world
            .number("SELECT count(*) FROM api.trips_left_behind")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_and_status_know_the_tables_of_another_tool() {
    let world = world_with(&["bird"], Map::new()).await;
    let drop = "DROP SCHEMA api CASCADE";
    world.database.batch_execute(drop).await.unwrap();
    world.database.batch_execute(OLD_TABLES).await.unwrap();
    let before = world.dump().await;
    let said = [
        stderr(&world.expect(2, &["status"]).await),
        stdout(&world.expect(1, &["doctor", "--timeout", "20"]).await),
    ];
    for said in said {
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "tables of another tool",
            "mds migrate --dry-run",
            "docs/MIGRATING.md",
        ] {
            assert!(said.contains(words), "`{words}` is missing in: {said}");
        }
        assert!(
            !said.contains("run `mds migrate`") && !said.contains("no tables yet"),
            "{said}"
        );
    }
    assert_eq!(world.dump().await, before);
}
