//! Old tables of which something else is made, names that something else has, and times out of the
//! calendar: named before anything changes, with statements that remove them.

use store::{Store, StoreError, TakeOver};

use crate::fixture::Db;

/// The obstacles that a dry run names; a migration names the same.
async fn named(store: &Store) -> Vec<(String, String)> {
    let planned = store.plan_migration(&TakeOver::default()).await.unwrap();
    if !planned.obstacles.is_empty() {
        let refused = store.migrate().await.unwrap_err();
        let StoreError::CannotTakeOver { obstacles } = &refused else {
            panic!("{refused}");
        };
        assert_eq!(*obstacles, planned.obstacles);
    }
    let obstacles = planned.obstacles.into_iter();
    obstacles.map(|it| (it.to_string(), it.repair)).collect()
}

/// The statements of a repair, without what is said about the time after the migration.
fn statements(repair: &str) -> &str {
    let end = repair.find("; and ").or_else(|| repair.find("; its "));
    &repair[..end.unwrap_or(repair.len())]
}

/// Makes the changes in one database, and expects exactly these obstacles; with their repairs the
/// migration passes.
async fn check(changes: &[(&str, &str)]) {
    let db = Db::old().await;
    for (change, _) in changes {
        let changed = db.sql.batch_execute(change).await;
        changed.unwrap_or_else(|e| panic!("{change}: {e:?}"));
    }
    let found = named(&db.store).await;
    for (change, expected) in changes {
        let is_named = found.iter().any(|(text, _)| text.contains(expected));
        assert!(is_named, "{change}: {found:#?}");
    }
    assert_eq!(found.len(), changes.len(), "{found:#?}");
    for (text, repair) in &found {
        let repaired = db.sql.batch_execute(statements(repair)).await;
        repaired.unwrap_or_else(|e| panic!("{text}: {e:?}"));
    }
    db.store.migrate().await.unwrap();
}

