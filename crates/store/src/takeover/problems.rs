//! The obstacles that are found, with the statements that remove them.

use tokio_postgres::error::DbError;

use super::Obstacle;
use super::convert::NUMBER;
use super::inspect::Work;
use super::shape::{Actual, Kind, Table, Target, literal, quoted};

/// An obstacle that is about rows.
pub(super) fn of_rows(table: &str, rows: u64, what: String, repair: String) -> Obstacle {
    Obstacle {
        table: format!("api.{table}"),
        what,
        rows,
        repair,
    }
}

/// An obstacle that is about the table itself.
pub(super) fn of_table(table: &str, what: String, repair: String) -> Obstacle {
    of_rows(table, 0, what, repair)
}

/// Moves rows to a table beside, where they lose nothing.
pub(super) fn set_aside(table: &str, condition: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS api.{table}_left_behind (LIKE api.{table}); \
         WITH moved AS (DELETE FROM api.{table} WHERE {condition} RETURNING *) \
         INSERT INTO api.{table}_left_behind SELECT * FROM moved;"
    )
}

/// Moves all rows with the same values but one, the newest, to a table beside.
pub(super) fn set_older_aside(table: &str, same: &str, newest: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS api.{table}_left_behind (LIKE api.{table}); \
         WITH moved AS (DELETE FROM api.{table} t USING (SELECT ctid AS row, row_number() OVER \
         (PARTITION BY {same} ORDER BY {newest}) AS n FROM api.{table}) AS r \
         WHERE t.ctid = r.row AND r.n > 1 RETURNING t.*) \
         INSERT INTO api.{table}_left_behind SELECT * FROM moved;"
    )
}

/// The statements for values that the new type cannot hold.
pub(super) fn for_unfit(table: &str, target: &Target, column: &str, unfit: &str) -> String {
    let column = quoted(column);
    match (target.kind, target.name) {
        (_, "standard_cost" | "actual_cost") => format!(
            "amounts in dollars: UPDATE api.{table} SET {column} = round({column}::numeric * 100) \
             WHERE {column}::text ~ {}; \
             without the amounts: UPDATE api.{table} SET {column} = NULL WHERE {unfit};",
            literal(NUMBER)
        ),
        (Kind::Int | Kind::Bigint, "trip_duration" | "trip_distance" | "accuracy") => format!(
            "fractions: UPDATE api.{table} SET {column} = round({column}::numeric) WHERE {column}::text ~ \
             '^\\s*[-+]?\\d+\\.\\d+\\s*$'; anything else: {}",
            set_aside(table, unfit)
        ),
        _ => set_aside(table, unfit),
    }
}

/// The statements for a column whose rows have no public id, or one that is not a UUID.
pub(super) fn for_public_ids(table: &str, is_there: bool) -> String {
    let rename = if is_there {
        format!("ALTER TABLE api.{table} RENAME COLUMN id TO former_id; ")
    } else {
        String::new()
    };
    format!(
        "{rename}ALTER TABLE api.{table} ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(); \
         the portal's rows then have new ids: `mds audit --repair --accept-losses` replaces them after the migration"
    )
}

/// A column whose type cannot become the needed one.
pub(super) fn no_way(table: &Table, actual: &Actual, target: &Target) -> Obstacle {
    let name = &actual.name;
    let repair = if target.name == "id" {
        for_public_ids(table.name, true)
    } else {
        format!(
            "ALTER TABLE api.{} RENAME COLUMN {} TO {};",
            table.name,
            quoted(name),
            quoted(&format!("former_{name}"))
        )
    };
    of_table(
        table.name,
        format!(
            "the column {name} has the type {}, which cannot become {}",
            actual.declared,
            target.kind.sql()
        ),
        repair,
    )
}

/// A view that the new types do not fit. Its error is about names and types, not about rows.
pub(super) fn unfit_view(view: &str, why: &DbError) -> Obstacle {
    let why = why.message();
    Obstacle {
        table: view.to_owned(),
        what: format!("this view cannot be made again over the new columns: {why}"),
        rows: 0,
        repair: format!("DROP VIEW {view}; and make it again after the migration"),
    }
}

/// What is in the way of changing a table.
pub(super) fn of_work(work: &Work) -> Vec<Obstacle> {
    let (table, found) = (work.table.name, &work.found);
    let mut obstacles = Vec::new();
    let mut add = |what: String, repair: String| {
        obstacles.push(of_table(table, what, repair));
    };
    if found.relkind != "r" {
        let what = match found.relkind.as_str() {
            "v" | "m" => "it is a view",
            "p" => "it is a partitioned table",
            _ => "it is not a plain table",
        };
        let repair = format!(
            "give it another name and make it a table: ALTER TABLE api.{table} RENAME TO former_{table}; CREATE TABLE api.{table} AS SELECT * FROM api.former_{table};"
        );
        add(what.to_owned(), repair);
    }
    if found.has_children && found.relkind == "r" {
        let repair = format!("ALTER TABLE … NO INHERIT api.{table};");
        add("it inherits or is inherited from".to_owned(), repair);
    }
    if !found.is_own {
        let owner = quoted(&found.owner);
        let repair =
            format!("GRANT {owner} TO CURRENT_USER; or name that login in MIGRATION_DATABASE_URL");
        add(format!("it belongs to the role {owner}"), repair);
    }
    if found.has_row_security {
        let repair =
            format!("drop its policies, then ALTER TABLE api.{table} DISABLE ROW LEVEL SECURITY;");
        add("it has row-level security".to_owned(), repair);
    }
    for (_, actual, _) in work
        .columns
        .iter()
        .filter(|(_, it, conversion)| it.is_generated && conversion.writes(it))
    {
        let column = actual.quoted();
        let repair = format!("ALTER TABLE api.{table} ALTER COLUMN {column} DROP EXPRESSION;");
        add(format!("the column {column} is generated"), repair);
    }
    obstacles
}
