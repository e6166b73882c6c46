//! `docs/DATA.md` between its markers is what the comments of a migrated database and
//! `docs/CONTRACT.md` say.

use std::fmt::Write as _;

use serde_json::Map;

use super::page::section;
use crate::support::world_with;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/DATA.md");
const BEGIN: &str = "<!-- from the comments of the database: begin -->\n";
const END: &str = "<!-- from the comments of the database: end -->";

/// Set to write the page instead of comparing it: `make data-page`.
const WRITE: &str = "MDS_WRITE_DATA_PAGE";

const RELATIONS: &str = "
    SELECT c.relname::text, c.relkind = 'v', obj_description(c.oid, 'pg_class'), c.oid
    FROM pg_class c
    WHERE c.relnamespace = 'api'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relname <> 'schema_history'
    ORDER BY c.relkind = 'v' DESC, c.relname";

const COLUMNS: &str = "
    SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum)
    FROM pg_attribute a
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum";

async fn generated() -> (Vec<String>, String) {
    let world = world_with(&[], Map::new()).await;
    let mut views = Vec::new();
    let mut text = String::from("\n## Views\n");
    let mut is_in_tables = false;
    for row in world.database.query(RELATIONS, &[]).await.unwrap() {
        let (name, is_view, comment): (String, bool, String) = (row.get(0), row.get(1), row.get(2));
        let oid: u32 = row.get(3);
        if is_view {
            views.push(name.clone());
        } else if !is_in_tables {
            text.push_str("\n## Tables\n");
            is_in_tables = true;
        }
        write!(text, "\n### api.{name}\n\n{comment}\n\n").unwrap();
        text.push_str("| column | type | meaning |\n| --- | --- | --- |\n");
        for column in world.database.query(COLUMNS, &[&oid]).await.unwrap() {
            let (name, kind, comment): (String, String, String) =
                (column.get(0), column.get(1), column.get(2));
            let kind = kind
                .replace("timestamp with time zone", "timestamptz")
                .replace("timestamp without time zone", "timestamp");
            writeln!(text, "| `{name}` | {kind} | {comment} |").unwrap();
        }
    }
    for (title, columns) in [
        ("Flags", &["flag", "meaning"][..]),
        ("Reject reasons", &["code", "further members", "meaning"]),
        ("The published row", &["member", "type", "meaning"]),
    ] {
        let table = section(title).table(columns[0]);
        let heading = match title {
            "The published row" => "The portal's columns",
            other => other,
        };
        write!(text, "\n## {heading}\n\n| {} |\n", columns.join(" | ")).unwrap();
        writeln!(text, "|{}", " --- |".repeat(columns.len())).unwrap();
        let cells: Vec<_> = columns.iter().map(|column| table.cells(column)).collect();
        for n in 0..cells[0].len() {
            let row: Vec<_> = cells.iter().map(|cells| cells[n].as_str()).collect();
            writeln!(text, "| {} |", row.join(" | ").replace("|  |", "| |")).unwrap();
        }
    }
    text.push('\n');
    (views, text.replace("|  |", "| |"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_dictionary_is_what_the_database_says() {
    let (views, generated) = generated().await;
    section("Views").table("view").assert_names("view", views);
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(PAGE, format!("{before}{BEGIN}{generated}{END}{after}")).unwrap();
        return;
    }
    for (found, expected) in found.lines().zip(generated.lines()) {
        assert_eq!(found, expected, "docs/DATA.md; `make data-page` writes it");
    }
    assert_eq!(
        found.len(),
        generated.len(),
        "docs/DATA.md; `make data-page` writes it"
    );
}
