//! Odd tables of the Python tool: other keys, types, owners and dependents.

use std::time::Duration;

use store::{StoreError, TakeOver};

use crate::fixture::{Db, open};

const BLOCKS: &str = "SELECT p.provider_name, to_char(s.block_start AT TIME ZONE 'UTC', 'DD HH24'), s.status_id
                      FROM api.schedule s JOIN api.providers p USING (provider_id) ORDER BY s.schedule_id";

impl Db {
    async fn old_with(change: &str) -> Self {
        let db = Self::old().await;
        db.sql.batch_execute(change).await.unwrap();
        db
    }

    async fn take_over(&self) -> Vec<String> {
        let report = self.store.migrate_with(&TakeOver::default()).await;
        report.unwrap_or_else(|e| panic!("{e}")).notes
    }
}

#[tokio::test]
async fn a_new_database_has_nothing_to_take_over() {
    let db = Db::migrated().await;
    let report = db.store.plan_migration(&TakeOver::default()).await.unwrap();
    assert!(
        report.tables.is_empty() && report.obstacles.is_empty(),
        "{report:?}"
    );
    assert_eq!(report.version_before, Some(report.version));
}

/// The number in `id`, the MDS id in `provider_id`, and a schedule that names the MDS id.
#[tokio::test]
async fn providers_by_mds_id_get_their_numbers() {
    let db = Db::old_with(
        "ALTER TABLE api.schedule DROP CONSTRAINT schedule_provider_id_fkey;
         ALTER TABLE api.providers RENAME COLUMN provider_id TO id;
         ALTER TABLE api.providers ADD COLUMN provider_id text;
         UPDATE api.providers SET provider_id = '5eed0000-0000-4000-8000-00000000000' || id, provider_name = initcap(provider_name);
         ALTER TABLE api.schedule DROP CONSTRAINT schedule_provider_id_year_month_day_hour_key;
         ALTER TABLE api.schedule ALTER COLUMN provider_id TYPE uuid
             USING ('5eed0000-0000-4000-8000-00000000000' || provider_id)::uuid",
    )
    .await;
    db.take_over().await;
    assert_eq!(
        db.rows(BLOCKS).await,
        ["bird|15 18|8", "bird|15 19|6", "bird|15 20|0"]
    );
    let ids = db
        .rows("SELECT provider_id, mds_provider_id FROM api.providers ORDER BY 1")
        .await;
    assert_eq!(
        ids,
        [
            "1|5eed0000-0000-4000-8000-000000000001",
            "2|5eed0000-0000-4000-8000-000000000002"
        ]
    );
    let owners = "SELECT count(*) FROM api.trips WHERE schedule_id IS NOT NULL";
    assert_eq!(db.text(owners).await, "3");
}

#[tokio::test]
async fn columns_of_other_types_keep_what_they_say() {
    let db = Db::old_with(
        "DROP VIEW api.trips_by_type;
         CREATE TYPE api.kind AS ENUM ('scooter', 'bicycle');
         CREATE DOMAIN api.metres AS int CHECK (VALUE >= 0);
         ALTER TABLE api.trips ALTER COLUMN vehicle_type TYPE api.kind USING vehicle_type::api.kind,
             ALTER COLUMN start_time TYPE text USING start_time::text || '+00',
             ALTER COLUMN end_time TYPE bigint USING (date_part('epoch', end_time) * 1000)::bigint,
             ALTER COLUMN trip_distance TYPE api.metres USING trip_distance::int,
             ALTER COLUMN propulsion_type TYPE jsonb USING '[\"electric\"]',
             ALTER COLUMN council_district_start TYPE numeric USING 9.0,
             ALTER COLUMN trip_id TYPE text USING upper(trip_id::text);
         ALTER TABLE api.schedule ALTER COLUMN rerun_flag TYPE text USING 'true', ALTER COLUMN hour TYPE text,
             ALTER COLUMN schedule_id TYPE numeric;",
    )
    .await;
    db.take_over().await;
    let trips = db
        .rows(
            "SELECT vehicle_type, to_char(start_time AT TIME ZONE 'UTC', 'HH24:MI'),
                    to_char(end_time AT TIME ZONE 'UTC', 'HH24:MI'), trip_distance, propulsion_type,
                    council_district_start, trip_id
             FROM api.trips ORDER BY id LIMIT 1",
        )
        .await;
    assert_eq!(
        trips,
        ["scooter|18:10|18:20|1500|electric|9|00000000-0000-0000-0000-000000000001"]
    );
    assert_eq!(
        db.text("SELECT bool_and(rerun_flag) FROM api.schedule")
            .await,
        "t"
    );
    assert_eq!(
        db.rows(BLOCKS).await,
        ["bird|15 18|8", "bird|15 19|6", "bird|15 20|0"]
    );
}

