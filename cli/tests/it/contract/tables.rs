//! The tables and columns of a migrated database.

use std::collections::BTreeMap;

use serde_json::Map;

use super::page::{section, sections_of};
use crate::support::world_with;

/// The migration tool's own, which the page names and does not describe.
const HISTORY: &str = "schema_history";

const COLUMNS: &str = "
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname = 'api' AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attname";

type Columns = BTreeMap<String, BTreeMap<String, String>>;

/// Table by table, the columns with their types.
fn on_the_page() -> Columns {
    let tables = sections_of("api.").into_iter().map(|(name, section)| {
        let table = section.table("column");
        let columns = table.names("column");
        assert_eq!(
            columns.len(),
            table.cells("type").len(),
            "api.{name}: a column a row"
        );
        (name, columns.into_iter().zip(table.cells("type")).collect())
    });
    tables.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migrated_database_has_the_tables_and_columns_of_the_contract() {
    let world = world_with(&[], Map::new()).await;
    let mut code = Columns::new();
    for row in world.database.query(COLUMNS, &[]).await.unwrap() {
        let (table, column, kind): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let kind = kind.replace("timestamp with time zone", "timestamptz");
        code.entry(table).or_default().insert(column, kind);
    }
    assert!(code.remove(HISTORY).is_some());
    let page = on_the_page();
    for (table, columns) in &page {
        assert_eq!(
            Some(columns),
            code.get(table),
            "docs/CONTRACT.md, \"api.{table}\""
        );
    }
    assert_eq!(
        page.keys().collect::<Vec<_>>(),
        code.keys().collect::<Vec<_>>(),
        "docs/CONTRACT.md, \"Postgres\""
    );
}

#[test]
fn the_columns_that_hold_labels_are_columns_of_trips() {
    let trips = &on_the_page()["trips"];
    for column in section("Boundaries").table("layer").names("columns") {
        assert!(trips.contains_key(&column), "{column}");
    }
}
