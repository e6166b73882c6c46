//! Queries over a few rows.

use serde_json::{Value, json};

use super::{Query, Row};
use crate::columns::Column;

fn columns() -> Vec<Column> {
    [
        ("trip_id", "text"),
        ("end_time", "calendar_date"),
        ("year", "number"),
        ("month", "number"),
        ("council_district_end", "text"),
        ("n", "number"),
    ]
    .map(|(name, data_type)| Column::new(name, data_type))
    .to_vec()
}

fn rows() -> Vec<Row> {
    let row = |id: &str, end: &str, year: i32, month: i32, district: Option<&str>| {
        json!({"trip_id": id, "end_time": end, "year": year, "month": month, "council_district_end": district, "n": month * 10})
            .as_object()
            .unwrap()
            .clone()
    };
    vec![
        row("a", "2020-01-01T00:59:59", 2020, 1, Some("1")),
        row("b", "2020-01-01T01:00:00", 2020, 1, Some("10")),
        row("c", "2020-01-02T01:00:00", 2020, 1, None),
        row("d", "2020-02-01T00:00:00", 2020, 2, Some("9")),
        row("e", "2021-02-01T00:00:00", 2021, 2, Some("9")),
    ]
}

fn run(parameters: &[(&str, &str)]) -> Value {
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Value::from(
        Query::parse(&parameters, &columns())
            .unwrap()
            .run(rows().into_iter()),
    )
}

/// The portal's name of the error.
fn refusal(parameters: &[(&str, &str)]) -> &'static str {
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Query::parse(&parameters, &columns()).unwrap_err().code
}

fn fails(parameters: &[(&str, &str)]) -> bool {
    refusal(parameters) == "query.soql.invalid"
}

#[test]
fn counts_all_or_what_matches() {
    assert_eq!(run(&[("$select", "count(*)")]), json!([{"count": "5"}]));
    let hour = "end_time >= '2020-01-01T00:00:00' AND end_time < '2020-01-01T01:00:00'";
    assert_eq!(
        run(&[("$select", "count(*)"), ("$where", hour)]),
        json!([{"count": "1"}])
    );
    assert_eq!(
        run(&[("$select", "count(*) AS rows"), ("year", "1999")]),
        json!([{"rows": "0"}])
    );
    assert_eq!(
        run(&[("$select", "count(council_district_end)")]),
        json!([{"count_council_district_end": "4"}])
    );
}

#[test]
fn groups_by_columns_by_days_and_by_aliases() {
    assert_eq!(
        run(&[
            ("$select", "year, month, count(*)"),
            ("$group", "year, month"),
            ("$order", "year DESC, month")
        ]),
        json!([
            {"year": "2021", "month": "2", "count": "1"},
            {"year": "2020", "month": "1", "count": "3"},
            {"year": "2020", "month": "2", "count": "1"},
        ])
    );
    let by_day = run(&[
        (
            "$select",
            "date_trunc_ymd(end_time) AS day, count(trip_id) AS trips",
        ),
        ("$group", "day"),
        ("$order", "trips DESC, day"),
        ("$limit", "2"),
    ]);
    assert_eq!(
        by_day,
        json!([
            {"day": "2020-01-01T00:00:00.000", "trips": "2"},
            {"day": "2020-01-02T00:00:00.000", "trips": "1"},
        ])
    );
}

#[test]
fn groups_by_hours_of_days() {
    let by_hour = run(&[
        (
            "$select",
            "date_trunc_ymd(end_time) as day_of_end, date_extract_hh(end_time) as hour_of_end, count(*) as trips, sum(n)",
        ),
        (
            "$where",
            "end_time >= '2020-01-01T00:00:00' and end_time < '2020-02-01T00:00:00'",
        ),
        ("$group", "day_of_end, hour_of_end"),
        ("$order", "day_of_end, hour_of_end"),
        ("$limit", "2"),
        ("$offset", "1"),
    ]);
    assert_eq!(
        by_hour,
        json!([
            {"day_of_end": "2020-01-01T00:00:00.000", "hour_of_end": "1", "trips": "1", "sum_n": "10"},
            {"day_of_end": "2020-01-02T00:00:00.000", "hour_of_end": "1", "trips": "1", "sum_n": "10"},
        ])
    );
}

