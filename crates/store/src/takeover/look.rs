//! What a table of another tool is like, compared with the table that it must be.

use super::convert::{Conversion, conversion};
use super::inspect::{Inspection, Work};
use super::problems;
use super::shape::{Absent, Actual, Found, PROVIDERS, SCHEDULE, Table, Target};

/// Adds a table to the work if it is not as it must be, or if no migration has seen it: then its
/// owner, its constraints and its values may be in the way although its columns fit.
pub(super) fn look_at(
    inspection: &mut Inspection,
    table: &'static Table,
    found: Found,
    zone: &str,
    is_first: bool,
) {
    let mut work = Work {
        table,
        columns: Vec::new(),
        missing: Vec::new(),
        renames: renames(table, &found),
        rows: 0,
        found,
    };
    let mut obstacles = Vec::new();
    for target in table.columns {
        let is_renamed = |name: &str| work.renames.iter().any(|(from, _)| from == name);
        let name = work.renames.iter().find(|(_, to)| *to == target.name);
        let actual = match name {
            Some((from, _)) => work.found.column(from),
            None if is_renamed(target.name) => None,
            None => work.found.column(target.name),
        };
        let Some(actual) = actual.cloned() else {
            if !target.is_later {
                work.missing.push(target);
            }
            continue;
        };
        match converted(table, &actual, target, zone) {
            Some(conversion) => work.columns.push((target, actual, conversion)),
            None => obstacles.push(problems::no_way(table, &actual, target)),
        }
    }
    if !is_first && !is_needed(&work) && obstacles.is_empty() {
        return;
    }
    obstacles.extend(problems::of_work(&work));
    inspection.obstacles.extend(obstacles);
    inspection.work.push(work);
}

fn converted(table: &Table, actual: &Actual, target: &Target, zone: &str) -> Option<Conversion> {
    let is_id = matches!(actual.base.as_str(), "uuid");
    if table.name == SCHEDULE.name && target.name == "provider_id" && is_id {
        return Some(Conversion {
            value: format!("pg_temp.mds_provider_number({})", actual.quoted()),
            unfit: None,
            is_change: true,
        });
    }
    if target.absent == Absent::Computed {
        let is_same = actual.base == target.kind.catalog();
        return Some(Conversion {
            value: actual.quoted(),
            unfit: None,
            is_change: !is_same || !actual.is_not_null,
        });
    }
    conversion(actual, target, zone)
}

/// The number of a provider in `id` and its MDS id in `provider_id`.
fn renames(table: &Table, found: &Found) -> Vec<(String, &'static str)> {
    let has = |name: &str, types: &[&str]| {
        found
            .column(name)
            .is_some_and(|it| types.contains(&it.base.as_str()))
    };
    let whole = ["int2", "int4", "int8"];
    if table.name == PROVIDERS.name
        && has("id", &whole)
        && !has("provider_id", &whole)
        && found.column("mds_provider_id").is_none()
    {
        let mut renames = vec![("id".to_owned(), "provider_id")];
        if found.column("provider_id").is_some() {
            renames.insert(0, ("provider_id".to_owned(), "mds_provider_id"));
        }
        return renames;
    }
    if table.name == "schedule_status" && has("id", &whole) && found.column("status_id").is_none() {
        return vec![("id".to_owned(), "status_id")];
    }
    Vec::new()
}

fn is_needed(work: &Work) -> bool {
    let key: Vec<&str> = work.found.key.iter().map(String::as_str).collect();
    let has_key =
        key.len() == work.table.key.len() && work.table.key.iter().all(|it| key.contains(it));
    let may_lack = |(target, actual, _): &(&Target, Actual, Conversion)| {
        target.absent != Absent::Null && !actual.is_not_null
    };
    !has_key
        || !work.missing.is_empty()
        || !work.renames.is_empty()
        || work.columns.iter().any(|(_, _, it)| it.is_change)
        || work.columns.iter().any(may_lack)
}
