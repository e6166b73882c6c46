//! Views, triggers and constraints that stand between the tables and their new types.

use tokio_postgres::{Row, Transaction};

use super::inspect::Work;
use super::shape::quoted;
use super::{Obstacle, problems};
use crate::error::{StoreError, classify, failed_to_change};
use crate::schedule::get;

const OUR_TABLES: &str = "ARRAY['providers', 'schedule_status', 'schedule', 'trips', 'devices']";

/// Views that read the tables in `$1`, directly or by way of other views: those that read others
/// come last.
pub(super) const VIEWS: &str = "
    WITH RECURSIVE reader AS (
        SELECT r.ev_class AS oid, 1 AS depth
        FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
        WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
              AND d.refobjid = ANY (SELECT ('api.' || quote_ident(name))::regclass::oid FROM unnest($1::text[]) AS name)
              AND r.ev_class <> d.refobjid
        UNION
        SELECT r.ev_class, reader.depth + 1
        FROM reader JOIN pg_depend d ON d.refobjid = reader.oid AND d.refclassid = 'pg_class'::regclass
        JOIN pg_rewrite r ON r.oid = d.objid
        WHERE d.classid = 'pg_rewrite'::regclass AND r.ev_class <> reader.oid
    )
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind = 'm' AS is_stored, pg_get_viewdef(c.oid) AS definition,
           pg_get_userbyid(c.relowner)::text AS owner, c.reloptions AS options,
           ARRAY(SELECT format('GRANT %s ON %s TO %s%s', a.privilege_type, c.oid::regclass,
                               CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                               CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
                 FROM aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner) AS grants,
           ARRAY(SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid) AS indexes,
           ARRAY(SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
               AS triggers,
           ARRAY(SELECT pg_get_ruledef(w.oid) FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.rulename <> '_RETURN')
               AS rules,
           ARRAY(SELECT CASE WHEN d.objsubid = 0 THEN format('COMMENT ON %s %s IS %L',
                             CASE WHEN c.relkind = 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, c.oid::regclass,
                             d.description)
                        ELSE format('COMMENT ON COLUMN %s.%I IS %L', c.oid::regclass, a.attname, d.description) END
                 FROM pg_description d
                 LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
                 WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid) AS comments
    FROM (SELECT oid, max(depth) AS depth FROM reader GROUP BY oid) AS v JOIN pg_class c USING (oid)
    WHERE c.relkind IN ('v', 'm')
    ORDER BY v.depth, 1";

/// A view to drop and make again.
#[derive(Debug)]
pub(super) struct View {
    name: String,
    is_stored: bool,
    again: Vec<String>,
}

impl View {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let name: String = get(row, "name")?;
        let is_stored: bool = get(row, "is_stored")?;
        let (definition, owner): (String, String) = (get(row, "definition")?, get(row, "owner")?);
        let options: Option<Vec<String>> = get(row, "options")?;
        let with = options.map_or_else(String::new, |it| format!(" WITH ({})", it.join(", ")));
        let kind = kind(is_stored);
        let mut again = vec![
            format!("CREATE {kind} {name}{with} AS {definition}"),
            format!("ALTER {kind} {name} OWNER TO {}", quoted(&owner)),
        ];
        for column in ["indexes", "triggers", "rules", "grants", "comments"] {
            again.extend(get::<Vec<String>>(row, column)?);
        }
        Ok(Self {
            name,
            is_stored,
            again,
        })
    }
}

fn kind(is_stored: bool) -> &'static str {
    if is_stored {
        "MATERIALIZED VIEW"
    } else {
        "VIEW"
    }
}

/// Drops the views that read the tables, and returns them.
pub(super) async fn drop_views(
    transaction: &Transaction<'_>,
    work: &[Work],
) -> Result<Vec<View>, StoreError> {
    let doing = failed_to_change("setting views aside");
    let tables: Vec<&str> = work.iter().map(|it| it.table.name).collect();
    let rows = transaction.query(VIEWS, &[&tables]).await.map_err(doing)?;
    let views: Vec<View> = rows.iter().map(View::read).collect::<Result<_, _>>()?;
    for view in views.iter().rev() {
        let drop = format!("DROP {} {}", kind(view.is_stored), view.name);
        let dropped = transaction.batch_execute(&drop).await;
        dropped.map_err(|e| stopped_by(&view.name, &e))?;
    }
    Ok(views)
}

