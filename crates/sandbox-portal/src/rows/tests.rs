use super::*;
use serde_json::json;

fn row(value: &Value) -> Row {
    value.as_object().unwrap().clone()
}

#[test]
fn a_row_is_created_updated_and_deleted() {
    let mut rows = Rows::open(Some("id"), None).unwrap();
    assert_eq!(
        rows.upsert(row(&json!({"id": "a", "x": 1, "y": 1})))
            .unwrap(),
        Outcome::Created
    );
    assert_eq!(
        rows.upsert(row(&json!({"id": "a", "x": 2}))).unwrap(),
        Outcome::Updated
    );
    assert_eq!(
        rows.get("a"),
        Some(row(&json!({"id": "a", "x": 2, "y": 1})))
    );
    assert_eq!(
        rows.upsert(row(&json!({"x": 2}))).unwrap(),
        Outcome::Refused
    );
    for outcome in [Outcome::Deleted, Outcome::Refused] {
        assert_eq!(
            rows.upsert(row(&json!({"id": "a", ":deleted": true})))
                .unwrap(),
            outcome
        );
    }
    assert_eq!(rows.len(), 0);
}

#[test]
fn rows_outlive_the_process_and_half_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    let mut rows = Rows::open(Some("id"), Some(&path)).unwrap();
    rows.upsert(row(&json!({"id": "a", "x": 1}))).unwrap();
    rows.upsert(row(&json!({"id": "a", "x": 2}))).unwrap();
    rows.upsert(row(&json!({"id": "b"}))).unwrap();
    rows.flush().unwrap();
    drop(rows);
    File::options()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"{\"id\":\"c\",")
        .unwrap();

    let mut rows = Rows::open(Some("id"), Some(&path)).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows.get("a"), Some(row(&json!({"id": "a", "x": 2}))));
    rows.upsert(row(&json!({"id": "d"}))).unwrap();
    drop(rows);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
}

#[test]
fn without_an_identifier_every_row_is_appended() {
    let mut rows = Rows::open(None, None).unwrap();
    for _ in 0..2 {
        assert_eq!(
            rows.upsert(row(&json!({"id": "a"}))).unwrap(),
            Outcome::Created
        );
    }
    let deletion = row(&json!({"id": "a", ":deleted": true}));
    assert_eq!(rows.upsert(deletion).unwrap(), Outcome::Refused);
    assert_eq!(rows.len(), 2);
}
