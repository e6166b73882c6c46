use chrono::{DateTime, TimeDelta, Utc};

use super::*;

fn hour(number: i64) -> Hour {
    let first: DateTime<Utc> = "2020-03-08T00:00:00Z".parse().unwrap();
    Hour::containing(first + TimeDelta::hours(number))
}

fn lengths(batch: &Batch) -> Vec<u64> {
    batch.stretches.iter().map(HourRange::len).collect()
}

#[test]
fn neighbours_are_one_stretch_and_a_page_is_never_exceeded() {
    let hours = [
        (0, 20_000),
        (1, 20_000),
        (5, 10_000),
        (6, 1),
        (7, 60_000),
        (8, 1),
    ];
    let found = batches(hours.map(|(number, rows)| (hour(number), rows)).into_iter());
    let found: Vec<_> = found.iter().map(lengths).collect();
    assert_eq!(found, [vec![2, 1], vec![1], vec![1], vec![1]]);
}

#[test]
fn a_query_names_few_stretches() {
    let found = batches((0..50).map(|number| (hour(number * 2), 1)));
    let found: Vec<_> = found.iter().map(|batch| batch.stretches.len()).collect();
    assert_eq!(found, [20, 20, 10]);
}
