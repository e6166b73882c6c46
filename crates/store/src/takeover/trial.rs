//! Tries views and triggers over empty tables that have the new types, so that one which does not
//! fit them is named before anything changes.

use tokio_postgres::Transaction;

use super::dependents::VIEWS;
use super::inspect::Work;
use super::shape::quoted;
use super::{Obstacle, problems};
use crate::error::{StoreError, failed};
use crate::schedule::get;

/// A lack of rights says nothing about types.
const NO_RIGHT: &str = "42501";

/// What cannot be dropped and made again. Everything that is made for that is gone afterwards.
pub(super) async fn obstacles(
    transaction: &Transaction<'_>,
    work: &[Work],
) -> Result<Vec<Obstacle>, StoreError> {
    let doing = failed("trying views over the new columns");
    let save = "SAVEPOINT mds_trial";
    transaction.batch_execute(save).await.map_err(doing)?;
    let mut obstacles = views(transaction, work).await?;
    obstacles.extend(triggers(transaction, work).await?);
    let undo = "ROLLBACK TO SAVEPOINT mds_trial; RELEASE SAVEPOINT mds_trial";
    transaction.batch_execute(undo).await.map_err(doing)?;
    Ok(obstacles)
}

/// The views that read the tables, the outer ones last.
const NAMED: &str = "
    SELECT it.name, c.relname::text AS relname, pg_get_viewdef(c.oid) AS definition,
           pg_get_userbyid(c.relowner)::text AS owner, pg_has_role(current_user, c.relowner, 'USAGE') AS is_own,
           count(*) OVER (PARTITION BY c.relname) = 1 AS is_alone,
           ARRAY(SELECT DISTINCT i.type || ' ' || i.identity
                 FROM pg_depend d
                 CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS i
                 LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
                 WHERE d.deptype = 'n'
                   AND ((d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid)
                        OR (d.refclassid = 'pg_type'::regclass
                            AND d.refobjid IN (SELECT unnest(ARRAY[y.oid, y.typarray]) FROM pg_type y
                                               WHERE y.oid = c.reltype)))
                   AND coalesce(w.ev_class, 0) <> ALL ($1)
                 ORDER BY 1) AS holders
    FROM unnest($1::oid[], $2::text[]) WITH ORDINALITY AS it (oid, name, n)
    JOIN pg_class c USING (oid)
    ORDER BY it.n";

async fn views(transaction: &Transaction<'_>, work: &[Work]) -> Result<Vec<Obstacle>, StoreError> {
    let doing = failed("trying views over the new columns");
    let tables: Vec<&str> = work.iter().map(|it| it.table.name).collect();
    let rows = transaction.query(VIEWS, &[&tables]).await.map_err(doing)?;
    let mut views: (Vec<u32>, Vec<String>) = Default::default();
    for row in &rows {
        views.0.push(get(row, "oid")?);
        views.1.push(get(row, "name")?);
    }
    shadow(transaction, &views.0).await?;
    let rows = transaction.query(NAMED, &[&views.0, &views.1]).await;
    let rows = rows.map_err(doing)?;
    for table in work {
        let create = empty_copy(table);
        transaction.batch_execute(&create).await.map_err(doing)?;
    }
    let mut obstacles = Vec::new();
    for row in &rows {
        let (name, relname): (String, String) = (get(row, "name")?, get(row, "relname")?);
        let definition: String = get(row, "definition")?;
        obstacles.extend(held(row, &name)?);
        // Of two views with one name in two schemas, no temporary one could take the place.
        if !get::<bool>(row, "is_alone")? {
            continue;
        }
        let create = format!("CREATE TEMP VIEW {} AS {definition}", quoted(&relname));
        if let Some(why) = tried(transaction, &create).await? {
            obstacles.push(problems::unfit_view(&name, &why));
        }
    }
    // An outer view goes before those that it reads.
    obstacles.reverse();
    Ok(obstacles)
}

/// The statement without which a view cannot be dropped. A column keeps its rows, so a person has
/// to say what becomes of it.
fn without(holder: &str) -> String {
    let drop = ["function ", "procedure ", "rule ", "trigger "]
        .into_iter()
        .find_map(|kind| Some((kind, holder.strip_prefix(kind)?)));
    match drop {
        Some((kind, name)) => format!(
            "DROP {}{name}; and make it again after the migration, if it is needed",
            kind.to_uppercase()
        ),
        None => format!("give the {holder} another type, or drop it"),
    }
}

