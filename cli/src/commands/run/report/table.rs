//! The blocks and trips of a run by provider.

use std::collections::BTreeMap;

use pipeline::{Plan, ProviderSummary, RunSummary, RunTrips};
use serde::Serialize;
use trips::block::ProviderName;

use crate::table::table;

/// A provider's blocks and trips in a run.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Row {
    /// `None` for the sum of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderName>,
    /// Blocks of the plan.
    blocks: u64,
    done: u64,
    not_ready: u64,
    failed: u64,
    /// Blocks that were killed, or not begun.
    unfinished: u64,
    /// Blocks of the range whose steps were done before.
    nothing_to_do: u64,
    not_archived: u64,
    not_loaded: u64,
    not_ended: u64,
    before_start: u64,
    #[serde(flatten)]
    trips: RunTrips,
}

/// The rows of every provider of the plan and of the summary.
pub(super) fn rows(plan: &Plan, summary: &RunSummary) -> Vec<Row> {
    let mut rows = of_summary(&summary.providers);
    for planned in &plan.providers {
        let row = rows.entry(planned.provider.clone()).or_default();
        row.provider = Some(planned.provider.clone());
        row.blocks = planned.block_count;
        row.unfinished = planned
            .block_count
            .saturating_sub(row.done + row.not_ready + row.failed);
        row.nothing_to_do = planned.done_count();
        row.not_archived = planned.not_archived;
        row.not_loaded = planned.not_loaded;
        row.not_ended = planned.not_ended;
        row.before_start = planned.before_start;
    }
    rows.into_values().collect()
}

/// Those of a run whose plan is not known.
fn of_summary(providers: &[ProviderSummary]) -> BTreeMap<ProviderName, Row> {
    let row = |it: &ProviderSummary| Row {
        provider: Some(it.provider.clone()),
        blocks: it.done + it.not_ready + it.failed,
        done: it.done,
        not_ready: it.not_ready,
        failed: it.failed,
        trips: it.trips,
        ..Row::default()
    };
    let rows = providers.iter().map(|it| (it.provider.clone(), row(it)));
    rows.collect()
}

/// A column, and how to read it.
type Column = (&'static str, fn(&Row) -> u64);

/// Those that are always shown.
const BLOCKS: [Column; 2] = [("blocks", |it| it.blocks), ("done", |it| it.done)];

/// Those that are shown if one of their numbers is not zero.
const OTHERS: [Column; 4] = [
    ("not published yet", |it| it.not_ready),
    ("failed", |it| it.failed),
    ("not ended", |it| it.unfinished),
    ("done before", |it| it.nothing_to_do),
];
const LOADED: [Column; 4] = [
    ("trips fetched", |it| it.trips.trips_fetched),
    ("= loaded", |it| it.trips.trips_loaded),
    ("+ rejected", |it| it.trips.trips_rejected),
    ("+ duplicates", |it| it.trips.trips_duplicates),
];
/// For a run that loads nothing.
const MOVED: [Column; 2] = [
    ("trips archived", |it| it.trips.trips_archived),
    ("trips published", |it| it.trips.trips_published),
];

/// The table of a run; providers without a block of the range are left out.
pub(super) fn shown(plan: Option<&Plan>, summary: &RunSummary) -> Option<comfy_table::Table> {
    let mut rows = match plan {
        Some(plan) => rows(plan, summary),
        None => of_summary(&summary.providers).into_values().collect(),
    };
    rows.retain(|row| row.blocks + row.nothing_to_do > 0);
    if rows.is_empty() {
        return None;
    }
    if rows.len() > 1 {
        rows.push(sum(&rows));
    }
    let moved: &[Column] = if summary.trips.trips_fetched > 0 {
        &LOADED
    } else {
        &MOVED
    };
    let is_used = |column: &&Column| rows.iter().any(|row| column.1(row) > 0);
    let columns: Vec<&Column> = BLOCKS
        .iter()
        .chain(OTHERS.iter().filter(is_used))
        .chain(moved.iter().filter(is_used))
        .collect();
    let mut heading = vec!["provider"];
    heading.extend(columns.iter().map(|(name, _)| name));
    let mut shown = table(&heading, 1);
    for row in &rows {
        let name = row.provider.as_ref().map_or("all", ProviderName::as_str);
        let mut cells = vec![name.to_owned()];
        cells.extend(columns.iter().map(|(_, read)| read(row).to_string()));
        shown.add_row(cells);
    }
    Some(shown)
}

fn sum(rows: &[Row]) -> Row {
    let sum = |read: fn(&Row) -> u64| rows.iter().map(read).sum::<u64>();
    Row {
        blocks: sum(|it| it.blocks),
        done: sum(|it| it.done),
        not_ready: sum(|it| it.not_ready),
        failed: sum(|it| it.failed),
        unfinished: sum(|it| it.unfinished),
        nothing_to_do: sum(|it| it.nothing_to_do),
        trips: rows.iter().map(|it| it.trips).sum(),
        ..Row::default()
    }
}