#[tokio::test]
async fn a_schedule_with_nothing_but_a_date_gets_its_hours() {
    let columns = "ALTER TABLE api.schedule DROP COLUMN year, DROP COLUMN month, DROP COLUMN day, DROP COLUMN hour";
    let db = Db::old_with(columns).await;
    db.take_over().await;
    assert_eq!(
        db.rows(BLOCKS).await,
        ["bird|15 18|8", "bird|15 19|6", "bird|15 20|0"]
    );
    assert_eq!(
        db.text("SELECT hour FROM api.schedule WHERE schedule_id = 1")
            .await,
        "12"
    );
}

#[tokio::test]
async fn a_device_of_two_providers_keeps_its_public_id_and_an_unused_one_its_row() {
    let db = Db::old_with(
        "UPDATE api.trips SET provider_id = '5eed0000-0000-4000-8000-000000000002' WHERE right(id::text, 1) = '3';
         INSERT INTO api.devices (device_id) VALUES ('00000000-0000-0000-0000-0000000000d2')",
    )
    .await;
    let notes = db.take_over().await;
    assert!(
        notes
            .iter()
            .any(|it| it.starts_with("1 device has no trip")),
        "{notes:?}"
    );
    let devices = db
        .rows("SELECT right(device_id::text, 2), right(provider_id::text, 1), id = '11111111-0000-4000-8000-0000000000d1' FROM api.devices ORDER BY 1, 2")
        .await;
    assert_eq!(devices, ["d1|1|t", "d1|2|t", "d2|0|f"]);
}

/// As docs/MIGRATING.md has it, "Trips without a block".
const GIVE_TO_BLOCKS: &str =
    "UPDATE api.trips t SET schedule_id = s.schedule_id FROM api.schedule s JOIN api.providers p USING (provider_id)
     WHERE t.schedule_id IS NULL AND p.mds_provider_id = t.provider_id
       AND s.block_start = date_trunc('hour', t.end_time, 'UTC') AND s.status_id IN (5, 6, 8, -8)";

#[tokio::test]
async fn trips_of_hours_that_were_not_loaded_are_counted_and_can_be_given_to_their_blocks() {
    let db = Db::old_with("UPDATE api.schedule SET status_id = 2 WHERE hour = 13").await;
    let notes = db.take_over().await;
    assert!(
        notes
            .iter()
            .any(|it| it.starts_with("2 trips have no block")),
        "{notes:?}"
    );
    let load = "UPDATE api.schedule SET status_id = 8;
                UPDATE api.providers SET mds_provider_id = '5eed0000-0000-4000-8000-000000000001' WHERE provider_id = 1";
    db.sql.batch_execute(load).await.unwrap();
    db.sql.batch_execute(GIVE_TO_BLOCKS).await.unwrap();
    let without = "SELECT count(*) FROM api.trips WHERE schedule_id IS NULL";
    assert_eq!(db.text(without).await, "0");

    let notes = Db::old_with("").await.take_over().await;
    assert!(!notes.iter().any(|it| it.contains("no block")), "{notes:?}");
}

