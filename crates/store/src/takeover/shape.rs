//! The tables and columns that the Python tools have too, as this program needs them, and what a
//! database has in their place.

use tokio_postgres::{Row, Transaction};

mod tables;

pub(super) use tables::{DEVICES, PROVIDERS, SCHEDULE, TABLES, TRIPS};

use crate::error::{StoreError, failed};
use crate::schedule::get;

/// The type that a column must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Uuid,
    Text,
    TextArray,
    Int,
    Bigint,
    Float,
    Instant,
    Date,
    Bool,
    Json,
}

impl Kind {
    /// The type's name in a statement.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Text => "text",
            Self::TextArray => "text[]",
            Self::Int => "integer",
            Self::Bigint => "bigint",
            Self::Float => "double precision",
            Self::Instant => "timestamp with time zone",
            Self::Date => "date",
            Self::Bool => "boolean",
            Self::Json => "jsonb",
        }
    }

    /// The type's name in the catalog.
    pub(super) fn catalog(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Text => "text",
            Self::TextArray => "_text",
            Self::Int => "int4",
            Self::Bigint => "int8",
            Self::Float => "float8",
            Self::Instant => "timestamptz",
            Self::Date => "date",
            Self::Bool => "bool",
            Self::Json => "jsonb",
        }
    }

    /// What a value of this type is, for a sentence: "whose trip_id is not a UUID".
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Uuid => "a UUID",
            Self::Text => "a text",
            Self::TextArray => "a list of texts",
            Self::Int | Self::Bigint => "a whole number",
            Self::Float => "a number",
            Self::Instant => "a time",
            Self::Date => "a date",
            Self::Bool => "true or false",
            Self::Json => "JSON",
        }
    }
}

/// What a column has where nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// Null.
    Null,
    /// This expression, which is the column's default. The column is not null.
    Is(&'static str),
    /// Nothing: a row without a value cannot be taken over.
    Refused,
    /// A value that [`super::hours`] computes.
    Computed,
}

/// A column as it must be.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) absent: Absent,
    /// Whether a migration adds the column to a table that lacks it.
    pub(super) is_later: bool,
}

/// A table as it must be.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) key: &'static [&'static str],
    pub(super) columns: &'static [Target],
}

/// A column as it is.
#[derive(Debug, Clone)]
pub(super) struct Actual {
    pub(super) name: String,
    /// The type's name in the catalog; of a domain, that of its base type; `enum` for any enum.
    pub(super) base: String,
    /// The type as a person reads it.
    pub(super) declared: String,
    pub(super) is_domain: bool,
    pub(super) is_not_null: bool,
    pub(super) default: Option<String>,
    pub(super) is_identity: bool,
    pub(super) is_generated: bool,
}

impl Actual {
    /// The name in a statement.
    pub(super) fn quoted(&self) -> String {
        quoted(&self.name)
    }
}

/// A name in a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in a statement.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A table as it is.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) columns: Vec<Actual>,
    /// The columns of the primary key in their order.
    pub(super) key: Vec<String>,
    /// Column sets that a unique index keeps unique.
    pub(super) unique: Vec<Vec<String>>,
    /// `r` for a table.
    pub(super) relkind: String,
    /// Whether the role may change the table.
    pub(super) is_own: bool,
    pub(super) owner: String,
    pub(super) has_row_security: bool,
    pub(super) has_children: bool,
}

impl Found {
    pub(super) fn column(&self, name: &str) -> Option<&Actual> {
        self.columns.iter().find(|it| it.name == name)
    }

    /// Whether an index keeps the values of these columns unique.
    pub(super) fn keeps_unique(&self, columns: &[&str]) -> bool {
        self.unique
            .iter()
            .any(|unique| unique.iter().all(|it| columns.contains(&it.as_str())))
    }
}

const TABLE: &str = "
    SELECT c.oid, c.relkind::text AS relkind, pg_has_role(current_user, c.relowner, 'USAGE') AS is_own,
           pg_get_userbyid(c.relowner)::text AS owner,
           c.relrowsecurity OR EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid) AS has_row_security,
           EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid OR inhrelid = c.oid) AS has_children
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'api' AND c.relname = $1 AND c.relkind NOT IN ('i', 'S', 'c', 't', 'I')";

const COLUMNS: &str = "
    SELECT a.attname::text AS name,
           CASE WHEN b.typtype = 'e' THEN 'enum' ELSE b.typname::text END AS base,
           format_type(a.atttypid, a.atttypmod) AS declared, t.typtype = 'd' AS is_domain,
           a.attnotnull AS is_not_null, pg_get_expr(d.adbin, d.adrelid) AS default_value,
           a.attidentity <> '' AS is_identity, a.attgenerated <> '' AS is_generated
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum";

const KEYS: &str = "
    SELECT i.indisprimary AS is_primary,
           ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, n)
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                 WHERE k.n <= i.indnkeyatts ORDER BY k.n) AS columns
    FROM pg_index i
    WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL";

/// Reads what the database has under a table's name; `None` if nothing.
pub(super) async fn find(
    transaction: &Transaction<'_>,
    table: &Table,
) -> Result<Option<Found>, StoreError> {
    let doing = failed("looking at the tables");
    let Some(row) = transaction
        .query_opt(TABLE, &[&table.name])
        .await
        .map_err(doing)?
    else {
        return Ok(None);
    };
    let oid: u32 = get(&row, "oid")?;
    let columns = transaction.query(COLUMNS, &[&oid]).await.map_err(doing)?;
    let keys = transaction.query(KEYS, &[&oid]).await.map_err(doing)?;
    let mut found = Found {
        columns: columns.iter().map(read_column).collect::<Result<_, _>>()?,
        key: Vec::new(),
        unique: Vec::new(),
        relkind: get(&row, "relkind")?,
        is_own: get(&row, "is_own")?,
        owner: get(&row, "owner")?,
        has_row_security: get(&row, "has_row_security")?,
        has_children: get(&row, "has_children")?,
    };
    for key in &keys {
        let columns: Vec<String> = get(key, "columns")?;
        if get(key, "is_primary")? {
            found.key.clone_from(&columns);
        }
        found.unique.push(columns);
    }
    Ok(Some(found))
}

fn read_column(row: &Row) -> Result<Actual, StoreError> {
    Ok(Actual {
        name: get(row, "name")?,
        base: get(row, "base")?,
        declared: get(row, "declared")?,
        is_domain: get(row, "is_domain")?,
        is_not_null: get(row, "is_not_null")?,
        default: get(row, "default_value")?,
        is_identity: get(row, "is_identity")?,
        is_generated: get(row, "is_generated")?,
    })
}