#[tokio::test]
async fn what_is_made_of_a_column_that_changes_is_named_and_its_repair_lets_the_migration_pass() {
    check(&[
        (
            "ALTER TABLE api.trips ADD miles numeric GENERATED ALWAYS AS (trip_duration / 2) STORED",
            "api.trips: the column miles is generated",
        ),
        (
            "CREATE RULE keep AS ON UPDATE TO api.trips WHERE NEW.trip_duration < 0 DO INSTEAD NOTHING",
            "api.trips: it has the rule keep",
        ),
        (
            "CREATE TABLE api.log (n numeric);
             CREATE RULE copy AS ON INSERT TO api.log DO ALSO UPDATE api.trips SET trip_duration = NEW.n",
            "api.trips: the rule copy on api.log",
        ),
        (
            "CREATE FUNCTION api.longest() RETURNS numeric BEGIN ATOMIC SELECT max(trip_duration) FROM api.trips; END",
            "api.trips: the function api.longest()",
        ),
        (
            "CREATE STATISTICS api.counts ON (lower(trip_distance)), trip_id FROM api.trips",
            "api.trips: the statistics object api.counts",
        ),
        (
            "CREATE PUBLICATION others FOR TABLE api.trips WHERE (accuracy > 5)",
            "api.trips: the publication others",
        ),
        (
            "CREATE TABLE api.kept (trip api.trips)",
            "api.trips: the column trip of api.kept",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_view_or_trigger_that_does_not_fit_or_is_held_is_named_before_anything_changes() {
    check(&[
        (
            "CREATE VIEW api.cut AS SELECT substr(trip_distance, 1, 2) AS start FROM api.trips",
            "api.cut: this view cannot be made again",
        ),
        (
            "CREATE VIEW api.short AS SELECT trip_duration FROM api.trips;
             CREATE FUNCTION api.all_short() RETURNS SETOF api.short LANGUAGE sql AS 'SELECT * FROM api.short'",
            "api.short: this view is made again over the new columns, and the function api.all_short() depends",
        ),
        (
            "CREATE TRIGGER far BEFORE UPDATE ON api.trips FOR EACH ROW
                 WHEN (NEW.trip_distance LIKE '1%') EXECUTE FUNCTION api.touch()",
            "api.trips: the trigger far cannot be made again",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_trial_of_views_reads_them_in_every_schema_and_leaves_nothing() {
    let db = Db::old().await;
    db.sql
        .batch_execute(
            "CREATE SCHEMA reports;
             CREATE VIEW reports.long AS SELECT trip_id, trip_duration FROM api.trips WHERE trip_duration > 500;
             CREATE VIEW public.long AS SELECT l.trip_id, t.vehicle_type FROM reports.long l JOIN api.trips t USING (trip_id);
             CREATE VIEW api.per_trip AS SELECT t.*, s.day FROM api.trips t LEFT JOIN api.schedule s ON s.date < t.end_time
                 GROUP BY t.trip_id, s.schedule_id;
             CREATE RULE aside AS ON INSERT TO reports.long DO INSTEAD NOTHING;
             CREATE TRIGGER off BEFORE UPDATE OF trip_duration ON api.trips FOR EACH ROW EXECUTE FUNCTION api.touch();
             ALTER TABLE api.trips DISABLE TRIGGER off",
        )
        .await
        .unwrap();
    let found = named(&db.store).await;
    // Its grouping needs the key that the table loses.
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0.starts_with("api.per_trip: "), "{found:?}");
    db.sql
        .batch_execute("DROP VIEW api.per_trip")
        .await
        .unwrap();
    assert_eq!(named(&db.store).await, []);
    db.store.migrate().await.unwrap();
    let views =
        "SELECT (SELECT count(*) FROM reports.long) || ' ' || (SELECT count(*) FROM public.long)";
    assert_eq!(db.text(views).await, "3 3");
    let rule = "SELECT count(*) FROM pg_rules WHERE rulename = 'aside'";
    assert_eq!(db.text(rule).await, "1");
    let trigger = "SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'off'";
    assert_eq!(db.text(trigger).await, "D");
}

#[tokio::test]
async fn a_time_in_no_hour_is_named_and_its_row_can_be_left_behind() {
    const NO_HOUR: &str = "whose end_time is in no hour";
    let end = |times: [&str; 3]| {
        let [first, second, third] = times;
        format!(
            "UPDATE api.trips SET end_time = CASE right(id::text, 1) WHEN '1' THEN '{first}' WHEN '2' THEN '{second}'
             ELSE '{third}' END"
        )
    };
    let cast = |kind: &str, times| end(times).replace("END", &format!("END::{kind}"));
    let with_type = |kind: &str| format!("ALTER TABLE api.trips ALTER COLUMN end_time TYPE {kind}");
    let cases = [
        (
            cast("timestamp", ["infinity", "-infinity", "9999-12-31 10:00"]),
            vec![format!("3 rows {NO_HOUR}")],
        ),
        (
            format!(
                "{}; {}",
                with_type("timestamptz"),
                cast("timestamptz", ["infinity", "2050-01-01Z", "0044-03-15 10:00 BC"])
            ),
            vec![format!("3 rows {NO_HOUR}")],
        ),
        (
            format!("{}; {}", with_type("text"), end(["infinity", "0000-12-31 10:00", "9999-12-31 10:00"])),
            vec![
                "2 rows whose end_time is not a time".to_owned(),
                format!("1 row {NO_HOUR}"),
            ],
        ),
        (
            "UPDATE api.trips SET start_time = '-infinity' WHERE right(id::text, 1) = '1';
             UPDATE api.trips SET modified_date = 'infinity' WHERE right(id::text, 1) = '2';
             UPDATE api.trips SET publication_time = '0044-03-15 10:00 BC' WHERE right(id::text, 1) = '3';
             ALTER TABLE api.schedule DROP COLUMN year, DROP COLUMN month, DROP COLUMN day, DROP COLUMN hour;
             UPDATE api.schedule SET date = 'infinity' WHERE schedule_id = 3"
                .to_owned(),
            vec![
                "1 row whose start_time is infinite".to_owned(),
                "1 row whose modified_date is infinite".to_owned(),
                "1 row whose publication_time is infinite".to_owned(),
                "1 row whose year, month, day and hour are no hour of a day".to_owned(),
            ],
        ),
    ];
    for (change, expected) in &cases {
        let db = Db::old().await;
        // The old trigger would write the time of the change.
        let change = format!("ALTER TABLE api.trips DISABLE TRIGGER touch; {change}");
        db.sql.batch_execute(&change).await.unwrap();
        let found = named(&db.store).await;
        for expected in expected {
            let is_named = found.iter().any(|(text, _)| text.contains(expected));
            assert!(is_named, "{expected}: {found:#?}");
        }
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (text, repair) in &found {
            let repaired = db.sql.batch_execute(repair).await;
            repaired.unwrap_or_else(|e| panic!("{text}: {e:?}"));
        }
        let migrated = db.store.migrate().await;
        migrated.unwrap_or_else(|e| panic!("{change}: {e}"));
    }
}

#[tokio::test]
async fn names_that_something_else_has_are_named_with_another_name() {
    let new = Db::migrated().await;
    let ours = new
        .rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'api'
             AND table_name NOT IN ('providers', 'schedule_status', 'schedule', 'trips', 'devices') ORDER BY 1",
        )
        .await;
    let db = Db::old().await;
    for name in &ours {
        let columns = match name.as_str() {
            "schema_history" => "version int, name text",
            _ => "provider_id int, notes text",
        };
        let create = format!("CREATE TABLE api.{name} ({columns})");
        db.sql.batch_execute(&create).await.unwrap();
    }
    let found = named(&db.store).await;
    for name in &ours {
        let start = format!("api.{name}: ");
        assert!(
            found.iter().any(|it| it.0.starts_with(&start)),
            "{name}: {found:?}"
        );
    }
    for (_, repair) in &found {
        db.sql.batch_execute(repair).await.unwrap();
    }
    db.store.migrate().await.unwrap();
    assert_eq!(named(&db.store).await, []);
    assert_eq!(db.text("SELECT count(*) FROM api.former_runs").await, "0");
}

#[tokio::test]
async fn the_history_of_another_program_is_named_and_our_own_is_not() {
    let db = Db::empty().await;
    db.sql
        .batch_execute(
            "CREATE SCHEMA api;
             CREATE TABLE api.schema_history (version int PRIMARY KEY, name text, applied_on text, checksum text);
             INSERT INTO api.schema_history VALUES (1, 'hasura', '', '')",
        )
        .await
        .unwrap();
    let found = named(&db.store).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].0.contains("another program's migrations"),
        "{found:?}"
    );
    let error = db.store.missing_migrations().await.unwrap_err();
    assert!(
        matches!(error, StoreError::CannotTakeOver { .. }),
        "{error}"
    );
    db.sql.batch_execute(&found[0].1).await.unwrap();
    db.store.migrate().await.unwrap();
    assert_eq!(named(&db.store).await, []);
}
