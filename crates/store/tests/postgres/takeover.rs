//! The tables of the Python tool, taken over with their rows.

use std::fmt::Write as _;

use store::{HoursAre, StoreError, TakeOver};

use crate::fixture::{Db, open};

/// The tables as Hasura's migrations made them, with two hours of trips. The schedule tells the end
/// of the hour: its row of hour 13 has the archive of the folder 12.
pub(crate) const OLD: &str = "
    CREATE SCHEMA api;
    CREATE TABLE api.providers (provider_id serial PRIMARY KEY, provider_name varchar(64) NOT NULL, notes text);
    CREATE TABLE api.schedule_status (status_id int PRIMARY KEY, description varchar(255));
    INSERT INTO api.schedule_status VALUES (0, 'New'), (2, 'Uploaded to S3'), (5, 'Data insertion succeeded'), (6, 'With errors'), (8, 'Socrata');
    CREATE TABLE api.schedule (
        schedule_id serial PRIMARY KEY,
        provider_id int NOT NULL REFERENCES api.providers,
        date timestamp NOT NULL,
        year int NOT NULL, month int NOT NULL, day int NOT NULL, hour int NOT NULL,
        status_id int NOT NULL DEFAULT 0 REFERENCES api.schedule_status,
        payload text, message text, records_processed int, records_total int, payload_trips_count int,
        records_error_count int, error_payload text, rerun_flag boolean, socrata_status json,
        UNIQUE (provider_id, year, month, day, hour)
    );
    CREATE TABLE api.devices (device_id uuid PRIMARY KEY, id uuid NOT NULL DEFAULT gen_random_uuid());
    CREATE TABLE api.trips (
        id uuid NOT NULL DEFAULT gen_random_uuid(),
        provider_id uuid NOT NULL, provider_name text, device_id uuid NOT NULL, vehicle_id varchar,
        vehicle_type varchar, propulsion_type text, trip_id uuid NOT NULL,
        trip_duration numeric NOT NULL, trip_distance text NOT NULL, accuracy numeric,
        start_time timestamp NOT NULL, end_time timestamp NOT NULL, publication_time timestamp,
        parking_verification_url text, standard_cost numeric NOT NULL DEFAULT 0, actual_cost float8 NOT NULL DEFAULT 0,
        start_latitude numeric, start_longitude numeric, end_latitude numeric, end_longitude numeric,
        council_district_start text, council_district_end text, census_geoid_start text, census_geoid_end text,
        orig_cell_id text, dest_cell_id text,
        modified_date timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT trips_trip_id_pk PRIMARY KEY (trip_id)
    );
    CREATE FUNCTION api.touch() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.modified_date := now(); RETURN NEW; END $$;
    CREATE TRIGGER touch BEFORE UPDATE ON api.trips FOR EACH ROW EXECUTE FUNCTION api.touch();
    CREATE VIEW api.trips_by_type AS SELECT vehicle_type, sum(trip_duration) AS seconds FROM api.trips GROUP BY 1;
    COMMENT ON VIEW api.trips_by_type IS 'for the dashboard';
    INSERT INTO api.providers (provider_name) VALUES ('bird'), ('lime');
    INSERT INTO api.schedule (provider_id, date, year, month, day, hour, status_id, payload, records_processed,
                              records_total, payload_trips_count, records_error_count, error_payload, rerun_flag,
                              socrata_status)
    VALUES (1, '2020-01-15 13:00', 2020, 1, 15, 13, 8, 'production/bird/2020/1/15/12/trips.json', 2, 2, 2, 0,
            '\"{\\\"error_count\\\": 0}\"', false, '{\"Errors\": 0}'),
           (1, '2020-01-15 14:00', 2020, 1, 15, 14, 6, 'production/bird/2020/1/15/13/trips.json', 1, 2, 2, 1,
            'not json', true, NULL),
           (1, '2020-01-15 15:00', 2020, 1, 15, 15, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    INSERT INTO api.devices (device_id, id)
    VALUES ('00000000-0000-0000-0000-0000000000d1', '11111111-0000-4000-8000-0000000000d1');
    INSERT INTO api.trips (id, provider_id, provider_name, device_id, vehicle_id, vehicle_type, propulsion_type, trip_id,
                           trip_duration, trip_distance, accuracy, start_time, end_time, publication_time,
                           start_latitude, start_longitude, end_latitude, end_longitude, council_district_start,
                           council_district_end, census_geoid_start, modified_date)
    SELECT ('22222222-0000-4000-8000-00000000000' || n)::uuid, '5eed0000-0000-4000-8000-000000000001', 'Bird',
           '00000000-0000-0000-0000-0000000000d1', 'None', 'scooter', $$['electric', 'human']$$,
           ('00000000-0000-0000-0000-00000000000' || n)::uuid, 600, '1500', 5,
           timestamp '2020-01-15 17:50' + n * interval '20 minutes',
           timestamp '2020-01-15 18:00' + n * interval '20 minutes', '2020-01-16 02:00',
           30.26, -97.74, 30.27, -97.75, '9', 'None', '48453001100', '2020-01-16T03:00:00Z'
    FROM generate_series(1, 3) AS n;
";

impl Db {
    pub(crate) async fn old() -> Self {
        let db = Self::empty().await;
        db.sql.batch_execute(OLD).await.unwrap();
        db
    }

    /// Every row and column of every table that is not the migration's own.
    async fn dump(&self) -> String {
        self.text(
            "SELECT string_agg(table_name || query_to_xml('SELECT t::text AS row FROM api.' || table_name
                 || ' t ORDER BY 1', true, false, '')::text, '' ORDER BY table_name)
                 || (SELECT string_agg(table_name || '.' || column_name || ' ' || data_type, ',' ORDER BY 1)
                     FROM information_schema.columns WHERE table_schema = 'api')
             FROM information_schema.tables WHERE table_schema = 'api' AND table_type = 'BASE TABLE'",
        )
        .await
    }

    /// The obstacles of a migration, after some changes to the old tables; checks that a migration
    /// names the same and changes nothing.
    async fn obstacles_after(&self, change: &str) -> String {
        self.sql.batch_execute(change).await.unwrap();
        let before = self.dump().await;
        let planned = self
            .store
            .plan_migration(&TakeOver::default())
            .await
            .unwrap();
        let named = planned.obstacles.iter().fold(String::new(), |mut all, it| {
            let _ = writeln!(all, "{it}");
            all
        });
        if planned.obstacles.is_empty() {
            return named;
        }
        let refused = self.store.migrate().await.unwrap_err();
        let StoreError::CannotTakeOver { obstacles } = &refused else {
            panic!("{refused}");
        };
        assert_eq!(*obstacles, planned.obstacles);
        assert!(
            refused.to_string().contains("nothing was changed"),
            "{refused}"
        );
        assert_eq!(self.dump().await, before);
        named
    }
}