#[test]
fn takes_times_apart() {
    let last = |select: &str| run(&[("$select", select), ("trip_id", "a")]);
    assert_eq!(
        last(
            "date_extract_y(end_time) as y, date_extract_m(end_time) as m, date_extract_d(end_time) as d, \
             date_extract_hh(end_time) as hh, date_extract_mm(end_time) as mm, date_extract_ss(end_time) as ss, \
             date_extract_dow(end_time) as dow, date_extract_woy(end_time) as woy, date_trunc_y(end_time) as whole"
        ),
        json!([{"y": "2020", "m": "1", "d": "1", "hh": "0", "mm": "59", "ss": "59", "dow": "3", "woy": "1",
                "whole": "2020-01-01T00:00:00.000"}])
    );
}

#[test]
fn what_does_not_fit_its_column_is_null() {
    let odd = json!({"trip_id": "x", "end_time": "yesterday", "n": "many"});
    let rows = rows().into_iter().chain([odd.as_object().unwrap().clone()]);
    let parameters = [
        ("$select".to_owned(), "trip_id, n".to_owned()),
        ("$where".to_owned(), "end_time is null".to_owned()),
    ];
    let found = Query::parse(&parameters, &columns()).unwrap().run(rows);
    assert_eq!(Value::from(found), json!([{"trip_id": "x"}]));
}

#[test]
fn what_a_portal_refuses_is_refused_by_its_name() {
    let select = |select| [("$select", select)];
    assert_eq!(refusal(&select("nothing")), "query.soql.no-such-column");
    assert_eq!(
        refusal(&[("$order", "nothing")]),
        "query.soql.no-such-column"
    );
    assert_eq!(refusal(&[("nothing", "1")]), "query.soql.no-such-column");
    assert_eq!(
        refusal(&select("date_trunc_ymd(trip_id)")),
        "query.soql.type-mismatch"
    );
    assert_eq!(
        refusal(&select("sum(end_time)")),
        "query.soql.type-mismatch"
    );
    let not_grouped = "query.soql.column-not-in-group-bys";
    assert_eq!(refusal(&select("year, count(*)")), not_grouped);
    let by_month = [
        ("$select", "month, count(*)"),
        ("$group", "month"),
        ("$order", "year"),
    ];
    assert_eq!(refusal(&by_month), not_grouped);
    assert_eq!(refusal(&[("$group", "year")]), not_grouped);
    assert_eq!(
        refusal(&[("$where", "count(*) > 1")]),
        "query.soql.aggregate-in-where"
    );
}

#[test]
fn computes_aggregates() {
    assert_eq!(
        run(&[(
            "$select",
            "sum(n), avg(n) AS mean, min(end_time), max(month)"
        )]),
        json!([{"sum_n": "70", "mean": "14", "min_end_time": "2020-01-01T00:59:59.000", "max_month": "2"}])
    );
}

#[test]
fn pages_and_projects() {
    let page = run(&[
        ("$select", "trip_id"),
        ("$order", "trip_id"),
        ("$limit", "2"),
        ("$offset", "1"),
    ]);
    assert_eq!(page, json!([{"trip_id": "b"}, {"trip_id": "c"}]));
    let whole = run(&[("trip_id", "c")]);
    assert_eq!(
        whole,
        json!([{"trip_id": "c", "end_time": "2020-01-02T01:00:00.000", "year": "2020", "month": "1", "n": "10"}])
    );
}

#[test]
fn conditions_combine() {
    let ids = |condition: &str| run(&[("$select", "trip_id"), ("$where", condition)]);
    assert_eq!(
        ids("trip_id in ('a', 'e') and not year = 2021"),
        json!([{"trip_id": "a"}])
    );
    assert_eq!(
        ids("council_district_end is null"),
        json!([{"trip_id": "c"}])
    );
    assert_eq!(ids("council_district_end > 9"), json!([{"trip_id": "b"}]));
    assert_eq!(
        ids("(year = 2021 or month != 2) and trip_id not in ('a','b')"),
        json!([{"trip_id": "c"}, {"trip_id": "e"}])
    );
    assert_eq!(
        ids("end_time between '2020-02-01' and '2020-03-01'"),
        json!([{"trip_id": "d"}])
    );
}

#[test]
fn unsupported_queries_are_refused() {
    assert!(fails(&[("$having", "count > 1")]));
    assert!(fails(&[("$where", "a = ")]));
    assert!(fails(&[("$where", "(a = 1")]));
    assert!(fails(&[("$select", "median(a)")]));
    assert!(fails(&[("$limit", "many")]));
}
