//! Migrations: each runs once, and the columns have the names of docs/CONTRACT.md.

use chrono::{DateTime, Utc};
use futures::future::join_all;
use store::StoreError;
use trips::status::BlockStatus;

use crate::fixture::{Db, PROVIDER_ID, bird, deliver, hours, open, request_at, trip, trips};

const COLUMNS: &str =
    "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
     WHERE table_schema = 'api' ORDER BY 1, ordinal_position";

/// The versions of the files in the order of their numbers.
fn versions() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut numbers: Vec<u32> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .map(|name| name[1..name.find("__").unwrap()].parse().unwrap())
        .collect();
    numbers.sort_unstable();
    let texts: Vec<_> = numbers.iter().map(u32::to_string).collect();
    texts.join(" ")
}

#[tokio::test]
async fn a_second_migration_changes_nothing() {
    let db = Db::migrated().await;
    let before = db.rows(COLUMNS).await;
    db.store.migrate().await.unwrap();
    assert_eq!(db.rows(COLUMNS).await, before);
    assert_eq!(
        db.text("SELECT string_agg(version::text, ' ' ORDER BY version) FROM api.schema_history")
            .await,
        versions()
    );
}

#[tokio::test]
async fn migrations_at_the_same_time_do_not_race() {
    let db = Db::empty().await;
    let stores: Vec<_> = (0..6).map(|_| open(&db.url, 2)).collect();
    for migrated in join_all(stores.iter().map(store::Store::migrate)).await {
        migrated.unwrap();
    }
    assert_eq!(
        db.text("SELECT string_agg(version::text, ' ' ORDER BY version) FROM api.schema_history")
            .await,
        versions()
    );
}

