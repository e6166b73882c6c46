//! Makes the tables of other tools those of this program.

use std::time::Instant;

use tokio_postgres::Transaction;

use super::dependents::{
    create_views, disable_triggers, drop_constraints, drop_foreign_keys, drop_views,
};
use super::indexes::{create_indexes, drop_indexes};
use super::inspect::{Inspection, Work, lacks_provider};
use super::owners::{self, OWNER_OF_TRIP};
use super::shape::{Absent, PROVIDERS, SCHEDULE, TRIPS, quoted};
use super::{TakeOver, provider_names, schedule};
use crate::error::{StoreError, failed_to_change};
use crate::schedule::get;

const SEQUENCES: [(&str, &str); 2] = [("providers", "provider_id"), ("schedule", "schedule_id")];

/// Changes the tables. Returns what else became of them, in sentences.
pub(crate) async fn apply(
    transaction: &Transaction<'_>,
    inspection: &Inspection,
    options: &TakeOver,
) -> Result<Vec<String>, StoreError> {
    let mut notes = Vec::new();
    let work = &inspection.work;
    let views = drop_views(transaction, work).await?;
    let mut again = drop_foreign_keys(transaction, work).await?;
    let mut indexes = Vec::new();
    for table in work {
        indexes.extend(drop_indexes(transaction, table).await?);
        again.extend(disable_triggers(transaction, table, &mut notes).await?);
        drop_constraints(transaction, table, &mut notes).await?;
    }
    for table in work {
        let began = Instant::now();
        let name = table.table.name;
        tracing::info!(
            table.name = %format!("api.{name}"),
            table.rows = table.rows,
            "taking over a table"
        );
        take_over(transaction, inspection, table, options, &mut notes).await?;
        tracing::info!(
            table.name = %format!("api.{name}"),
            table.rows = table.rows,
            duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "table taken over"
        );
    }
    for statement in &again {
        let doing = failed_to_change("making triggers and foreign keys again");
        transaction.batch_execute(statement).await.map_err(doing)?;
    }
    if inspection.work_on(&PROVIDERS).is_none() && inspection.has_names_to_write {
        provider_names::write(transaction).await?;
    }
    create_indexes(transaction, &indexes, &mut notes).await?;
    create_views(transaction, &views, &mut notes).await?;
    Ok(notes)
}

async fn both_there(transaction: &Transaction<'_>) -> Result<bool, StoreError> {
    let row = transaction
        .query_one(
            "SELECT to_regclass('api.trips') IS NOT NULL AND to_regclass('api.devices') IS NOT NULL AS are_there",
            &[],
        )
        .await
        .map_err(failed_to_change("looking at the tables"))?;
    get(&row, "are_there")
}

async fn take_over(
    transaction: &Transaction<'_>,
    inspection: &Inspection,
    work: &Work,
    options: &TakeOver,
    notes: &mut Vec<String>,
) -> Result<(), StoreError> {
    let doing = failed_to_change("taking over a table");
    let name = work.table.name;
    let mut using = None;
    if name == SCHEDULE.name && inspection.hours.as_ref().is_some_and(|it| it.set_aside > 0) {
        let id = work.value("schedule_id").unwrap_or("schedule_id");
        schedule::set_aside(transaction, id).await?;
    }
    if name == TRIPS.name && owners::define(transaction, work, options).await? {
        using = owner(work);
        let add = "ALTER TABLE api.trips ADD COLUMN IF NOT EXISTS schedule_id bigint";
        transaction.batch_execute(add).await.map_err(doing)?;
    }
    for statement in alterations(work, using.as_deref()) {
        transaction.batch_execute(&statement).await.map_err(doing)?;
    }
    if name == PROVIDERS.name {
        provider_names::write(transaction).await?;
    }
    if name == SCHEDULE.name {
        transaction
            .batch_execute(schedule::FILL_IN)
            .await
            .map_err(doing)?;
    }
    if using.is_some() {
        owners::count_trips_without_block(transaction, notes).await?;
    }
    if lacks_provider(work) && both_there(transaction).await? {
        owners::name_providers_of_devices(transaction, notes).await?;
    }
    for statement in finish(work) {
        transaction.batch_execute(&statement).await.map_err(doing)?;
    }
    for (table, column) in SEQUENCES {
        if table == name {
            number_further(transaction, work, column).await?;
        }
    }
    if name == SCHEDULE.name {
        transaction
            .batch_execute(schedule::CONSTRAIN)
            .await
            .map_err(doing)?;
    }
    Ok(())
}

/// The block that has delivered a trip, as an expression over the old row.
fn owner(work: &Work) -> Option<String> {
    let (provider, ended) = (work.value("provider_id")?, work.value("end_time")?);
    let owner = format!("{OWNER_OF_TRIP}(({provider})::uuid, ({ended})::timestamptz)");
    Some(match work.found.column("schedule_id") {
        Some(_) => format!(
            "coalesce(({})::bigint, {owner})",
            work.value("schedule_id")?
        ),
        None => owner,
    })
}

