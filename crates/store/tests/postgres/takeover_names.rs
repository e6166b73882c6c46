//! The names of providers in the tables of the Python tool.

use store::{StoreError, TakeOver};
use trips::block::{Hour, HourRange};

use crate::fixture::Db;

/// The table of providers as it must be, but for the names.
const FITTING: &str =
    "ALTER TABLE api.providers ALTER COLUMN provider_name TYPE text, DROP COLUMN notes";

const NAMES: &str = "SELECT provider_id, provider_name FROM api.providers ORDER BY 1";

async fn old_with(change: &str) -> Db {
    let db = Db::old().await;
    for statements in [FITTING, change] {
        db.sql.batch_execute(statements).await.unwrap();
    }
    db
}

async fn named(db: &Db) -> Vec<store::Obstacle> {
    let planned = db.store.plan_migration(&TakeOver::default()).await.unwrap();
    let refused = db.store.migrate().await.unwrap_err();
    let StoreError::CannotTakeOver { obstacles } = refused else {
        panic!("{refused}");
    };
    assert_eq!(obstacles, planned.obstacles);
    obstacles
}

#[tokio::test]
async fn names_become_lower_case_although_the_table_needs_no_other_change() {
    let db = old_with(
        "UPDATE api.providers SET provider_name = CASE provider_id WHEN 1 THEN 'Bird' ELSE ' LIME ' END",
    )
    .await;
    let planned = db.store.plan_migration(&TakeOver::default()).await.unwrap();
    let note = "2 names of providers become lower case: \"Bird\", \" LIME \"";
    assert!(
        planned.notes.iter().any(|it| it == note),
        "{:?}",
        planned.notes
    );
    db.store.migrate().await.unwrap();
    assert_eq!(db.rows(NAMES).await, ["1|bird", "2|lime"]);
    let owners = "SELECT schedule_id FROM api.trips ORDER BY id";
    assert_eq!(db.rows(owners).await, ["1", "1", "2"]);
}

#[tokio::test]
async fn a_name_that_no_provider_can_have_is_named_although_the_table_needs_no_other_change() {
    let db = old_with(
        "UPDATE api.providers SET provider_name = 'Lime Scooters' WHERE provider_id = 2;
         INSERT INTO api.providers (provider_name) VALUES ('Runs')",
    )
    .await;
    let obstacles = named(&db).await;
    let of = |n: usize| obstacles[n].to_string();
    assert_eq!(obstacles.len(), 2, "{obstacles:?}");
    for part in [
        "1 row whose provider_name is no short name",
        "`lime scooters`",
        "UPDATE api.providers SET provider_name = 'short_name' WHERE provider_name = 'Lime Scooters'",
    ] {
        assert!(of(0).contains(part), "{part}: {obstacles:?}");
    }
    assert!(
        of(1).contains("`runs` has another meaning"),
        "{obstacles:?}"
    );
}

#[tokio::test]
async fn two_names_that_become_one_are_named_with_their_rows_and_the_repair() {
    let db = old_with(
        "UPDATE api.providers SET provider_name = 'BIRD' WHERE provider_id = 2;
         INSERT INTO api.schedule (provider_id, date, year, month, day, hour, status_id)
         VALUES (2, '2020-01-15 15:00', 2020, 1, 15, 15, 8), (2, '2020-01-15 16:00', 2020, 1, 15, 16, 8)",
    )
    .await;
    let obstacles = named(&db).await;
    assert_eq!(obstacles.len(), 1, "{obstacles:?}");
    let what = "1 row whose provider_name is in lower case that of another row, too: \
                provider_id 1 has \"bird\", and provider_id 2 has \"BIRD\"";
    let said = obstacles[0].to_string();
    assert!(said.contains(what), "{said}");
    let (one, two) = obstacles[0].repair.split_once("; two providers: ").unwrap();
    let one = one.strip_prefix("one provider: ").unwrap();
    assert!(two.contains("WHERE provider_id = 2"), "{two}");
    db.sql.batch_execute(one).await.unwrap();
    db.store.migrate().await.unwrap();
    assert_eq!(db.rows(NAMES).await, ["1|bird"]);
    let hours = "SELECT schedule_id, provider_id FROM api.schedule ORDER BY 1";
    assert_eq!(db.rows(hours).await, ["1|1", "2|1", "3|1", "5|1"]);
    let aside = "SELECT schedule_id FROM api.schedule_left_behind";
    assert_eq!(db.rows(aside).await, ["4"]);
}

