//! [`Inspection`]: what the tables of other tools are, and what has to change.

use tokio_postgres::Transaction;

use super::convert::Conversion;
use super::hours::Hours;
use super::look::look_at;
use super::provider_names::Names;
use super::shape::{
    self, Absent, Actual, DEVICES, Found, PROVIDERS, SCHEDULE, TRIPS, Table, Target,
};
use super::{
    ColumnChange, Obstacle, TableChange, TakeOver, dependents, entangled, owners, readers, rows,
    trial,
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
    /// Whether names of providers become lower case.
    pub(super) has_names_to_write: bool,
    pub(crate) obstacles: Vec<Obstacle>,
    pub(crate) notes: Vec<String>,
}

impl Inspection {
    /// Whether there is anything to change before the first migration.
    pub(crate) fn is_needed(&self) -> bool {
        !self.work.is_empty() || self.has_names_to_write
    }

    /// Notes which names become lower case, and which are in the way.
    pub(super) fn add_names(&mut self, names: &Names) {
        self.has_names_to_write |= names.has_changes();
        self.notes.extend(names.note());
        self.obstacles.extend(names.obstacles());
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
        self.times_without_zone().next().is_some()
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
/// With `is_first`, no migration of this program has seen the tables: all of them are taken over.
/// With `lock`, nobody else reads or writes the tables from then on until the transaction ends.
pub(crate) async fn inspect(
    transaction: &Transaction<'_>,
    options: &TakeOver,
    is_first: bool,
    lock: bool,
) -> Result<Inspection, StoreError> {
    let mut inspection = find_work(transaction, options, is_first).await?;
    if inspection.work.is_empty() {
        return Ok(inspection);
    }
    check_zone(transaction, options).await?;
    if inspection.work.iter().any(Work::has_times_without_zone) {
        inspection.notes.push(format!(
            "times that were stored without a zone are taken in {}; --timestamps-in takes them in another",
            options.timestamps_in
        ));
    }
    find_obstacles(transaction, &mut inspection, lock).await?;
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
    readers::note(transaction, &mut inspection).await?;
    if inspection.obstacles.is_empty() {
        owners::note_unknown_providers(transaction, &mut inspection, options).await?;
    }
    Ok(inspection)
}

/// The tables that are not yet as this program needs them.
async fn find_work(
    transaction: &Transaction<'_>,
    options: &TakeOver,
    is_first: bool,
) -> Result<Inspection, StoreError> {
    let mut inspection = Inspection::default();
    for table in shape::TABLES {
        if let Some(found) = shape::find(transaction, table).await? {
            look_at(
                &mut inspection,
                table,
                found,
                &options.timestamps_in,
                is_first,
            );
        }
    }
    if inspection.work_on(&PROVIDERS).is_none()
        && let Some(names) = Names::of_migrated(transaction).await?
    {
        inspection.add_names(&names);
    }
    Ok(inspection)
}

/// Adds what depends on the tables and would be in the way. With `lock`, locks them before.
async fn find_obstacles(
    transaction: &Transaction<'_>,
    inspection: &mut Inspection,
    lock: bool,
) -> Result<(), StoreError> {
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
    Ok(())
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

/// Whether a table lacks the provider of its devices, which the trips know.
pub(super) fn lacks_provider(work: &Work) -> bool {
    work.table.name == DEVICES.name && work.missing.iter().any(|it| it.name == "provider_id")
}