/// What an earlier version of this program left: it added columns, and said that all was well.
#[tokio::test]
async fn tables_that_were_only_half_taken_over_are_taken_over_now() {
    let db = Db::old().await;
    let mut statements = String::new();
    for (version, name) in [
        (1, "tables"),
        (2, "late_trips_and_vehicles"),
        (3, "deliveries"),
    ] {
        let file = format!(
            "{}/migrations/V{version}__{name}.sql",
            env!("CARGO_MANIFEST_DIR")
        );
        statements.push_str(&std::fs::read_to_string(file).unwrap());
    }
    db.sql.batch_execute(&statements).await.unwrap();
    let new = "INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour, status_id)
               VALUES (1, '2020-01-15T18:00:00Z', '2020-01-15T19:00:00Z', '2020-01-15 12:00', 2020, 1, 15, 12, 0)";
    db.sql.batch_execute(new).await.unwrap();
    let notes = db.take_over().await;
    assert_eq!(db.rows(BLOCKS).await.len(), 3, "{notes:?}");
    let kept = "SELECT status_id FROM api.schedule WHERE block_start = '2020-01-15T18:00:00Z'";
    assert_eq!(db.text(kept).await, "8");
}

#[tokio::test]
async fn views_keep_grants_and_indexes_and_one_that_does_not_fit_is_named() {
    let role = format!("r{}", uuid::Uuid::new_v4().simple());
    let db = Db::old_with(&format!(
        "CREATE ROLE {role};
         CREATE MATERIALIZED VIEW api.per_device AS SELECT device_id, count(*) AS trips FROM api.trips GROUP BY 1;
         CREATE UNIQUE INDEX per_device_key ON api.per_device (device_id);
         CREATE VIEW api.busy AS SELECT * FROM api.per_device WHERE trips > 1;
         GRANT SELECT ON api.busy TO {role}"
    ))
    .await;
    db.take_over().await;
    assert_eq!(db.text("SELECT trips FROM api.busy").await, "3");
    let granted = format!("SELECT has_table_privilege('{role}', 'api.busy', 'SELECT')");
    assert_eq!(db.text(&granted).await, "t");
    assert_eq!(
        db.text("SELECT count(*) FROM pg_indexes WHERE indexname = 'per_device_key'")
            .await,
        "1"
    );
    let clean = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    db.sql.batch_execute(&clean).await.unwrap();

    let db = Db::old_with(
        "CREATE VIEW api.joined AS SELECT substr(trip_distance, 1, 2) AS start FROM api.trips",
    )
    .await;
    let error = db.store.migrate().await.unwrap_err();
    assert!(
        matches!(error, StoreError::CannotTakeOver { .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("api.joined: this view cannot be made again"),
        "{error}"
    );
    let kind = "SELECT data_type FROM information_schema.columns WHERE table_schema = 'api' AND table_name = 'trips'
                AND column_name = 'trip_distance'";
    assert_eq!(db.text(kind).await, "text");
}

#[tokio::test]
async fn an_index_that_fits_is_kept_and_one_that_does_not_is_named() {
    let db = Db::old_with(
        "CREATE INDEX by_hour ON api.trips (date_trunc('hour', end_time));
         CREATE INDEX long ON api.trips (end_time) WHERE trip_duration > 3600",
    )
    .await;
    let notes = db.take_over().await;
    assert!(
        notes
            .iter()
            .any(|it| it.contains("the index api.by_hour does not fit")),
        "{notes:?}"
    );
    let indexes =
        "SELECT string_agg(indexname, ' ') FROM pg_indexes WHERE indexname IN ('by_hour', 'long')";
    assert_eq!(db.text(indexes).await, "long");
}

#[tokio::test]
async fn triggers_are_kept_and_do_not_run() {
    let db = Db::old_with(
        "CREATE TRIGGER far BEFORE UPDATE OF trip_distance ON api.trips FOR EACH ROW
             WHEN (OLD.trip_distance <> NEW.trip_distance) EXECUTE FUNCTION api.touch()",
    )
    .await;
    let notes = db.take_over().await;
    assert_eq!(
        notes.iter().filter(|it| it.contains("is disabled")).count(),
        2,
        "{notes:?}"
    );
    let triggers = "SELECT string_agg(tgname || tgenabled::text, ' ' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal";
    assert_eq!(db.text(triggers).await, "farD touchD");
}

#[tokio::test]
async fn a_table_of_another_role_is_named_and_one_in_use_is_waited_for() {
    let role = format!("r{}", uuid::Uuid::new_v4().simple());
    let db = Db::old_with(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'pw'; GRANT CREATE, USAGE ON SCHEMA api TO {role}"
    ))
    .await;
    let at = db.url.find('@').unwrap();
    let theirs = open(&format!("postgresql://{role}:pw{}", &db.url[at..]), 2);
    let error = theirs.migrate().await.unwrap_err().to_string();
    assert!(
        error.contains("api.trips: it belongs to the role"),
        "{error}"
    );
    let clean = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    db.sql.batch_execute(&clean).await.unwrap();

    db.sql
        .batch_execute("BEGIN; SELECT count(*) FROM api.trips")
        .await
        .unwrap();
    let hurried = TakeOver {
        patience: Duration::from_millis(200),
        ..TakeOver::default()
    };
    let error = db.store.migrate_with(&hurried).await.unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
    let report = db.store.plan_migration(&hurried).await.unwrap();
    assert_eq!(report.tables.len(), 5);
    db.sql.batch_execute("COMMIT").await.unwrap();
    db.take_over().await;
}

#[tokio::test]
async fn a_migration_whose_session_ends_leaves_the_old_tables() {
    let db = Db::old().await;
    let other = crate::fixture::sql(&db.url).await;
    let lock = "BEGIN; LOCK TABLE api.devices IN ACCESS SHARE MODE";
    other.batch_execute(lock).await.unwrap();
    let migrating = tokio::spawn({
        let store = open(&db.url, 2);
        async move { store.migrate().await }
    });
    let waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while db.rows(waiting).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    migrating.await.unwrap().unwrap_err();
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(db.text("SELECT to_regclass('api.runs') IS NULL").await, "t");
    db.take_over().await;
}

/// `MDS_OLD_TRIPS` sets the number of trips, to measure how long it takes.
#[tokio::test]
async fn every_trip_of_a_bigger_table_keeps_its_id_and_finds_its_block() {
    let rows: u32 = std::env::var("MDS_OLD_TRIPS").map_or(3000, |it| it.parse().unwrap());
    let db = Db::old_with(&format!(
        "INSERT INTO api.schedule (provider_id, date, year, month, day, hour, status_id, payload)
         SELECT 1, at, date_part('year', at), date_part('month', at), date_part('day', at), date_part('hour', at), 8,
                to_char(at - interval '1 hour', '\"production/bird/\"FMYYYY/FMMM/FMDD/FMHH24\"/trips.json\"')
         FROM generate_series(timestamp '2019-01-01 01:00', '2019-03-09 00:00', interval '1 hour') AS at;
         INSERT INTO api.devices (device_id) SELECT ('d0000000' || lpad(to_hex(n), 24, '0'))::uuid FROM generate_series(1, 5000) AS n;
         INSERT INTO api.trips (provider_id, provider_name, device_id, propulsion_type, trip_id, trip_duration, trip_distance,
                                start_time, end_time, start_latitude, start_longitude, end_latitude, end_longitude)
         SELECT '5eed0000-0000-4000-8000-000000000001', 'Bird', ('d0000000' || lpad(to_hex(1 + n % 5000), 24, '0'))::uuid,
                $$['electric']$$, ('a0000000' || lpad(to_hex(n), 24, '0'))::uuid, 600, '1500', at, at + interval '10 minutes',
                30.2, -97.7, 30.3, -97.8
         FROM generate_series(1, {rows}) AS n, LATERAL (
             SELECT timestamp '2019-01-01 06:00' + (n % 1600) * interval '1 hour' + interval '5 minutes' AS at
         ) AS t"
    ))
    .await;
    let ids = "SELECT md5(string_agg(id::text || trip_id, ',' ORDER BY trip_id)) FROM api.trips";
    let before = db.text(ids).await;
    let began = std::time::Instant::now();
    let plan = db.store.plan_migration(&TakeOver::default()).await.unwrap();
    let planned = began.elapsed();
    assert!(plan.obstacles.is_empty(), "{plan:?}");
    db.take_over().await;
    eprintln!(
        "{rows} trips: {planned:?} for the dry run, {:?} for the migration",
        began.elapsed() - planned
    );
    assert_eq!(db.text(ids).await, before);
    let without = "SELECT count(*) FROM api.trips WHERE schedule_id IS NULL";
    assert_eq!(db.text(without).await, "0");
}
