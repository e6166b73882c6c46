//! Every index is read by a statement or a view, and `docs/DATA.md` says by which.

use std::collections::BTreeSet;

use crate::fixture::Db;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/DATA.md");

/// The names in the first column of the page's table of indexes.
fn listed() -> BTreeSet<String> {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (_, section) = page.split_once("\n## Indexes\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[tokio::test]
async fn the_page_lists_every_index_with_what_reads_it() {
    let db = Db::migrated().await;
    let indexes = "SELECT indexname FROM pg_indexes WHERE schemaname = 'api'";
    let indexes: BTreeSet<String> = db.rows(indexes).await.into_iter().collect();
    assert_eq!(listed(), indexes);
}