/// Of a database that was migrated when nobody looked at the names.
#[tokio::test]
async fn a_later_migration_mends_the_names_of_providers() {
    let db = Db::old().await;
    db.store.migrate().await.unwrap();
    let spoil = "UPDATE api.providers SET provider_name = 'Lime' WHERE provider_id = 2;
                 INSERT INTO api.providers (provider_name) VALUES ('Bird');
                 INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour, status_id)
                 SELECT max(p.provider_id), block_start, block_end, date, year, month, day, hour, 8
                 FROM api.schedule, api.providers p WHERE schedule_id = 1 GROUP BY schedule_id;
                 UPDATE api.trips SET schedule_id = (SELECT max(schedule_id) FROM api.schedule) WHERE schedule_id = 1";
    db.sql.batch_execute(spoil).await.unwrap();
    let obstacles = named(&db).await;
    assert_eq!(obstacles.len(), 1, "{obstacles:?}");
    let (one, _) = obstacles[0].repair.split_once("; two providers: ").unwrap();
    let one = one.strip_prefix("one provider: ").unwrap();
    db.sql.batch_execute(one).await.unwrap();
    let planned = db.store.plan_migration(&TakeOver::default()).await.unwrap();
    assert_eq!(
        planned.notes,
        ["1 name of a provider becomes lower case: \"Lime\""]
    );
    let report = db.store.migrate_with(&TakeOver::default()).await.unwrap();
    assert_eq!(report.notes, planned.notes);
    assert_eq!(db.rows(NAMES).await, ["1|bird", "2|lime"]);
    let owners = "SELECT schedule_id FROM api.trips ORDER BY id";
    assert_eq!(db.rows(owners).await, ["1", "1", "2"]);
    let again = db.store.migrate_with(&TakeOver::default()).await.unwrap();
    assert!(again.notes.is_empty(), "{again:?}");
}

#[tokio::test]
async fn an_odd_name_in_the_database_is_named_with_its_rule_and_the_remedy() {
    let db = Db::old().await;
    db.store.migrate().await.unwrap();
    let hour = Hour::starting_at("2020-01-15T18:00:00Z".parse().unwrap()).unwrap();
    let range = HourRange::new(hour, hour.next()).unwrap();
    for (name, remedy) in [
        ("Lime", "`mds migrate` makes it lower case"),
        (
            "lime scooters",
            "correct it: UPDATE api.providers SET provider_name = 'short_name' WHERE provider_name = 'lime scooters'",
        ),
    ] {
        db.sql
            .execute(
                "UPDATE api.providers SET provider_name = $1 WHERE provider_id = 1",
                &[&name],
            )
            .await
            .unwrap();
        let odd = db.store.odd_providers().await.unwrap();
        assert!(
            odd.len() == 1
                && odd[0].contains(&format!("`{name}` has the character"))
                && odd[0].contains(remedy),
            "{odd:?}"
        );
        // It hides no other.
        let overview = db.store.overview(range).await.unwrap();
        assert!(
            overview.iter().all(|it| it.provider.as_str() != name),
            "{overview:?}"
        );
    }
}

#[tokio::test]
async fn a_table_of_providers_that_has_all_columns_takes_new_providers_afterwards() {
    let db = old_with(
        "DROP SEQUENCE api.providers_provider_id_seq CASCADE;
         ALTER TABLE api.providers ADD COLUMN contact text, ADD CHECK (provider_name IN ('bird', 'lime'));
         UPDATE api.providers SET contact = 'desk'; ALTER TABLE api.providers ALTER COLUMN contact SET NOT NULL",
    )
    .await;
    db.store.migrate().await.unwrap();
    let insert = "INSERT INTO api.providers (provider_name) VALUES ('spin') RETURNING provider_id";
    assert_eq!(db.rows(insert).await, ["3"]);
}

/// As of a company that has left the city, under another name in its trips.
#[tokio::test]
async fn trips_of_which_nobody_knows_the_provider_are_named_with_the_way_to_their_blocks() {
    let db = old_with("UPDATE api.trips SET provider_name = 'Bird INC.'").await;
    let planned = db.store.plan_migration(&TakeOver::default()).await.unwrap();
    let note = planned.notes.iter().find(|it| it.contains("Bird INC."));
    let note = note.unwrap_or_else(|| panic!("{:?}", planned.notes));
    let id = "5eed0000-0000-4000-8000-000000000001";
    for part in ["3 trips stay without a block", id, "\"enabled\": false"] {
        assert!(note.contains(part), "{part}: {note}");
    }
    let options = TakeOver {
        provider_ids: vec![("bird".parse().unwrap(), id.parse().unwrap())],
        ..TakeOver::default()
    };
    let planned = db.store.plan_migration(&options).await.unwrap();
    assert!(!planned.notes.iter().any(|it| it.contains("Bird INC.")));
    db.store.migrate_with(&options).await.unwrap();
    let owners = "SELECT schedule_id FROM api.trips ORDER BY id";
    assert_eq!(db.rows(owners).await, ["1", "1", "2"]);
    let named = "SELECT mds_provider_id FROM api.providers ORDER BY provider_id";
    assert_eq!(db.rows(named).await, [id, "null"]);
}
