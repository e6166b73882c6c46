//! [`Inspection`]: what the tables of other tools are, and what has to change.

use tokio_postgres::Transaction;

use super::convert::{Conversion, conversion};
use super::hours::Hours;
use super::shape::{
    self, Absent, Actual, DEVICES, Found, Kind, PROVIDERS, SCHEDULE, TRIPS, Table, Target,
};
use super::{
    ColumnChange, Obstacle, TableChange, TakeOver, dependents, entangled, problems, rows, trial,
};
use crate::error::{StoreError, failed};

/// Rows that are written anew in a second, roughly.
const ROWS_PER_SECOND: u64 = 40_000;

/// A table that has to change.
#[derive(Debug)]
pub(crate) struct Work {
    pub(super) table: &'static Table,
    pub(super) found: Found,
    pub(super) columns: Vec<(&'static Target, Actual, Conversion)>,
    pub(super) missing: Vec<&'static Target>,
    /// Columns that get another name, after their types have changed.
    pub(super) renames: Vec<(String, &'static str)>,
    pub(super) rows: u64,
}

/// What has to change before the first migration, and what stands in the way.
#[derive(Debug, Default)]
pub(crate) struct Inspection {
    pub(super) work: Vec<Work>,
    pub(super) hours: Option<Hours>,
    pub(crate) obstacles: Vec<Obstacle>,
    pub(crate) notes: Vec<String>,
}

impl Inspection {
    /// Whether there are tables to take over.
    pub(crate) fn is_needed(&self) -> bool {
        !self.work.is_empty()
    }

    pub(super) fn work_on(&self, table: &Table) -> Option<&Work> {
        self.work.iter().find(|it| it.table.name == table.name)
    }

    /// The tables as a report tells them.
    pub(crate) fn tables(&self) -> Vec<TableChange> {
        self.work.iter().map(Work::change).collect()
    }

    /// How long the changes take, roughly.
    pub(crate) fn seconds(&self) -> u64 {
        let rows: u64 = self.work.iter().map(|it| it.rows).sum();
        rows.div_ceil(ROWS_PER_SECOND)
    }
}

impl Work {
    fn change(&self) -> TableChange {
        let changed = self.columns.iter().filter(|(_, _, it)| it.is_change);
        let changed = changed.map(|(target, actual, _)| ColumnChange {
            column: target.name.to_owned(),
            from: Some(actual.declared.clone()),
            to: target.kind.sql().to_owned(),
        });
        let added = self.missing.iter().map(|target| ColumnChange {
            column: target.name.to_owned(),
            from: None,
            to: target.kind.sql().to_owned(),
        });
        TableChange {
            table: format!("api.{}", self.table.name),
            rows: self.rows,
            is_rewritten: self.rows > 0,
            columns: changed.chain(added).collect(),
        }
    }

    /// Whether columns become instants that did not say in which zone they are.
    fn has_times_without_zone(&self) -> bool {
        self.columns.iter().any(|(target, actual, _)| {
            target.kind == Kind::Instant
                && ["timestamp", "text", "varchar"].contains(&actual.base.as_str())
        })
    }

    /// Whether a column of the old table is written anew, with another type or other values.
    pub(super) fn is_written(&self, target: &Target, actual: &Actual, to: &Conversion) -> bool {
        let is_owner = self.table.name == TRIPS.name && target.name == "schedule_id";
        let is_type_change = actual.base != target.kind.catalog();
        is_owner || (to.writes(actual) && (target.absent != Absent::Computed || is_type_change))
    }

    /// The columns of the old table that are written anew.
    pub(super) fn written(&self) -> Vec<&str> {
        let columns = self.columns.iter();
        columns
            .filter(|(target, actual, conversion)| self.is_written(target, actual, conversion))
            .map(|(_, actual, _)| actual.name.as_str())
            .collect()
    }

    /// The value of a column after the change, as an expression over the table as it is.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let mut columns = self.columns.iter();
        let (_, _, conversion) = columns.find(|(target, _, _)| target.name == name)?;
        Some(&conversion.value)
    }
}

/// Reads what the tables are, and counts what cannot be taken over. Changes nothing but temporary
/// tables.
///
/// With `lock`, nobody else reads or writes the tables from then on until the transaction ends.
pub(crate) async fn inspect(
    transaction: &Transaction<'_>,
    options: &TakeOver,
    lock: bool,
) -> Result<Inspection, StoreError> {
    let mut inspection = Inspection::default();
    for table in shape::TABLES {
        if let Some(found) = shape::find(transaction, table).await? {
            look_at(&mut inspection, table, found, &options.timestamps_in);
        }
    }
    if !inspection.is_needed() {
        return Ok(inspection);
    }
    check_zone(transaction, options).await?;
    if inspection.work.iter().any(Work::has_times_without_zone) {
        inspection.notes.push(format!(
            "times that were stored without a zone are taken in {}; --timestamps-in takes them in another",
            options.timestamps_in
        ));
    }
    for n in 0..inspection.work.len() {
        if let Some(work) = inspection.work.get(n)
            && work.found.relkind == "r"
            && work.found.is_own
        {
            if lock {
                let lock = format!(
                    "LOCK TABLE api.{} IN ACCESS EXCLUSIVE MODE",
                    work.table.name
                );
                let doing = failed("locking the tables to take over");
                transaction.batch_execute(&lock).await.map_err(doing)?;
            }
            let obstacles = dependents::obstacles(transaction, work).await?;
            inspection.obstacles.extend(obstacles);
            let obstacles = entangled::obstacles(transaction, work).await?;
            inspection.obstacles.extend(obstacles);
        }
    }
    if inspection.obstacles.is_empty() {
        inspection.obstacles = trial::obstacles(transaction, &inspection.work).await?;
    }
    transaction
        .batch_execute(FUNCTIONS)
        .await
        .map_err(failed("preparing to take over tables"))?;
    for n in 0..inspection.work.len() {
        rows::count(transaction, &mut inspection, n).await?;
    }
    if inspection.work_on(&SCHEDULE).is_some() {
        let hours = Hours::find(transaction, &mut inspection, options).await?;
        inspection.hours = hours;
    }
    Ok(inspection)
}

const FUNCTIONS: &str = "
    CREATE OR REPLACE FUNCTION pg_temp.mds_json(given text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        IF btrim(given) IN ('', 'None') THEN RETURN NULL; END IF;
        RETURN given::jsonb;
    EXCEPTION WHEN OTHERS THEN
        RETURN to_jsonb(given);
    END $$";

async fn check_zone(transaction: &Transaction<'_>, options: &TakeOver) -> Result<(), StoreError> {
    let known = "SELECT FROM pg_timezone_names WHERE lower(name) = lower($1) LIMIT 1";
    let zone = &options.timestamps_in;
    let found = transaction
        .query_opt(known, &[zone])
        .await
        .map_err(failed("looking up a time zone"))?;
    if found.is_none() {
        return Err(StoreError::UnknownZone { zone: zone.clone() });
    }
    Ok(())
}

/// Adds a table to the work if it is not as it must be.
fn look_at(inspection: &mut Inspection, table: &'static Table, found: Found, zone: &str) {
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
    if !is_needed(&work) && obstacles.is_empty() {
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

/// Whether a table lacks the provider of its devices, which the trips know.
pub(super) fn lacks_provider(work: &Work) -> bool {
    work.table.name == DEVICES.name && work.missing.iter().any(|it| it.name == "provider_id")
}
