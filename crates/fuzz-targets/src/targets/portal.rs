//! Answers of the portal. The first byte says how many rows were sent.

use serde_json::Value;
use socrata::ColumnKind;
use socrata::fuzzing::{count, dataset_info, upsert};

use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "Rows Created",
    "Rows Updated",
    "Rows Deleted",
    "Errors",
    "By RowIdentifier",
    "total",
    "rowIdentifierColumnId",
    "columns",
    "id",
    "fieldName",
    "dataTypeName",
    "text",
    "number",
    "calendar_date",
    "trip_id",
    "<html>",
];

pub(super) fn check(data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let rows = u64::from(first.saturating_sub(b'0'));
    check_upsert(body, rows);
    match dataset_info(body) {
        Ok(info) => {
            assert!(is_object(body), "a description that is no object");
            let columns = [("trip_id", ColumnKind::Text), ("hour", ColumnKind::Number)];
            if let Err(error) = info.check("trip_id", &columns) {
                check_message(&error.to_string());
            }
        }
        Err(error) => check_message(&error.to_string()),
    }
    match count(body) {
        Ok(total) => {
            let rows: Vec<Value> = serde_json::from_slice(body).unwrap();
            let sent = rows[0].get("total").expect("a count without a name");
            let text = sent
                .as_str()
                .map_or_else(|| sent.to_string(), str::to_owned);
            assert_eq!(text.parse::<u64>(), Ok(total), "another count");
        }
        Err(error) => check_message(&error.to_string()),
    }
}

fn check_upsert(body: &[u8], rows: u64) {
    let upsert = match upsert(body, rows) {
        Ok(upsert) => upsert,
        Err(error) => return check_message(&error.to_string()),
    };
    assert!(is_object(body), "counts that are no object");
    let counts = [
        upsert.created,
        upsert.updated,
        upsert.deleted,
        upsert.errors,
    ];
    assert_eq!(counts.iter().sum::<u64>(), rows, "rows are lost");
    let sent: Value = serde_json::from_slice(body).unwrap();
    for (name, count) in ["Rows Created", "Rows Updated", "Rows Deleted", "Errors"]
        .into_iter()
        .zip(counts)
    {
        let sent = sent.get(name).and_then(Value::as_u64).unwrap_or(0);
        assert_eq!(sent, count, "another count of {name}");
    }
}

fn is_object(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'{')
}