#[tokio::test]
async fn the_tables_of_the_python_tool_keep_their_rows_and_their_public_ids() {
    let db = Db::old().await;
    let report = db.store.migrate_with(&TakeOver::default()).await.unwrap();
    assert_eq!(report.version_before, None);
    let tables: Vec<_> = report
        .tables
        .iter()
        .map(|it| (it.table.as_str(), it.rows))
        .collect();
    assert_eq!(
        tables,
        [
            ("api.providers", 2),
            ("api.schedule_status", 5),
            ("api.schedule", 3),
            ("api.trips", 3),
            ("api.devices", 1)
        ]
    );
    let trips = db
        .rows(
            "SELECT id, trip_duration, trip_distance, vehicle_id, propulsion_type, council_district_start,
                    council_district_end, end_time = timestamptz '2020-01-15T18:00:00Z' + right(id::text, 1)::int * interval '20 minutes',
                    modified_date = timestamptz '2020-01-16T03:00:00Z', schedule_id
             FROM api.trips ORDER BY id",
        )
        .await;
    // 12:20, 12:40 and 13:00 in the city.
    assert_eq!(
        trips,
        [
            "22222222-0000-4000-8000-000000000001|600|1500|null|electric,human|9|null|t|t|1",
            "22222222-0000-4000-8000-000000000002|600|1500|null|electric,human|9|null|t|t|1",
            "22222222-0000-4000-8000-000000000003|600|1500|null|electric,human|9|null|t|t|2",
        ]
    );
    let schedule = db
        .rows(
            "SELECT schedule_id, to_char(block_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24'), date, hour, status_id,
                    records_total, records_processed, records_error_count, records_duplicate_count, rerun_flag
             FROM api.schedule ORDER BY 1",
        )
        .await;
    assert_eq!(
        schedule,
        [
            "1|2020-01-15 18|2020-01-15|12|8|2|2|0|0|f",
            "2|2020-01-15 19|2020-01-15|13|6|2|1|1|0|t",
            "3|2020-01-15 20|2020-01-15|14|0|null|null|null|null|f",
        ]
    );
    let devices = db
        .rows("SELECT id, provider_id, device_id FROM api.devices")
        .await;
    assert_eq!(
        devices,
        [
            "11111111-0000-4000-8000-0000000000d1|5eed0000-0000-4000-8000-000000000001|00000000-0000-0000-0000-0000000000d1"
        ]
    );
    let view =
        "SELECT seconds || obj_description('api.trips_by_type'::regclass) FROM api.trips_by_type";
    assert_eq!(db.text(view).await, "1800for the dashboard");
    let new = "INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour)
               VALUES (2, '2020-01-15T18:00:00Z', '2020-01-15T19:00:00Z', '2020-01-15', 2020, 1, 15, 12)
               RETURNING schedule_id > 3 AS is_further";
    assert_eq!(db.text(new).await, "t");
}

