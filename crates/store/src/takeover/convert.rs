//! [`Conversion`]: how the values of a column get another type, in SQL.
//!
//! A conversion loses nothing. A value that the new type cannot hold makes no value, and its row is
//! counted and named before anything is changed.

use super::shape::{Absent, Actual, Kind, Target, literal, quoted};

/// How a column's values become those that this program needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conversion {
    /// The expression for a row's new value. Null for a value that does not fit.
    pub(super) value: String,
    /// The condition of rows whose value does not fit, without functions of this program; `None` if
    /// every value fits.
    pub(super) unfit: Option<String>,
    /// Whether the column is not yet what this program needs.
    pub(super) is_change: bool,
}

impl Conversion {
    /// Whether the values are others than those of the column.
    pub(super) fn writes(&self, actual: &Actual) -> bool {
        self.is_change || self.value != actual.quoted()
    }
}

/// Columns that can hold the text `None`: the Python tool wrote Python's name for "nothing" as a
/// text.
const HOLDS_NONE: [&str; 13] = [
    "provider_name",
    "vehicle_id",
    "vehicle_type",
    "parking_verification_url",
    "council_district_start",
    "council_district_end",
    "census_geoid_start",
    "census_geoid_end",
    "orig_cell_id",
    "dest_cell_id",
    "currency",
    "payload",
    "message",
];

/// The published form of a UUID. A public id must keep it.
const CANONICAL_UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
/// With both braces or none. `btrim` takes nothing away but spaces.
const ANY_UUID: &str =
    r"^ *(?=\{.*\} *$|[^{}]*$)\{?[0-9A-Fa-f]{8}-?([0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}\}? *$";
const WHOLE_NUMBER: &str = r"^\s*[-+]?\d{1,30}(\.0*)?\s*$";
/// So few digits that every number fits into a double, and a count that Postgres takes: 255 at
/// most.
pub(super) const NUMBER: &str =
    r"^\s*[-+]?(\d{1,200}(\.\d{0,200})?|\.\d{1,200})([eE][-+]?\d{1,2})?\s*$";
/// An offset is one that Postgres takes, and a fraction not longer.
const TIME: &str = r"^ *(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,30})?)?\s*(Z|UTC|GMT|CST|CDT|EST|EDT|MST|MDT|PST|PDT|[-+](0\d|1[0-5])(:?[0-5]\d)?)?\s*$";

/// The first seconds and milliseconds that are taken for a time, and the first that are not: the
/// years 2000 to 2099.
const SECONDS: (i64, i64) = (946_684_800, 4_102_444_800);

/// How `actual` becomes `target`; `None` if there is no way. Times without a zone are taken in
/// `zone`.
pub(super) fn conversion(actual: &Actual, target: &Target, zone: &str) -> Option<Conversion> {
    let column = actual.quoted();
    let source = Source::of(&actual.base)?;
    let is_same = actual.base == target.kind.catalog() && !actual.is_domain;
    let (value, can_be_unfit) = match (source, target.kind) {
        (Source::Text, Kind::Text) => (text(&column, target.name, &actual.base), false),
        _ if is_same => (column.clone(), false),
        (Source::Array, Kind::Text) => (format!("array_to_string({column}, ',')"), false),
        (Source::Json, Kind::Text) if target.name == "propulsion_type" => {
            (without_brackets(&format!("{column}::text")), false)
        }
        (Source::Whole | Source::Fraction, Kind::Text) => {
            (format!("trim_scale({column}::numeric)::text"), false)
        }
        (_, Kind::Text) => (format!("{column}::text"), false),
        (Source::Text, kind) => (from_text(&column, target, kind, zone)?, kind != Kind::Json),
        (Source::Whole | Source::Fraction, Kind::Int | Kind::Bigint) => {
            (whole_number(&column, target.kind), true)
        }
        (Source::Whole | Source::Fraction, Kind::Float) => {
            (format!("{column}::double precision"), false)
        }
        (Source::Whole | Source::Fraction, Kind::Instant) => (epoch(&column), true),
        (Source::Whole, Kind::Bool) => (format!("{column} <> 0"), false),
        (Source::Timestamp, Kind::Instant) => {
            (format!("{column} AT TIME ZONE {}", literal(zone)), false)
        }
        (Source::Json, Kind::Json) => (format!("{column}::jsonb"), false),
        (Source::Bool, Kind::Bool)
        | (Source::Instant, Kind::Instant)
        | (Source::Uuid, Kind::Uuid) => (format!("{column}::{}", target.kind.sql()), false),
        _ => return None,
    };
    let unfit = can_be_unfit.then(|| {
        let given = match source {
            Source::Text => format!("NOT {}", is_blank(&column)),
            _ => format!("{column} IS NOT NULL"),
        };
        format!("{given} AND ({value}) IS NULL")
    });
    let fills_in = matches!(target.absent, Absent::Is(_)) && !actual.is_not_null;
    let value = match target.absent {
        Absent::Is(default) if fills_in => format!("coalesce({value}, {default})"),
        _ => value,
    };
    Some(Conversion {
        is_change: !is_same || fills_in,
        value,
        unfit,
    })
}