#[tokio::test]
async fn the_statuses_are_those_of_the_program() {
    let db = Db::migrated().await;
    db.sql
        .batch_execute("UPDATE api.schedule_status SET description = 'old words'")
        .await
        .unwrap();
    db.store.migrate().await.unwrap();
    let mut expected: Vec<_> = BlockStatus::ALL
        .iter()
        .map(|status| format!("{}|{}", status.code(), status.as_str()))
        .collect();
    expected.sort();
    let mut found = db
        .rows("SELECT status_id, description FROM api.schedule_status")
        .await;
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_columns_that_dashboards_use_exist() {
    let db = Db::migrated().await;
    let found = db
        .rows("SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'api'")
        .await;
    let schedule = "schedule_id provider_id date year month day hour status_id payload message records_processed
        records_total records_error_count payload_trips_count error_payload rerun_flag socrata_status block_start
        block_end records_duplicate_count run_id updated_at";
    let trips = "id provider_id provider_name device_id vehicle_id vehicle_type propulsion_type trip_id trip_duration
        trip_distance accuracy start_time end_time publication_time parking_verification_url standard_cost actual_cost
        currency start_latitude start_longitude end_latitude end_longitude council_district_start council_district_end
        census_geoid_start census_geoid_end orig_cell_id dest_cell_id modified_date schedule_id flags mds_version";
    for (table, columns) in [("schedule", schedule), ("trips", trips)] {
        for column in columns.split_whitespace() {
            let name = format!("{table}.{column}");
            assert!(found.contains(&name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_role_without_the_right_to_create_schemas_can_migrate_its_own() {
    let db = Db::empty().await;
    let role = format!("r{}", uuid::Uuid::new_v4().simple());
    db.sql
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'pw'; CREATE SCHEMA api AUTHORIZATION {role}"
        ))
        .await
        .unwrap();
    let at = db.url.find('@').unwrap();
    let url = format!("postgresql://{role}:pw{}", &db.url[at..]);
    open(&url, 2).migrate().await.unwrap();
    db.sql
        .batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await
        .unwrap();
}

#[tokio::test]
async fn existing_tables_get_the_columns_they_lack() {
    let db = Db::empty().await;
    db.sql
        .batch_execute(
            "CREATE SCHEMA api;
             CREATE TABLE api.providers (provider_id serial PRIMARY KEY, provider_name text);
             INSERT INTO api.providers (provider_name) VALUES ('bird')",
        )
        .await
        .unwrap();
    db.store.migrate().await.unwrap();
    db.store
        .upsert_providers(&[(bird(), PROVIDER_ID)])
        .await
        .unwrap();
    let id = db.text("SELECT mds_provider_id FROM api.providers").await;
    assert_eq!(id, PROVIDER_ID.to_string());
}

mod former {
    refinery::embed_migrations!("migrations");
}

/// A database with the first migrations alone.
async fn database_of_version(version: i32) -> Db {
    let db = Db::empty().await;
    db.sql.batch_execute("CREATE SCHEMA api").await.unwrap();
    let target = refinery::Target::Version(version);
    let mut runner = former::migrations::runner().set_target(target);
    runner.set_migration_table_name("api.schema_history");
    let mut client = crate::fixture::sql(&db.url).await;
    runner.run_async(&mut client).await.unwrap();
    db
}

/// A database of the former version, with a block that was loaded and published, and its trips.
async fn former_database() -> Db {
    let db = database_of_version(2).await;
    db.store
        .upsert_providers(&[(bird(), PROVIDER_ID)])
        .await
        .unwrap();
    db.sql
        .batch_execute(
            "INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour, status_id,
                                       payload, records_total, records_processed, records_error_count,
                                       records_duplicate_count, extracted_at, published_at)
             SELECT 1, hour, hour + interval '1 hour', '2020-01-01', 2020, 1, 1, n, 8, 'trips.json', 3, 3, 0, 0,
                    '2020-01-02T12:00:00Z', '2020-01-02T13:00:00Z'
             FROM generate_series(0, 1) AS n, LATERAL (SELECT '2020-01-01T06:00:00Z'::timestamptz + n * interval '1 hour') h (hour);
             INSERT INTO api.devices (id, provider_id, device_id)
             SELECT gen_random_uuid(), '00000000-0000-0000-0000-00000000b1d0', lpad(to_hex(851968 + n), 32, '0')::uuid
             FROM generate_series(0, 2) AS n;
             INSERT INTO api.trips (id, provider_id, device_id, trip_id, trip_duration, trip_distance, start_time, end_time,
                                    start_latitude, start_longitude, end_latitude, end_longitude, schedule_id, modified_date)
             SELECT gen_random_uuid(), '00000000-0000-0000-0000-00000000b1d0', lpad(to_hex(851968 + n), 32, '0')::uuid,
                    lpad(to_hex(458752 + n), 32, '0')::uuid, 600, 1500, '2020-01-01T10:00:00Z', '2020-01-01T10:10:00Z',
                    30.26, -97.74, 30.27, -97.75, 1, '2020-01-02T12:30:00Z'
             FROM generate_series(0, 2) AS n",
        )
        .await
        .unwrap();
    db
}

#[tokio::test]
async fn a_database_of_the_former_version_keeps_its_rows() {
    let db = former_database().await;
    let trips = "SELECT id, trip_id, trip_distance, schedule_id, modified_date FROM api.trips ORDER BY trip_id";
    let blocks = "SELECT schedule_id, status_id, records_processed, published_at FROM api.schedule ORDER BY 1";
    let columns = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'api'";
    let before = (db.rows(trips).await, db.rows(blocks).await);
    let columns_before = db.rows(columns).await;
    db.store.migrate().await.unwrap();
    assert_eq!((db.rows(trips).await, db.rows(blocks).await), before);
    let columns_after = db.rows(columns).await;
    assert!(columns_before.iter().all(|it| columns_after.contains(it)));
    assert_eq!(
        db.text(
            "SELECT count(*) FROM api.trips WHERE withdrawn_at IS NULL AND delivered_at IS NULL"
        )
        .await,
        "3"
    );
}

#[tokio::test]
async fn late_trips_of_former_responses_are_those_of_the_last_one() {
    let db = database_of_version(17).await;
    let insert = "INSERT INTO api.providers (provider_name) VALUES ('bird');
        INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour, trips_new)
        SELECT 1, hour, hour + interval '1 hour', '2020-01-01', 2020, 1, 1, n, nullif(n, 1) - 2
        FROM generate_series(1, 5) AS n, LATERAL (SELECT '2020-01-01T06:00:00Z'::timestamptz + n * interval '1 hour') h (hour)";
    db.sql.batch_execute(insert).await.unwrap();
    let first = "SELECT xmin FROM api.schedule WHERE hour = 1";
    let before = db.text(first).await;
    db.store.migrate().await.unwrap();
    assert_eq!(
        db.rows("SELECT trips_new, trips_late FROM api.schedule ORDER BY hour")
            .await,
        ["null|null", "0|0", "1|1", "2|2", "3|3"]
    );
    assert_eq!(db.text(first).await, before, "requested once");
}

/// The rows do not say when they were delivered: with the last request of their block, then.
#[tokio::test]
async fn the_first_load_of_a_migrated_block_finds_its_rows() {
    let db = former_database().await;
    db.store.migrate().await.unwrap();
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let owner = "SELECT trip_distance, schedule_id FROM api.trips ORDER BY trip_id";
    let mut other = db.store.claim(2).await.unwrap();
    let earlier = request_at(at("2020-01-02T11:59:00Z"), 1, 0);
    deliver(&mut other, &[trip(0)], &[], earlier).await.unwrap();
    assert_eq!(db.rows(owner).await, ["1500|1", "1500|1", "1500|1"]);

    // The archive that the rows come from, without a trip that was gone before.
    let mut own = db.store.claim(1).await.unwrap();
    let same = || request_at(at("2020-01-02T12:00:00Z"), 2, 0);
    let counts = deliver(&mut own, &trips(0..2), &[], same()).await.unwrap();
    assert_eq!((counts.updated, counts.withdrawn), (2, 1));
    let withdrawn = "SELECT trip_id::text, withdrawn_at = '2020-01-02T12:00:00Z' FROM api.trips WHERE withdrawn_at IS NOT NULL";
    assert_eq!(db.text(withdrawn).await, format!("{}|t", trip(2).trip_id));
    let before = db.physical().await;
    let counts = deliver(&mut own, &trips(0..2), &[], same()).await.unwrap();
    assert_eq!((counts.unchanged, counts.withdrawn), (2, 0));
    assert_eq!(db.physical().await, before);

    let later = request_at(at("2020-01-02T12:01:00Z"), 1, 0);
    deliver(&mut other, &[trip(0)], &[], later).await.unwrap();
    assert_eq!(db.rows(owner).await, ["1500|2", "1500|1", "1500|1"]);
}

#[tokio::test]
async fn the_error_without_tables_names_the_command_that_creates_them() {
    let db = Db::empty().await;
    let day = hours("2020-01-01-00", "2020-01-02-00");
    let error = db.store.blocks(&bird(), day).await.unwrap_err();
    assert!(matches!(error, StoreError::NotMigrated(_)), "{error}");
    assert!(error.to_string().contains("mds migrate"));
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let db = Db::migrated().await;
    db.sql
        .batch_execute(
            "INSERT INTO api.schema_history
             SELECT 99, 'from_the_future', applied_on, checksum FROM api.schema_history LIMIT 1",
        )
        .await
        .unwrap();
    let error = db.store.migrate().await.unwrap_err();
    assert!(matches!(error, StoreError::History { .. }), "{error}");
}