/// Makes the views again.
pub(super) async fn create_views(
    transaction: &Transaction<'_>,
    views: &[View],
    notes: &mut Vec<String>,
) -> Result<(), StoreError> {
    for view in views {
        for statement in &view.again {
            let made = transaction.batch_execute(statement).await;
            made.map_err(|e| stopped_by(&view.name, &e))?;
        }
        notes.push(format!(
            "the view {} was made again over the new columns",
            view.name
        ));
    }
    Ok(())
}

/// A view that cannot be dropped or made again.
fn stopped_by(view: &str, error: &tokio_postgres::Error) -> StoreError {
    let Some(why) = error.as_db_error() else {
        return classify("making views again", error);
    };
    StoreError::CannotTakeOver {
        obstacles: vec![problems::unfit_view(view, why)],
    }
}

/// Foreign keys of other tables that lead to a key which this program does not have.
pub(super) async fn obstacles(
    transaction: &Transaction<'_>,
    work: &Work,
) -> Result<Vec<Obstacle>, StoreError> {
    let table = work.table.name;
    let keeps_key = work.found.key == work.table.key && !changes_key(work);
    if keeps_key && !["trips", "devices"].contains(&table) {
        return Ok(Vec::new());
    }
    let rows = transaction
        .query(
            &format!(
                "SELECT k.conrelid::regclass::text AS other, k.conname::text AS name
                 FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
                 WHERE k.contype = 'f' AND k.confrelid = $1::text::regclass
                   AND NOT (c.relnamespace = 'api'::regnamespace AND c.relname = ANY ({OUR_TABLES}))
                 ORDER BY 1, 2"
            ),
            &[&format!("api.{table}")],
        )
        .await
        .map_err(failed_to_change("looking for foreign keys"))?;
    rows.iter()
        .map(|row| {
            let (other, name): (String, String) = (get(row, "other")?, get(row, "name")?);
            let repair = format!("ALTER TABLE {other} DROP CONSTRAINT {};", quoted(&name));
            let what =
                format!("the foreign key {name} of {other} leads to a key that it will not have");
            Ok(problems::of_table(table, what, repair))
        })
        .collect()
}

/// Whether a column of the key gets a type with which the old one cannot be compared.
fn changes_key(work: &Work) -> bool {
    let is_whole = |base: &str| ["int2", "int4", "int8"].contains(&base);
    work.columns.iter().any(|(target, actual, _)| {
        let (from, to) = (actual.base.as_str(), target.kind.catalog());
        work.table.key.contains(&target.name) && from != to && !(is_whole(from) && is_whole(to))
    })
}

/// Drops the constraints and unique indexes of another tool. Its loads do not happen any more, and
/// ours would break them: the hour that the clocks repeat is there twice, and so may be a trip's
/// id.
pub(super) async fn drop_constraints(
    transaction: &Transaction<'_>,
    work: &Work,
    notes: &mut Vec<String>,
) -> Result<(), StoreError> {
    let doing = failed_to_change("dropping constraints");
    let table = work.table.name;
    let name = format!("api.{table}");
    let key: Vec<String> = work.found.key.clone();
    let has_key = key.len() == work.table.key.len()
        && work.table.key.iter().all(|it| key.iter().any(|k| k == it));
    let has_key = has_key || !work.renames.is_empty();
    let constraints = transaction
        .query(
            "SELECT conname::text AS name, contype::text AS kind FROM pg_constraint
             WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'c', 'x', 'f')
             ORDER BY contype <> 'f', conname",
            &[&name],
        )
        .await
        .map_err(doing)?;
    for row in &constraints {
        let (constraint, kind): (String, String) = (get(row, "name")?, get(row, "kind")?);
        let is_kept = match kind.as_str() {
            "p" => has_key,
            "u" => table == "providers",
            _ => false,
        };
        if !is_kept {
            let drop = format!("ALTER TABLE {name} DROP CONSTRAINT {}", quoted(&constraint));
            transaction.batch_execute(&drop).await.map_err(doing)?;
            notes.push(format!("the constraint {constraint} of {name} was dropped"));
        }
    }
    let indexes = transaction
        .query(
            "SELECT i.indexrelid::regclass::text AS name FROM pg_index i
             WHERE i.indrelid = $1::text::regclass AND i.indisunique
               AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)",
            &[&name],
        )
        .await
        .map_err(doing)?;
    for row in &indexes {
        let index: String = get(row, "name")?;
        if table != "providers" {
            let drop = format!("DROP INDEX {index}");
            transaction.batch_execute(&drop).await.map_err(doing)?;
            notes.push(format!("the unique index {index} was dropped"));
        }
    }
    Ok(())
}