/// What kinds of types the columns of other tools have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Text,
    Whole,
    Fraction,
    Uuid,
    Timestamp,
    Instant,
    Date,
    Bool,
    Json,
    Array,
}

impl Source {
    fn of(base: &str) -> Option<Self> {
        Some(match base {
            "text" | "varchar" | "bpchar" | "citext" | "enum" | "name" => Self::Text,
            "int2" | "int4" | "int8" => Self::Whole,
            "numeric" | "float4" | "float8" => Self::Fraction,
            "uuid" => Self::Uuid,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::Instant,
            "date" => Self::Date,
            "bool" => Self::Bool,
            "json" | "jsonb" => Self::Json,
            "_text" | "_varchar" => Self::Array,
            _ => return None,
        })
    }
}

fn is_blank(column: &str) -> String {
    format!("coalesce(btrim({column}::text), '') IN ('', 'None')")
}

fn text(column: &str, name: &str, base: &str) -> String {
    let text = match base {
        "text" => column.to_owned(),
        "bpchar" => format!("rtrim({column}::text)"),
        _ => format!("{column}::text"),
    };
    if name == "propulsion_type" {
        without_brackets(&text)
    } else if HOLDS_NONE.contains(&name) {
        format!("nullif({text}, 'None')")
    } else {
        text
    }
}

/// A list that Python, JSON or Postgres has written as a text, joined with commas.
fn without_brackets(text: &str) -> String {
    format!(
        "CASE WHEN {text} ~ '^\\s*[\\[{{]' THEN nullif(regexp_replace({text}, '[][{{}}\"'' ]', '', 'g'), '') \
         ELSE nullif({text}, 'None') END"
    )
}

fn from_text(column: &str, target: &Target, kind: Kind, zone: &str) -> Option<String> {
    let text = format!("{column}::text");
    let matches = |pattern: &str| format!("{text} ~ {}", literal(pattern));
    Some(match kind {
        Kind::Uuid => {
            let pattern = if target.name == "id" {
                CANONICAL_UUID
            } else {
                ANY_UUID
            };
            format!(
                "CASE WHEN {} THEN btrim({text})::uuid END",
                matches(pattern)
            )
        }
        Kind::Int | Kind::Bigint => {
            let number = format!(
                "CASE WHEN {} THEN btrim({text})::numeric END",
                matches(WHOLE_NUMBER)
            );
            whole_number(&format!("({number})"), kind)
        }
        Kind::Float => format!(
            "CASE WHEN {} THEN btrim({text})::double precision END",
            matches(NUMBER)
        ),
        // A day that its month does not have would stop the statement, so it is looked for first.
        Kind::Instant => format!(
            "CASE WHEN {} THEN CASE WHEN substr(btrim({text}), 9, 2)::int <= \
             date_part('day', (substr(btrim({text}), 1, 7) || '-01')::date + interval '1 month - 1 day') \
             THEN {} END END",
            matches(TIME),
            instant(&text, zone),
        ),
        Kind::Bool => format!(
            "CASE WHEN lower(btrim({text})) IN ('t', 'true', 'yes', 'y', '1', 'on') THEN true \
             WHEN lower(btrim({text})) IN ('f', 'false', 'no', 'n', '0', 'off') THEN false END"
        ),
        Kind::Json => format!("pg_temp.mds_json({text})"),
        Kind::TextArray => format!("string_to_array(btrim({text}, '{{}}[] '), ',')"),
        Kind::Text | Kind::Date => return None,
    })
}

/// A text as an instant. The session's zone is not asked, so that the result does not depend on it.
fn instant(text: &str, zone: &str) -> String {
    format!(
        "CASE WHEN {text} ~ '(Z|[A-Z]{{3}}|[-+]\\d{{2}}(:?\\d{{2}})?)\\s*$' \
         THEN btrim({text})::timestamptz ELSE btrim({text})::timestamp AT TIME ZONE {} END",
        literal(zone)
    )
}

fn whole_number(number: &str, kind: Kind) -> String {
    let (least, most) = match kind {
        Kind::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    format!(
        "CASE WHEN {number}::numeric BETWEEN {least} AND {most} AND {number}::numeric = trunc({number}::numeric) \
         THEN {number}::numeric::{} END",
        kind.sql()
    )
}

/// A number of seconds or milliseconds, by its size.
fn epoch(column: &str) -> String {
    let (from, until) = SECONDS;
    format!(
        "CASE WHEN {column} >= {from} AND {column} < {until} THEN to_timestamp({column}::double precision) \
         WHEN {column} >= {from}000 AND {column} < {until}000 THEN to_timestamp({column}::double precision / 1000) END"
    )
}

/// The condition of rows that have no value where there must be one; `None` if every row may.
pub(super) fn lacks_value(
    actual: &Actual,
    target: &Target,
    conversion: &Conversion,
) -> Option<String> {
    if target.absent != Absent::Refused || (actual.is_not_null && conversion.unfit.is_none()) {
        return None;
    }
    Some(match Source::of(&actual.base) {
        Some(Source::Text) => is_blank(&quoted(&actual.name)),
        _ => format!("{} IS NULL", quoted(&actual.name)),
    })
}

#[cfg(test)]
mod tests;
