//! The rows of several blocks, put into uploads as they are published.

use pipeline::fuzzing::{Row, Upload, uploads};
use serde_json::Value;
use socrata::{Chunk, MAX_CHUNK_BYTES, MAX_CHUNK_ROWS};
use trips::public_row::Member;
use uuid::Uuid;

use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "[[",
    "],[",
    "]]",
    "null",
    "\"9\"",
    "\"\"",
    "\\u0001",
    "\\ud83d\\ude00",
    "48453001100",
];

/// Room for a few rows.
const SMALL_BYTES: usize = 4_000;
/// No more rows than this are made of an input.
const MAX_ROWS: usize = 300;
/// Texts of up to so many bytes are labels; others may be refused.
const SURE_LABEL_BYTES: usize = 20;

pub(super) fn check(data: &[u8]) {
    let blocks = blocks(data);
    for (rows, bytes) in [
        (1, MAX_CHUNK_BYTES),
        (3, MAX_CHUNK_BYTES),
        (MAX_CHUNK_ROWS, SMALL_BYTES),
        (MAX_CHUNK_ROWS, MAX_CHUNK_BYTES),
    ] {
        let uploads = uploads(&blocks, rows, bytes).expect("a thread");
        for upload in &uploads {
            check_upload(upload, rows, bytes);
        }
        check_whole(&blocks, &uploads);
    }
}

/// A list of lists of labels and nulls; of another text, each line is a label.
fn blocks(data: &[u8]) -> Vec<Vec<Row>> {
    let mut blocks: Vec<Vec<Row>> = serde_json::from_slice(data).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(data);
        let lines = text.split('\n');
        vec![lines.map(|line| Some(line.to_owned())).collect()]
    });
    let mut left = MAX_ROWS;
    for rows in &mut blocks {
        rows.truncate(left);
        left -= rows.len();
    }
    blocks
}

/// An upload is as large as it may be at most, and its parts are all of it.
fn check_upload(upload: &Upload, max_rows: usize, max_bytes: usize) {
    let whole = ids(&upload.whole);
    assert!(whole.len() <= max_rows, "an upload of {} rows", whole.len());
    assert!(
        upload.whole.body.len() <= max_bytes || whole.len() == 1,
        "an upload of {} bytes",
        upload.whole.body.len()
    );
    let parts: Vec<_> = upload.parts.iter().map(ids).collect();
    assert_eq!(parts.concat(), whole, "the parts have other rows");
    let rest = parts.get(1..).unwrap_or_default().concat();
    assert_eq!(ids(&upload.without_first), rest, "other rows are left");
    for (_, message) in &upload.refused {
        check_message(message);
    }
}

/// Every row of a block that fits is sent once and in order, and one with sure labels fits.
fn check_whole(blocks: &[Vec<Row>], uploads: &[Upload]) {
    let sent: Vec<u128> = uploads.iter().flat_map(|it| ids(&it.whole)).collect();
    assert!(
        sent.is_sorted_by(|a, b| a < b),
        "rows are sent twice or out of order"
    );
    let refused: Vec<usize> = uploads
        .iter()
        .flat_map(|it| it.refused.iter().map(|(block, _)| *block))
        .collect();
    let mut first = 0;
    for (block, rows) in blocks.iter().enumerate() {
        let ids = first..first + rows.len() as u128;
        first = ids.end;
        if refused.contains(&block) {
            let labels = rows.iter().flatten();
            assert!(
                labels.into_iter().any(|it| !is_sure(it)),
                "rows that fit are refused"
            );
        } else {
            let found = sent.iter().filter(|id| ids.contains(id)).count();
            assert_eq!(found, rows.len(), "rows are lost");
        }
    }
}

fn is_sure(label: &str) -> bool {
    (1..=SURE_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(|it| it.is_ascii_alphanumeric())
}

/// The ids of a chunk's rows, which have exactly the published members or delete a row.
fn ids(chunk: &Chunk) -> Vec<u128> {
    let rows: Vec<Value> = serde_json::from_slice(&chunk.body).expect("an upload is JSON");
    assert_eq!(rows.len(), chunk.rows);
    let members = Member::ALL.map(|member| member.to_string());
    let mut deletions = 0;
    let ids = rows.iter().map(|row| {
        let row = row.as_object().expect("a row is an object");
        if row.contains_key(":deleted") {
            assert!(row.len() == 2 && row[":deleted"] == Value::Bool(true));
            deletions += 1;
        } else {
            let is_closed =
                row.len() == members.len() && members.iter().all(|it| row.contains_key(it));
            assert!(is_closed, "other members than those of the published form");
        }
        let id: Uuid = row["trip_id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("an id");
        id.as_u128()
    });
    let ids = ids.collect();
    assert_eq!(deletions, chunk.deletions);
    ids
}