#[tokio::test]
async fn a_taken_over_database_has_the_columns_of_a_new_one() {
    let columns = "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
                   WHERE table_schema = 'api' AND table_name IN
                       ('providers', 'schedule_status', 'schedule', 'trips', 'devices') AND column_name <> 'notes'
                   ORDER BY 1, 2";
    let keys = "SELECT conrelid::regclass::text || ' ' || contype::text || ' ' || pg_get_constraintdef(oid) AS key
                FROM pg_constraint WHERE connamespace = 'api'::regnamespace AND contype IN ('p', 'u', 'c', 'f') ORDER BY 1";
    let indexes = "SELECT regexp_replace(indexdef, 'INDEX \\S+ ON', 'ON') FROM pg_indexes WHERE schemaname = 'api' ORDER BY 1";
    let (old, new) = (Db::old().await, Db::migrated().await);
    old.store.migrate().await.unwrap();
    for query in [columns, keys, indexes] {
        assert_eq!(old.rows(query).await, new.rows(query).await);
    }
}

#[tokio::test]
async fn a_second_migration_of_a_taken_over_database_changes_nothing() {
    let db = Db::old().await;
    db.store.migrate().await.unwrap();
    let before = db.dump().await;
    let report = db.store.migrate_with(&TakeOver::default()).await.unwrap();
    assert!(
        report.tables.is_empty() && report.migrations.is_empty() && report.notes.is_empty(),
        "{report:?}"
    );
    assert_eq!(db.dump().await, before);
}

#[tokio::test]
async fn a_dry_run_names_the_changes_and_makes_none() {
    let db = Db::old().await;
    let before = db.dump().await;
    let report = db.store.plan_migration(&TakeOver::default()).await.unwrap();
    assert_eq!(db.dump().await, before);
    assert!(report.obstacles.is_empty(), "{report:?}");
    let trips = report
        .tables
        .iter()
        .find(|it| it.table == "api.trips")
        .unwrap();
    let of = |name: &str| {
        let column = trips.columns.iter().find(|it| it.column == name).unwrap();
        (column.from.clone().unwrap(), column.to.clone())
    };
    assert_eq!(
        of("trip_distance"),
        ("text".to_owned(), "bigint".to_owned())
    );
    assert_eq!(
        of("end_time"),
        (
            "timestamp without time zone".to_owned(),
            "timestamp with time zone".to_owned()
        )
    );
    assert!(
        report
            .notes
            .iter()
            .any(|it| it.contains("without a zone are taken in UTC")),
        "{:?}",
        report.notes
    );
    assert!(
        report
            .notes
            .iter()
            .any(|it| it.contains("ends of the hours")),
        "{:?}",
        report.notes
    );
}