/// The statements that give the columns their types. One of them writes every row anew.
fn alterations(work: &Work, schedule_id: Option<&str>) -> Vec<String> {
    let table = format!("api.{}", work.table.name);
    let mut before = Vec::new();
    let mut types = Vec::new();
    for target in &work.missing {
        before.push(format!("ADD COLUMN {} {}", target.name, target.kind.sql()));
    }
    for (target, actual, conversion) in &work.columns {
        let column = actual.quoted();
        let is_owner = schedule_id.is_some() && target.name == "schedule_id";
        let writes = conversion.writes(actual) || is_owner;
        if actual.is_not_null && target.absent == Absent::Null {
            before.push(format!("ALTER COLUMN {column} DROP NOT NULL"));
        }
        if writes && actual.default.is_some() && !actual.is_identity {
            before.push(format!("ALTER COLUMN {column} DROP DEFAULT"));
        }
        if is_owner || !work.is_written(target, actual, conversion) {
            continue;
        }
        let value = match target.absent {
            Absent::Computed => {
                before.push(format!("ALTER COLUMN {column} DROP NOT NULL"));
                format!("NULL::{}", target.kind.sql())
            }
            _ => conversion.value.clone(),
        };
        types.push(format!(
            "ALTER COLUMN {column} TYPE {} USING {value}",
            target.kind.sql()
        ));
    }
    if let Some(owner) = schedule_id {
        types.push(format!(
            "ALTER COLUMN schedule_id TYPE bigint USING {owner}"
        ));
    }
    for extra in others(work) {
        before.push(format!("ALTER COLUMN {extra} DROP NOT NULL"));
    }
    let mut statements: Vec<String> = [before, types]
        .into_iter()
        .filter(|actions| !actions.is_empty())
        .map(|actions| format!("ALTER TABLE {table} {}", actions.join(", ")))
        .collect();
    for (from, to) in &work.renames {
        statements.push(format!(
            "ALTER TABLE {table} RENAME COLUMN {} TO {to}",
            quoted(from)
        ));
    }
    statements
}

/// Columns that only the other tool has, and that must have a value, which our rows do not.
fn others(work: &Work) -> impl Iterator<Item = String> {
    let is_ours = |name: &str| {
        work.columns
            .iter()
            .any(|(_, actual, _)| actual.name == name)
    };
    work.found
        .columns
        .iter()
        .filter(move |it| !is_ours(&it.name) && it.is_not_null && it.default.is_none())
        .filter(|it| !it.is_identity && !it.is_generated)
        .map(super::shape::Actual::quoted)
}

/// The statements after the columns have their types: defaults, values that must be there, the key.
fn finish(work: &Work) -> Vec<String> {
    let table = format!("api.{}", work.table.name);
    let mut actions = Vec::new();
    let present: Vec<&str> = work
        .columns
        .iter()
        .map(|(target, _, _)| target.name)
        .collect();
    for target in work.table.columns {
        let is_there =
            present.contains(&target.name) || work.missing.iter().any(|it| it.name == target.name);
        if !is_there {
            continue;
        }
        if let Absent::Is(default) = target.absent {
            actions.push(format!(
                "ALTER COLUMN {} SET DEFAULT {default}",
                target.name
            ));
        }
        if target.absent != Absent::Null {
            actions.push(format!("ALTER COLUMN {} SET NOT NULL", target.name));
        }
    }
    let key: Vec<&str> = work.found.key.iter().map(String::as_str).collect();
    let has_key =
        key.len() == work.table.key.len() && work.table.key.iter().all(|it| key.contains(it));
    if !has_key && work.renames.is_empty() {
        actions.push(format!("ADD PRIMARY KEY ({})", work.table.key.join(", ")));
    }
    let mut statements: Vec<String> = work
        .missing
        .iter()
        .filter_map(|target| match target.absent {
            Absent::Is(default) => Some(format!("UPDATE {table} SET {} = {default}", target.name)),
            _ => None,
        })
        .collect();
    statements.push(format!("ALTER TABLE {table} {}", actions.join(", ")));
    statements
}

/// Lets new rows have numbers after those of the old ones.
async fn number_further(
    transaction: &Transaction<'_>,
    work: &Work,
    column: &str,
) -> Result<(), StoreError> {
    let doing = failed_to_change("numbering further rows");
    let table = format!("api.{}", work.table.name);
    let mut columns = work.columns.iter();
    let Some((_, actual, _)) = columns.find(|(target, _, _)| target.name == column) else {
        return Ok(());
    };
    let sequence = match (&actual.default, actual.is_identity) {
        (_, true) => format!("pg_get_serial_sequence('{table}', '{column}')"),
        (Some(default), _) if default.starts_with("nextval(") => {
            let sequence = default
                .trim_start_matches("nextval(")
                .trim_end_matches(')')
                .trim_end_matches("::regclass");
            let set = format!("ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {default}");
            transaction.batch_execute(&set).await.map_err(doing)?;
            if column == "schedule_id" {
                let name = sequence.trim_matches('\'').replace("''", "'");
                let widen = format!("ALTER SEQUENCE {name} AS bigint");
                transaction.batch_execute(&widen).await.map_err(doing)?;
            }
            sequence.to_owned()
        }
        _ => {
            let set = format!(
                "ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT, \
                 ALTER COLUMN {column} ADD GENERATED BY DEFAULT AS IDENTITY"
            );
            transaction.batch_execute(&set).await.map_err(doing)?;
            format!("pg_get_serial_sequence('{table}', '{column}')")
        }
    };
    let skip = format!(
        "SELECT setval({sequence}, greatest(nextval({sequence}), (SELECT coalesce(max({column}), 0) + 1 FROM {table})), false)"
    );
    transaction.batch_execute(&skip).await.map_err(doing)
}