/// What keeps a view from being dropped.
fn held(row: &tokio_postgres::Row, name: &str) -> Result<Vec<Obstacle>, StoreError> {
    let mut obstacles = Vec::new();
    let mut add = |what: String, repair: String| {
        obstacles.push(Obstacle {
            table: name.to_owned(),
            what,
            rows: 0,
            repair,
        });
    };
    if !get::<bool>(row, "is_own")? {
        let owner = quoted(&get::<String>(row, "owner")?);
        add(
            format!(
                "this view is made again over the new columns, and belongs to the role {owner}"
            ),
            format!("GRANT {owner} TO CURRENT_USER; or name that login in MIGRATION_DATABASE_URL"),
        );
    }
    let holders: Vec<String> = get(row, "holders")?;
    for holder in holders {
        add(
            format!("this view is made again over the new columns, and the {holder} depends on it"),
            without(&holder),
        );
    }
    Ok(obstacles)
}

/// Names without a schema mean the temporary tables and views first, and so do those in the
/// definitions of views: one that is visible is written without its schema.
async fn shadow(transaction: &Transaction<'_>, views: &[u32]) -> Result<(), StoreError> {
    let doing = failed("trying views over the new columns");
    let row = transaction
        .query_one(
            "SELECT array_to_string(array_agg(DISTINCT quote_ident(n.nspname)), ', ') AS schemas
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.oid = ANY ($1) AND n.nspname <> 'api'",
            &[&views],
        )
        .await
        .map_err(doing)?;
    let others: Option<String> = get(&row, "schemas")?;
    let others = others.map_or_else(String::new, |it| format!(", {it}"));
    let path = format!("SET LOCAL search_path = api{others}");
    transaction.batch_execute(&path).await.map_err(doing)
}

/// An empty temporary table as the table will be.
fn empty_copy(work: &Work) -> String {
    let mut columns: Vec<String> = Vec::new();
    for actual in &work.found.columns {
        let target = work
            .columns
            .iter()
            .find(|(_, it, _)| it.name == actual.name);
        let renamed = work.renames.iter().find(|(from, _)| *from == actual.name);
        let name = renamed.map_or_else(|| actual.quoted(), |(_, to)| quoted(to));
        let kind = target.map_or(actual.declared.as_str(), |(target, _, _)| target.kind.sql());
        columns.push(format!("{name} {kind}"));
    }
    for target in &work.missing {
        columns.push(format!("{} {}", target.name, target.kind.sql()));
    }
    let (name, key) = (work.table.name, work.table.key.join(", "));
    format!(
        "CREATE TEMP TABLE {name} ({}, PRIMARY KEY ({key}))",
        columns.join(", ")
    )
}

/// Triggers that name columns, which are made again as well.
async fn triggers(
    transaction: &Transaction<'_>,
    work: &[Work],
) -> Result<Vec<Obstacle>, StoreError> {
    let doing = failed("trying triggers over the new columns");
    let mut obstacles = Vec::new();
    for table in work {
        let (name, full) = (table.table.name, format!("api.{}", table.table.name));
        let rows = transaction
            .query(
                "SELECT quote_ident(tgname) AS name, pg_get_triggerdef(oid) AS definition
                 FROM pg_trigger
                 WHERE tgrelid = $1::text::regclass AND NOT tgisinternal
                   AND (tgattr::text <> '' OR tgqual IS NOT NULL)
                 ORDER BY 1",
                &[&full],
            )
            .await
            .map_err(doing)?;
        for row in &rows {
            let (trigger, definition): (String, String) =
                (get(row, "name")?, get(row, "definition")?);
            let create =
                definition.replacen(&format!(" ON {full} "), &format!(" ON pg_temp.{name} "), 1);
            if let Some(why) = tried(transaction, &create).await? {
                let what = format!(
                    "the trigger {trigger} cannot be made again over the new columns: {}",
                    why.message()
                );
                let repair = format!(
                    "DROP TRIGGER {trigger} ON {full}; and make it again after the migration, if it is needed"
                );
                obstacles.push(problems::of_table(name, what, repair));
            }
        }
    }
    Ok(obstacles)
}

/// Why the statement cannot be executed, if types or names are the reason.
async fn tried(
    transaction: &Transaction<'_>,
    statement: &str,
) -> Result<Option<tokio_postgres::error::DbError>, StoreError> {
    let doing = failed("trying views over the new columns");
    let save = "SAVEPOINT mds_try";
    transaction.batch_execute(save).await.map_err(doing)?;
    let (end, why) = match transaction.batch_execute(statement).await {
        Ok(()) => ("RELEASE SAVEPOINT mds_try", None),
        Err(error) => match error.as_db_error() {
            Some(why) => ("ROLLBACK TO SAVEPOINT mds_try", Some(why.clone())),
            None => return Err(doing(error)),
        },
    };
    transaction.batch_execute(end).await.map_err(doing)?;
    Ok(why.filter(|why| why.code().code() != NO_RIGHT))
}
