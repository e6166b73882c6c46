//! Texts in columns of the Python tool that become numbers, times or UUIDs: each is taken over, or
//! its row is named.

use store::TakeOver;

use crate::fixture::Db;

impl Db {
    /// An old table whose column is a text: `text` in its first trip, `others` in the two others.
    async fn with_texts(column: &str, text: &str, others: &str) -> Self {
        let db = Self::old().await;
        let change = format!(
            "ALTER TABLE api.trips ALTER COLUMN {column} TYPE text;
             UPDATE api.trips SET {column} = '{others}';
             UPDATE api.trips SET {column} = '{text}' WHERE right(id::text, 1) = '1'"
        );
        db.sql.batch_execute(&change).await.unwrap();
        db
    }
}

#[tokio::test]
async fn coordinates_as_texts_become_numbers() {
    let db = Db::with_texts("start_latitude", " 3.0270000000000001e1 ", "-.5").await;
    db.store.migrate().await.unwrap();
    let latitudes = "SELECT start_latitude FROM api.trips ORDER BY id";
    assert_eq!(db.rows(latitudes).await, ["30.27", "-0.5", "-0.5"]);
}

#[tokio::test]
async fn a_text_that_is_no_value_is_named_and_does_not_stop_the_statement() {
    let uuid = "00000000-0000-0000-0000-000000000001";
    let numbers = [
        "north".to_owned(),
        "9".repeat(400),
        format!("0.{}1", "0".repeat(400)),
    ];
    let times = [
        "2020-01-15 17:20:00+99".to_owned(),
        "2020-01-15 17:20:00+15:60".to_owned(),
        "\t2020-01-15 17:20:00".to_owned(),
        format!("2020-01-15 17:20:00.{}", "1".repeat(200)),
    ];
    let uuids = [
        format!("{{{uuid}"),
        format!("{uuid}}}"),
        format!("\t{uuid}"),
    ];
    for (column, noun, others, texts) in [
        ("start_latitude", "a number", "30.27", &numbers[..]),
        (
            "start_time",
            "a time",
            " 2020-01-15 17:20:00.5+1545",
            &times,
        ),
        ("device_id", "a UUID", &format!(" {{{uuid}}} "), &uuids),
    ] {
        let db = Db::with_texts(column, "", others).await;
        for text in texts {
            let update =
                format!("UPDATE api.trips SET {column} = '{text}' WHERE right(id::text, 1) = '1'");
            db.sql.batch_execute(&update).await.unwrap();
            let planned = db.store.plan_migration(&TakeOver::default()).await;
            let obstacles = planned
                .unwrap_or_else(|error| panic!("{column} {text}: {error}"))
                .obstacles;
            let expected = format!("1 row whose {column} is not {noun}");
            assert!(
                obstacles.len() == 1 && obstacles[0].to_string().contains(&expected),
                "{column} {text}: {obstacles:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_repair_of_amounts_in_dollars_passes_over_what_is_no_amount() {
    let db = Db::with_texts("actual_cost", " 2.50", "None").await;
    let planned = db.store.plan_migration(&TakeOver::default()).await.unwrap();
    assert_eq!(planned.obstacles.len(), 1, "{planned:?}");
    let repair = &planned.obstacles[0].repair;
    let (_, repair) = repair.split_once("amounts in dollars: ").unwrap();
    let (repair, _) = repair.split_once(';').unwrap();
    db.sql.batch_execute(repair).await.unwrap();
    db.store.migrate().await.unwrap();
    let costs = "SELECT coalesce(actual_cost::text, 'null') FROM api.trips ORDER BY id";
    assert_eq!(db.rows(costs).await, ["250", "null", "null"]);
}
