//! The civil hour of a row of the schedule, in SQL.

use crate::takeover::convert;
use crate::takeover::inspect::Work;
use crate::takeover::shape::{Absent, Kind, Target};

const CIVIL: [&str; 4] = ["year", "month", "day", "hour"];

/// The civil columns as whole numbers: those of the table, or the parts of its `date`.
pub(super) fn civil_expressions(work: &Work) -> Option<[String; 4]> {
    let of_column = |name: &'static str| {
        let actual = work.found.column(name)?;
        let target = Target {
            name,
            kind: Kind::Int,
            absent: Absent::Null,
            is_later: false,
        };
        Some(convert::conversion(actual, &target, "UTC")?.value)
    };
    let columns: Vec<String> = CIVIL.iter().filter_map(|name| of_column(name)).collect();
    if let Ok(columns) = <[String; 4]>::try_from(columns) {
        return Some(columns);
    }
    let date = date_expression(work)?;
    Some(CIVIL.map(|part| format!("date_part('{part}', {date})::int")))
}

/// The column `date` as a civil time; null where it is none.
fn date_expression(work: &Work) -> Option<String> {
    let date = work.found.column("date")?;
    if !["timestamp", "timestamptz", "text", "varchar"].contains(&date.base.as_str()) {
        return None;
    }
    let target = Target {
        name: "date",
        kind: Kind::Instant,
        absent: Absent::Null,
        is_later: false,
    };
    let value = convert::conversion(date, &target, "UTC")?.value;
    Some(format!(
        "CASE WHEN isfinite({value}) THEN date::timestamp END"
    ))
}

/// The condition of rows whose civil hour is none, as a person runs it.
pub(super) fn no_hour(work: &Work) -> String {
    let has = |name: &&&str| work.found.column(name).is_some();
    let date = date_expression(work);
    match date {
        Some(date) if CIVIL.iter().filter(has).count() < CIVIL.len() => {
            format!("coalesce(date_part('year', {date}), 0) NOT BETWEEN 2000 AND 2049")
        }
        _ => "coalesce(year::int, 0) NOT BETWEEN 2000 AND 2049 OR coalesce(month::int, 0) NOT BETWEEN 1 AND 12 \
              OR coalesce(day::int, 0) NOT BETWEEN 1 AND 31 OR coalesce(hour::int, -1) NOT BETWEEN 0 AND 23"
            .to_owned(),
    }
}