#[tokio::test]
async fn what_cannot_be_taken_over_is_named_with_its_repair_before_anything_changes() {
    let cases = [
        (
            "UPDATE api.trips SET trip_distance = '804.67' WHERE right(id::text, 1) = '1'",
            "1 row whose trip_distance is not a whole number",
        ),
        (
            "ALTER TABLE api.trips ALTER COLUMN device_id DROP NOT NULL; UPDATE api.trips SET device_id = NULL",
            "3 rows without device_id",
        ),
        (
            "UPDATE api.trips SET id = trip_id WHERE right(id::text, 1) <> '1'",
            "2 rows whose id, which is public, is an id of the provider",
        ),
        (
            "ALTER TABLE api.devices ALTER COLUMN id TYPE text; UPDATE api.devices SET id = upper(device_id::text)",
            "1 row whose id, which is public, is an id of the provider",
        ),
        (
            "UPDATE api.trips SET end_latitude = NULL WHERE right(id::text, 1) = '2'",
            "1 row without end_latitude",
        ),
        (
            "UPDATE api.trips SET actual_cost = 2.5",
            "3 rows whose actual_cost is not a whole number",
        ),
        (
            "ALTER TABLE api.trips DROP CONSTRAINT trips_trip_id_pk; UPDATE api.trips SET trip_id = '00000000-0000-0000-0000-000000000001'",
            "2 rows whose provider_id and trip_id",
        ),
        (
            "ALTER TABLE api.trips ALTER COLUMN trip_id TYPE text; UPDATE api.trips SET trip_id = 'x' || trip_id WHERE right(id::text, 1) = '1'",
            "1 row whose trip_id is not a UUID",
        ),
        (
            "ALTER TABLE api.schedule DROP CONSTRAINT schedule_status_id_fkey; UPDATE api.schedule SET status_id = 3 WHERE hour = 14",
            "1 row with the status 3",
        ),
        (
            "ALTER TABLE api.schedule DROP CONSTRAINT schedule_provider_id_fkey; UPDATE api.schedule SET provider_id = 9 WHERE hour = 14",
            "1 row whose provider_id api.providers does not have",
        ),
        (
            "INSERT INTO api.schedule (schedule_id, provider_id, date, year, month, day, hour) VALUES (-1, 1, now(), 2020, 1, 1, 1)",
            "1 row with a schedule_id below 1",
        ),
        (
            "UPDATE api.schedule SET hour = 24 WHERE hour = 15",
            "1 row whose year, month, day and hour are no hour of a day",
        ),
        (
            "UPDATE api.providers SET provider_name = 'Veo Ride INC.' WHERE provider_name = 'lime'",
            "1 row whose provider_name is no short name",
        ),
        (
            "ALTER TABLE api.trips DROP COLUMN id; ALTER TABLE api.trips ADD COLUMN id serial",
            "the column id has the type integer",
        ),
        (
            "ALTER TABLE api.trips ALTER COLUMN start_time TYPE text; UPDATE api.trips SET start_time = '2020-02-30 10:00:00'",
            "3 rows whose start_time is not a time",
        ),
        (
            "CREATE TABLE api.notes (trip uuid REFERENCES api.trips (trip_id))",
            "the foreign key notes_trip_fkey of api.notes",
        ),
        (
            "ALTER TABLE api.trips ENABLE ROW LEVEL SECURITY",
            "row-level security",
        ),
    ];
    for (change, expected) in cases {
        let db = Db::old().await;
        let named = db.obstacles_after(change).await;
        assert!(named.contains(expected), "{change}: {named}");
    }
}

/// The statements that are named, for obstacles whose repair is SQL alone.
#[tokio::test]
async fn the_named_repairs_remove_the_obstacles() {
    let cases = [
        "ALTER TABLE api.trips ALTER COLUMN device_id DROP NOT NULL; UPDATE api.trips SET device_id = NULL WHERE right(id::text, 1) = '1'",
        "ALTER TABLE api.trips DROP CONSTRAINT trips_trip_id_pk; UPDATE api.trips SET trip_id = '00000000-0000-0000-0000-000000000001'",
        "ALTER TABLE api.trips ALTER COLUMN trip_id TYPE text; UPDATE api.trips SET trip_id = 'x' || trip_id WHERE right(id::text, 1) = '1'",
        "INSERT INTO api.schedule (schedule_id, provider_id, date, year, month, day, hour) VALUES (-1, 1, now(), 2020, 1, 1, 1)",
        "UPDATE api.schedule SET hour = 24 WHERE hour = 15",
    ];
    for change in cases {
        let db = Db::old().await;
        db.sql.batch_execute(change).await.unwrap();
        let planned = db.store.plan_migration(&TakeOver::default()).await.unwrap();
        assert_eq!(planned.obstacles.len(), 1, "{change}: {planned:?}");
        for obstacle in &planned.obstacles {
            db.sql
                .batch_execute(&obstacle.repair)
                .await
                .unwrap_or_else(|e| panic!("{obstacle}: {e:?}"));
        }
        db.store
            .migrate()
            .await
            .unwrap_or_else(|e| panic!("{change}: {e}"));
        let table = planned.obstacles[0].table.clone();
        let left = db
            .text(&format!("SELECT count(*) > 0 FROM {table}_left_behind"))
            .await;
        assert_eq!(left, "t", "{change}");
    }
}

