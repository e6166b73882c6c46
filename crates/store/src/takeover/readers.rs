//! Views that read columns which say something else afterwards.
//!
//! Such a view often fits the new types, and so is made again without an error. `AT TIME ZONE` is
//! the usual case: it turns a time without a zone into an instant, and an instant into a time
//! without a zone. A person has to look at the view, so it is named with its text.

use tokio_postgres::Transaction;

use super::inspect::{Inspection, Work};
use super::shape::{Kind, SCHEDULE};
use crate::error::{StoreError, failed};
use crate::schedule::get;

/// The views that read the columns `$2` of the tables `$1`, directly or by way of other views.
const READERS: &str = "
    WITH RECURSIVE reader AS (
        SELECT r.ev_class AS oid, format('api.%s.%s', c.relname, a.attname) AS read
        FROM unnest($1::text[], $2::text[]) AS changed (table_name, column_name)
        JOIN pg_class c ON c.relname = changed.table_name AND c.relnamespace = 'api'::regnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = changed.column_name
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum
        JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
        WHERE r.ev_class <> c.oid
        UNION
        SELECT r.ev_class, reader.read
        FROM reader
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = reader.oid
        JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
        WHERE r.ev_class <> reader.oid
    )
    SELECT c.oid::regclass::text AS name, string_agg(DISTINCT reader.read, ', ' ORDER BY reader.read) AS columns,
           regexp_replace(btrim(pg_get_viewdef(c.oid)), '\\s+', ' ', 'g') AS definition
    FROM reader JOIN pg_class c USING (oid)
    WHERE c.relkind IN ('v', 'm')
    GROUP BY c.oid
    ORDER BY 1";

/// The civil columns of the schedule.
const CIVIL: [&str; 5] = ["date", "year", "month", "day", "hour"];

/// Notes the views over times that get a zone, and over hours that become the starts.
pub(super) async fn note(
    transaction: &Transaction<'_>,
    inspection: &mut Inspection,
) -> Result<(), StoreError> {
    let times = inspection.work.iter().flat_map(|work| {
        let columns = work.times_without_zone();
        columns.map(|column| (work.table.name, column))
    });
    let times: (Vec<&str>, Vec<&str>) = times.unzip();
    let mut notes = named(
        transaction,
        times,
        "which had no zone and become instants: AT TIME ZONE, days and hours say something else of them",
    )
    .await?;
    if inspection.hours.as_ref().is_some_and(|it| it.were_ends) {
        let civil = CIVIL.iter().map(|column| (SCHEDULE.name, *column)).unzip();
        notes.extend(
            named(
                transaction,
                civil,
                "which were the ends of the hours and become the starts",
            )
            .await?,
        );
    }
    inspection.notes.extend(notes);
    Ok(())
}

async fn named(
    transaction: &Transaction<'_>,
    columns: (Vec<&str>, Vec<&str>),
    change: &str,
) -> Result<Vec<String>, StoreError> {
    let rows = transaction.query(READERS, &[&columns.0, &columns.1]).await;
    let rows = rows.map_err(failed("looking for views over times"))?;
    let notes = rows.iter().map(|row| {
        let (name, columns, definition): (String, String, String) =
            (get(row, "name")?, get(row, "columns")?, get(row, "definition")?);
        Ok(format!(
            "look at the view {name}: it reads {columns}, {change}; make it anew after the migration if it is not \
             right any more: {definition}"
        ))
    });
    notes.collect()
}

impl Work {
    /// Columns that become instants and that did not say in which zone they are.
    pub(super) fn times_without_zone(&self) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter();
        columns
            .filter(|(target, actual, _)| {
                target.kind == Kind::Instant
                    && ["timestamp", "text", "varchar"].contains(&actual.base.as_str())
            })
            .map(|(_, actual, _)| actual.name.as_str())
    }
}
