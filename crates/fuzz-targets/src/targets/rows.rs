//! The rows of a file, cut into uploads.

use serde_json::value::RawValue;
use socrata::{Chunks, MAX_CHUNK_BYTES};

use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &["[{", "},{", "}]", "{}", "trip_id", ":deleted"];

const SMALL_BYTES: usize = 48;

pub(super) fn check(data: &[u8]) {
    for (rows, bytes) in [
        (1, MAX_CHUNK_BYTES),
        (3, MAX_CHUNK_BYTES),
        (10_000, SMALL_BYTES),
    ] {
        let skip = 2;
        let whole = cut(data, rows, bytes, 0);
        let rest = cut(data, rows, bytes, skip);
        // A row that was sent in a larger upload may be too large for these.
        assert!(
            whole.is_err() || rest.is_ok(),
            "rows are refused because others are skipped"
        );
        if let (Ok(whole), Ok(rest)) = (&whole, &rest) {
            let skip = usize::try_from(skip).unwrap().min(whole.len());
            assert_eq!(
                &whole[skip..],
                rest,
                "other rows after those that were sent"
            );
        }
        let text = trips::text::strip_byte_order_mark(data);
        let due = serde_json::from_slice::<Vec<&RawValue>>(text);
        match (whole, due) {
            (Ok(rows), Ok(due)) => {
                let due: Vec<_> = due.iter().map(|row| row.get()).collect();
                assert_eq!(rows, due, "rows are lost");
            }
            (Ok(_), Err(error)) => panic!("rows of a text that is no JSON: {error}"),
            (Err(message), Ok(due)) => {
                let fits =
                    |row: &&RawValue| row.get().starts_with('{') && row.get().len() + 2 <= bytes;
                assert!(!due.iter().all(fits), "rows are refused: {message}");
            }
            (Err(_), Err(_)) => {}
        }
    }
}

/// The rows of all chunks, or why there are none.
fn cut(data: &[u8], rows: usize, bytes: usize, skip: u64) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let chunks = Chunks::new(data, rows).chunk_bytes(bytes).skip_rows(skip);
    for chunk in chunks {
        let chunk = chunk.map_err(|error| {
            check_message(&error.to_string());
            error.to_string()
        })?;
        assert!(
            chunk.rows >= 1 && chunk.rows <= rows,
            "a chunk of {} rows",
            chunk.rows
        );
        assert!(
            chunk.body.len() <= bytes,
            "a chunk of {} bytes",
            chunk.body.len()
        );
        let body: Vec<&RawValue> = serde_json::from_slice(&chunk.body).expect("a chunk is JSON");
        assert_eq!(body.len(), chunk.rows);
        found.extend(body.iter().map(|row| row.get().to_owned()));
    }
    Ok(found)
}