#[tokio::test]
async fn a_repeated_hour_is_its_first_occurrence_and_a_skipped_one_gives_way() {
    let db = Db::old().await;
    // The ends of the hours of the nights in which the clocks change, as one row for each civil
    // hour.
    db.sql
        .batch_execute(
            "INSERT INTO api.schedule (provider_id, date, year, month, day, hour, status_id, payload, records_processed, records_total)
             SELECT 2, at, date_part('year', at), date_part('month', at), date_part('day', at), date_part('hour', at), 8,
                    NULL, CASE WHEN at = '2020-03-08 02:00' THEN 5 ELSE 0 END, CASE WHEN at = '2020-03-08 02:00' THEN 5 ELSE 0 END
             FROM unnest(ARRAY[timestamp '2020-03-08 01:00', '2020-03-08 02:00', '2020-03-08 03:00', '2020-03-08 04:00',
                               '2020-11-01 01:00', '2020-11-01 02:00']) AS at",
        )
        .await
        .unwrap();
    let report = db.store.migrate_with(&TakeOver::default()).await.unwrap();
    assert!(
        report
            .notes
            .iter()
            .any(|it| it.starts_with("1 row of api.schedule is of an hour")),
        "{:?}",
        report.notes
    );
    let blocks = db
        .rows("SELECT to_char(block_start AT TIME ZONE 'UTC', 'MM-DD HH24'), records_processed FROM api.schedule WHERE provider_id = 2 ORDER BY block_start")
        .await;
    assert_eq!(
        blocks,
        [
            "03-08 06|0",
            "03-08 07|5",
            "03-08 08|0",
            "11-01 05|0",
            "11-01 07|0"
        ]
    );
    let aside = "SELECT content ->> 'hour' FROM api.schedule_set_aside";
    assert_eq!(db.text(aside).await, "3");
}

#[tokio::test]
async fn trips_tell_what_the_hours_are_where_no_archive_does_and_a_person_can_say_it() {
    let hour = "SELECT to_char(block_start AT TIME ZONE 'UTC', 'HH24') FROM api.schedule WHERE schedule_id = 1";
    for (change, hours_are, expected) in [
        ("UPDATE api.schedule SET payload = NULL", None, "18"),
        (
            "UPDATE api.schedule SET payload = NULL, records_processed = NULL",
            None,
            "19",
        ),
        (
            "UPDATE api.schedule SET payload = NULL, records_processed = NULL",
            Some(HoursAre::Ends),
            "18",
        ),
        (
            "UPDATE api.schedule SET payload = replace(payload, '/12/', '/13/') WHERE schedule_id = 1",
            Some(HoursAre::Starts),
            "19",
        ),
    ] {
        let db = Db::old().await;
        db.sql.batch_execute(change).await.unwrap();
        let options = TakeOver {
            hours_are,
            ..TakeOver::default()
        };
        db.store.migrate_with(&options).await.unwrap();
        assert_eq!(db.text(hour).await, expected, "{change}");
    }
}

#[tokio::test]
async fn a_migration_that_is_cut_off_leaves_the_old_tables() {
    let db = Db::old().await;
    let before = db.dump().await;
    let other = open(&db.url, 1);
    // Stops the migration in the middle: the version's own statement finds an index of its name.
    db.sql
        .batch_execute("CREATE VIEW api.hours AS SELECT 1 AS one")
        .await
        .unwrap();
    other.migrate().await.unwrap_err();
    db.sql.batch_execute("DROP VIEW api.hours").await.unwrap();
    assert_eq!(db.dump().await, before);
    db.store.migrate().await.unwrap();
}

#[tokio::test]
async fn times_without_a_zone_are_taken_in_the_zone_that_is_named() {
    let db = Db::old().await;
    let options = TakeOver {
        timestamps_in: "US/Central".to_owned(),
        ..TakeOver::default()
    };
    db.store.migrate_with(&options).await.unwrap();
    let first = "SELECT to_char(min(end_time) AT TIME ZONE 'UTC', 'DD HH24:MI') FROM api.trips";
    assert_eq!(db.text(first).await, "16 00:20");
    let unknown = TakeOver {
        timestamps_in: "US/Nowhere".to_owned(),
        ..TakeOver::default()
    };
    let db = Db::old().await;
    let error = db.store.migrate_with(&unknown).await.unwrap_err();
    assert!(matches!(error, StoreError::UnknownZone { .. }), "{error}");
}
