use super::*;
use crate::soql::date::DateFunction;
use serde_json::json;

fn cell(value: &Value) -> Cell {
    Cell::of(Some(value))
}

#[test]
fn numbers_compare_as_numbers_whether_quoted_or_not() {
    assert_eq!(
        cell(&json!("9")).compare(&cell(&json!(10))),
        Some(Ordering::Less)
    );
}

#[test]
fn times_compare_in_all_their_forms() {
    let noon = cell(&json!("2020-01-01T12:00:00"));
    assert_eq!(
        noon.compare(&cell(&json!("2020-01-01T12:00:00.000"))),
        Some(Ordering::Equal)
    );
    assert_eq!(
        noon.compare(&cell(&json!("2020-01-02"))),
        Some(Ordering::Less)
    );
    assert_eq!(
        DateFunction::TruncateToMonth.apply(&noon),
        cell(&json!("2020-01-01T00:00:00.000"))
    );
}

#[test]
fn nulls_equal_nothing_and_come_last() {
    assert_eq!(Cell::Null.compare(&Cell::Null), None);
    assert_eq!(Cell::Null.order(&Cell::Number(1.0)), Ordering::Greater);
}

#[test]
fn returned_cells_look_like_those_of_a_portal() {
    assert_eq!(as_returned(json!(12)), json!("12"));
    assert_eq!(
        as_returned(json!("2020-02-11T15:08:25")),
        json!("2020-02-11T15:08:25.000")
    );
    assert_eq!(as_returned(json!("scooter")), json!("scooter"));
}
