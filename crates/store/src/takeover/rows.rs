//! Counts the rows of a table, and those that cannot be taken over.

use tokio_postgres::Transaction;

use super::inspect::{Inspection, Work, lacks_provider};
use super::problems::{for_public_ids, for_unfit, of_rows, set_aside};
use super::provider_names::Names;
use super::shape::{Absent, Kind, PROVIDERS, SCHEDULE, TRIPS};
use super::{Obstacle, convert};
use crate::error::{StoreError, failed};
use crate::schedule::read_count;

mod rules;

/// The first year of blocks, and the first after them.
const BLOCKS: (&str, &str) = ("2000", "2050");
/// The first year of the calendar, and the first after it.
const CALENDAR: (&str, &str) = ("0001", "10000");

/// Looks at the rows of the n-th table of the work.
pub(super) async fn count(
    transaction: &Transaction<'_>,
    inspection: &mut Inspection,
    n: usize,
) -> Result<(), StoreError> {
    let Some(work) = inspection.work.get_mut(n) else {
        return Ok(());
    };
    if work.found.relkind != "r" || !work.found.is_own {
        return Ok(());
    }
    let mut obstacles = count_unfit(transaction, work).await?;
    obstacles.extend(missing_columns(work));
    let mut names = None;
    if obstacles.is_empty() {
        obstacles = rules::table_rules(transaction, work).await?;
        if work.table.name == PROVIDERS.name {
            names = Names::of_work(transaction, work).await?;
        }
    }
    inspection.obstacles.extend(obstacles);
    if let Some(names) = names {
        inspection.add_names(&names);
    }
    Ok(())
}

/// One pass over the table counts the values that fit into no new type, and the missing ones.
async fn count_unfit(
    transaction: &Transaction<'_>,
    work: &mut Work,
) -> Result<Vec<Obstacle>, StoreError> {
    let table = work.table.name;
    let mut checks: Vec<(String, String, String)> = Vec::new();
    for (target, actual, conversion) in &work.columns {
        if let Some(unfit) = &conversion.unfit {
            let what = format!("whose {} is not {}", actual.name, target.kind.noun());
            let repair = if target.name == "id" {
                for_public_ids(table, true)
            } else {
                for_unfit(table, target, &actual.name, unfit)
            };
            checks.push((unfit.clone(), what, repair));
        }
        if let Some(lacks) = convert::lacks_value(actual, target, conversion) {
            let repair = if target.name == "id" {
                let column = actual.quoted();
                format!("UPDATE api.{table} SET {column} = gen_random_uuid() WHERE {lacks};")
            } else {
                set_aside(table, &lacks)
            };
            checks.push((lacks, format!("without {}", actual.name), repair));
        }
    }
    checks.extend(out_of_calendar(work));
    if table == SCHEDULE.name
        && let Some(id) = work.value("schedule_id")
    {
        let below = format!("({id}) < 1");
        let repair = set_aside(table, &below);
        checks.push((below, "with a schedule_id below 1".to_owned(), repair));
    }
    checks.extend(shown_ids(work));
    let counts: String = checks
        .iter()
        .map(|(condition, _, _)| format!(", count(*) FILTER (WHERE {condition})"))
        .collect();
    let row = transaction
        .query_one(&format!("SELECT count(*){counts} FROM api.{table}"), &[])
        .await
        .map_err(failed("counting the rows of a table"))?;
    work.rows = read_count(&row, 0)?;
    let mut obstacles = Vec::new();
    for (n, (_, what, repair)) in checks.into_iter().enumerate() {
        let rows = read_count(&row, n + 1)?;
        if rows > 0 {
            obstacles.push(of_rows(table, rows, what, repair));
        }
    }
    Ok(obstacles)
}

/// Instants that no block can have, or that this program cannot read: infinite ones, and those of a
/// year without four digits. Each is a condition, what it means, and its repair.
fn out_of_calendar(work: &Work) -> Vec<(String, String, String)> {
    let table = work.table.name;
    let instants = work.columns.iter();
    let instants = instants.filter(|(target, _, _)| target.kind == Kind::Instant);
    let checks = instants.filter_map(|(target, actual, conversion)| {
        let is_end = table == TRIPS.name && target.name == "end_time";
        let value = match target.absent {
            Absent::Computed if actual.base == "timestamptz" => actual.quoted(),
            Absent::Computed => return None,
            _ => conversion.value.clone(),
        };
        let (from, until) = if is_end { BLOCKS } else { CALENDAR };
        let outside = format!(
            "NOT (({value}) >= timestamptz '{from}-01-01 00:00:00+00' \
             AND ({value}) < timestamptz '{until}-01-01 00:00:00+00')"
        );
        let what = if is_end {
            format!(
                "whose {} is in no hour of the years 2000 to 2049, so no block has it",
                actual.name
            )
        } else {
            format!(
                "whose {} is infinite, before the year 1 or after 9999",
                actual.name
            )
        };
        let repair = set_aside(table, &outside);
        Some((outside, what, repair))
    });
    checks.collect()
}

/// Public ids that are ids of the provider, in whatever type and writing: no row with one may be
/// published.
fn shown_ids(work: &Work) -> Option<(String, String, String)> {
    let table = work.table.name;
    let text = |name| {
        let column = work.found.column(name)?.quoted();
        Some(format!("lower({column}::text)"))
    };
    let (id, device) = (text("id")?, text("device_id")?);
    let of_provider = if table == TRIPS.name {
        format!("{}, {device}", text("trip_id")?)
    } else {
        device
    };
    let shown = format!("{id} IN ({of_provider})");
    let repair = format!("UPDATE api.{table} SET id = gen_random_uuid() WHERE {shown};");
    let what = "whose id, which is public, is an id of the provider".to_owned();
    Some((shown, what, repair))
}

/// Columns that no value can be made up for.
fn missing_columns(work: &Work) -> Vec<Obstacle> {
    let table = work.table.name;
    if work.rows == 0 {
        return Vec::new();
    }
    let missing = work
        .missing
        .iter()
        .filter(|it| it.absent == Absent::Refused);
    missing
        .filter(|it| !(lacks_provider(work) && it.name == "provider_id"))
        .map(|it| {
            let what = format!("because the table lacks the column {}", it.name);
            let repair = if it.name == "id" {
                for_public_ids(table, false)
            } else {
                let kind = it.kind.sql();
                format!(
                    "ALTER TABLE api.{table} ADD COLUMN {} {kind}; then fill it in",
                    it.name
                )
            };
            of_rows(table, work.rows, what, repair)
        })
        .collect()
}
