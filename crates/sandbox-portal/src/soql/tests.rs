//! Queries over a few rows.

use serde_json::{Value, json};

use super::{Query, Row};

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
    Value::from(Query::parse(&parameters).unwrap().run(rows().into_iter()))
}

fn fails(parameters: &[(&str, &str)]) -> bool {
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Query::parse(&parameters).is_err()
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
