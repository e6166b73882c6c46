//! Answers of the portal. The first byte says how many rows were sent.

use serde_json::value::RawValue;
use socrata::ColumnKind;
use socrata::fuzzing::{count, dataset_info, upsert};

use crate::json::Members;
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
            let rows: Vec<&RawValue> = serde_json::from_slice(body).unwrap();
            let row = Members::read(rows[0].get()).expect("a count without a name");
            let sent = row.named("total").next().expect("a count without a name");
            let text = serde_json::from_str(sent.get()).unwrap_or_else(|_| sent.get().to_owned());
            assert_eq!(text.parse::<u64>(), Ok(total), "another count");
        }
        Err(error) => check_message(&error.to_string()),
    }
}

fn check_upsert(body: &[u8], rows: u64) {
    let upsert = match upsert(body, rows, rows / 2) {
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
    let (counted, deletions) = (counts.iter().sum::<u64>(), rows / 2);
    assert!(counted <= rows, "more rows than were sent");
    assert!(
        counted == rows || upsert.created + upsert.updated == rows - deletions,
        "rows are lost"
    );
    assert!(
        upsert.deleted <= deletions,
        "rows are deleted that were to be written"
    );
    let text = str::from_utf8(body).map(str::trim).unwrap_or_default();
    // What is skipped need not be UTF-8.
    let Some(sent) = Members::read(text) else {
        return;
    };
    for (name, count) in ["Rows Created", "Rows Updated", "Rows Deleted", "Errors"]
        .into_iter()
        .zip(counts)
    {
        let sent = sent.named(name).next().map_or("0", RawValue::get);
        let sent = if sent == "null" { "0" } else { sent };
        let sent: u64 = sent.parse().expect("a count is a whole number");
        assert_eq!(sent, count, "another count of {name}");
    }
}

fn is_object(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'{')
}