/// Drops the foreign keys among the tables that change. Returns the statements that make those of
/// other tables again.
pub(super) async fn drop_foreign_keys(
    transaction: &Transaction<'_>,
    work: &[Work],
) -> Result<Vec<String>, StoreError> {
    let doing = failed_to_change("dropping foreign keys");
    let changing: Vec<&str> = work.iter().map(|it| it.table.name).collect();
    let keys = transaction
        .query(
            &format!(
                "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname) AS drop,
                        CASE WHEN c.relname <> ALL ($1) THEN format('ALTER TABLE %s ADD CONSTRAINT %I %s',
                             k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)) END AS again
                 FROM pg_constraint k
                 JOIN pg_class c ON c.oid = k.conrelid
                 JOIN pg_class r ON r.oid = k.confrelid AND r.relnamespace = 'api'::regnamespace
                 WHERE k.contype = 'f' AND c.relnamespace = 'api'::regnamespace AND c.relname = ANY ({OUR_TABLES})
                   AND (c.relname = ANY ($1) OR r.relname = ANY ($1))"
            ),
            &[&changing],
        )
        .await
        .map_err(doing)?;
    let mut again = Vec::new();
    for key in &keys {
        let drop: String = get(key, "drop")?;
        transaction.batch_execute(&drop).await.map_err(doing)?;
        again.extend(get::<Option<String>>(key, "again")?);
    }
    Ok(again)
}

/// Disables the triggers of another tool: they would change what is written now and by every load.
/// One that is about certain columns is made again, since it would keep their types.
pub(super) async fn disable_triggers(
    transaction: &Transaction<'_>,
    work: &Work,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, StoreError> {
    let doing = failed_to_change("disabling triggers");
    let table = format!("api.{}", work.table.name);
    let triggers = transaction
        .query(
            "SELECT quote_ident(tgname) AS name, pg_get_triggerdef(oid) AS definition,
                    tgattr::text <> '' OR tgqual IS NOT NULL AS has_columns,
                    tgenabled <> 'D' AS is_enabled
             FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal",
            &[&table],
        )
        .await
        .map_err(doing)?;
    let mut again = Vec::new();
    for trigger in &triggers {
        let (name, definition): (String, String) =
            (get(trigger, "name")?, get(trigger, "definition")?);
        let is_enabled: bool = get(trigger, "is_enabled")?;
        let disable = format!("ALTER TABLE {table} DISABLE TRIGGER {name}");
        if get(trigger, "has_columns")? {
            let drop = format!("DROP TRIGGER {name} ON {table}");
            transaction.batch_execute(&drop).await.map_err(doing)?;
            again.extend([definition, disable]);
        } else if is_enabled {
            transaction.batch_execute(&disable).await.map_err(doing)?;
        }
        if !is_enabled {
            continue;
        }
        notes.push(format!(
            "the trigger {name} of {table} is disabled; if it changes no row of this table: ALTER TABLE {table} ENABLE TRIGGER {name}"
        ));
    }
    Ok(again)
}
