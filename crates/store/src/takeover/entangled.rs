//! What else in the database is made of the columns that are written anew: Postgres gives no column
//! another type while a generated column, a rule or the body of a function needs it.

use tokio_postgres::{Row, Transaction};

use super::inspect::Work;
use super::shape::quoted;
use super::{Obstacle, problems};
use crate::error::{StoreError, failed};
use crate::schedule::get;

/// Rules of the table itself, on whatever: a load, which inserts or updates, is refused with them.
const RULES: &str = "
    SELECT quote_ident(rulename) AS name FROM pg_rewrite
    WHERE ev_class = $1::text::regclass AND rulename <> '_RETURN' ORDER BY 1";

/// Generated columns that are computed from one of the columns `$2`. Postgres 14 and older keep the
/// dependency with the column, newer ones with its expression.
const GENERATED: &str = "
    SELECT DISTINCT g.attname::text AS name, format_type(g.atttypid, g.atttypmod) AS kind,
           pg_get_expr(e.adbin, e.adrelid) AS expression
    FROM pg_attrdef e
    JOIN pg_attribute g ON g.attrelid = e.adrelid AND g.attnum = e.adnum AND g.attgenerated <> ''
    JOIN pg_depend d ON (d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid)
                     OR (d.classid = 'pg_class'::regclass AND d.objid = e.adrelid AND d.objsubid = e.adnum)
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE e.adrelid = $1::text::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = e.adrelid
          AND d.refobjsubid <> e.adnum AND a.attname = ANY ($2)
    ORDER BY 1";

/// Rules of other tables, functions with a body in SQL, publications and statistics that name one
/// of the columns `$2`. Views are made again, with their rules.
const OTHERS: &str = "
    SELECT DISTINCT i.type AS kind, i.identity AS name, p.pubname::text AS publication
    FROM pg_depend d
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS i
    LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
    LEFT JOIN pg_class c ON c.oid = w.ev_class
    LEFT JOIN pg_publication_rel r ON d.classid = 'pg_publication_rel'::regclass AND r.oid = d.objid
    LEFT JOIN pg_publication p ON p.oid = r.prpubid
    LEFT JOIN pg_statistic_ext s ON d.classid = 'pg_statistic_ext'::regclass AND s.oid = d.objid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::text::regclass AND a.attname = ANY ($2)
          AND (d.classid IN ('pg_proc'::regclass, 'pg_publication_rel'::regclass)
               OR s.stxexprs IS NOT NULL
               OR (c.relkind NOT IN ('v', 'm') AND c.oid <> d.refobjid))
    ORDER BY 1, 2";

/// Columns of other tables whose type is the row of the table, and the type that the table is of.
const ROW_TYPES: &str = "
    SELECT c.oid::regclass::text AS other, quote_ident(a.attname) AS name, NULL AS of_type
    FROM pg_class t
    JOIN pg_type y ON y.oid = t.reltype
    JOIN pg_attribute a ON a.atttypid IN (y.oid, y.typarray) AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'm', 'f')
    WHERE t.oid = $1::text::regclass
    UNION ALL
    SELECT NULL, NULL, reloftype::regtype::text FROM pg_class WHERE oid = $1::text::regclass AND reloftype <> 0
    ORDER BY 1, 2";

/// What has to be set aside before the columns can have their types.
pub(super) async fn obstacles(
    transaction: &Transaction<'_>,
    work: &Work,
) -> Result<Vec<Obstacle>, StoreError> {
    let doing = failed("looking for what depends on the tables");
    let table = format!("api.{}", work.table.name);
    let written = work.written();
    let mut obstacles = Vec::new();
    let rules = transaction.query(RULES, &[&table]).await.map_err(doing)?;
    for row in &rules {
        let name: String = get(row, "name")?;
        let what = format!("it has the rule {name}, with which no load can write to it");
        obstacles.push(again(work, what, &format!("DROP RULE {name} ON {table}")));
    }
    if written.is_empty() {
        return Ok(obstacles);
    }
    let columns = &[
        &table as &(dyn tokio_postgres::types::ToSql + Sync),
        &written,
    ];
    for row in &transaction.query(GENERATED, columns).await.map_err(doing)? {
        obstacles.extend(generated(work, row)?);
    }
    for row in &transaction.query(OTHERS, columns).await.map_err(doing)? {
        obstacles.push(other(work, row)?);
    }
    let row_types = transaction.query(ROW_TYPES, &[&table]).await;
    for row in &row_types.map_err(doing)? {
        obstacles.push(row_type(work, row)?);
    }
    Ok(obstacles)
}

/// An obstacle that is removed by a statement, and can be there again afterwards.
fn again(work: &Work, what: String, drop: &str) -> Obstacle {
    let repair = format!("{drop}; and make it again after the migration, if it is needed");
    problems::of_table(work.table.name, what, repair)
}

/// A generated column. One that this program writes is named for that already.
fn generated(work: &Work, row: &Row) -> Result<Option<Obstacle>, StoreError> {
    let name: String = get(row, "name")?;
    let is_named = work.columns.iter().any(|(_, actual, conversion)| {
        actual.name == name && actual.is_generated && conversion.writes(actual)
    });
    if is_named {
        return Ok(None);
    }
    let (kind, expression): (String, String) = (get(row, "kind")?, get(row, "expression")?);
    let (table, column) = (work.table.name, quoted(&name));
    let what =
        format!("the column {name} is generated from columns that get another type: {expression}");
    let repair = format!(
        "ALTER TABLE api.{table} DROP COLUMN {column}; and after the migration: ALTER TABLE api.{table} \
         ADD COLUMN {column} {kind} GENERATED ALWAYS AS ({expression}) STORED"
    );
    Ok(Some(problems::of_table(table, what, repair)))
}

fn other(work: &Work, row: &Row) -> Result<Obstacle, StoreError> {
    let (kind, name): (String, String) = (get(row, "kind")?, get(row, "name")?);
    let publication: Option<String> = get(row, "publication")?;
    let (what, drop) = match publication {
        Some(publication) => (
            format!("the publication {publication} selects by columns that get another type"),
            format!(
                "ALTER PUBLICATION {} DROP TABLE api.{}",
                quoted(&publication),
                work.table.name
            ),
        ),
        None => (
            format!("the {kind} {name} uses columns that get another type"),
            format!("DROP {} {name}", statement_of(&kind)),
        ),
    };
    Ok(again(work, what, &drop))
}

/// How a statement calls what the catalog calls `kind`.
fn statement_of(kind: &str) -> String {
    match kind {
        "statistics object" => "STATISTICS".to_owned(),
        kind => kind.to_uppercase(),
    }
}

fn row_type(work: &Work, row: &Row) -> Result<Obstacle, StoreError> {
    let table = work.table.name;
    let of_type: Option<String> = get(row, "of_type")?;
    if let Some(of_type) = of_type {
        let what = format!("it is a table of the type {of_type}");
        return Ok(problems::of_table(
            table,
            what,
            format!("ALTER TABLE api.{table} NOT OF;"),
        ));
    }
    let (other, name): (String, String) = (get(row, "other")?, get(row, "name")?);
    let what = format!("the column {name} of {other} holds rows of it");
    let repair = format!(
        "ALTER TABLE {other} ALTER COLUMN {name} TYPE text USING {name}::text; its rows would have columns of the old types"
    );
    Ok(problems::of_table(table, what, repair))
}
