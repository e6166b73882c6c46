#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::io::{self, Read};

use super::*;

fn opened(content: impl Read + Send + 'static) -> Opened {
    Opened {
        content: Box::new(content),
        tag: "tag".to_owned(),
    }
}

/// Panics when it is read.
struct Defect;

impl Read for Defect {
    #[expect(clippy::panic, reason = "the defect")]
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("at row {}", 2)
    }
}

#[tokio::test]
async fn every_chunk_is_read_after_the_rows_to_skip() {
    let rows = r#"[{"n":1},{"n":2},{"n":3},{"n":4}]"#;
    let mut chunks = ChunkReader::start(opened(rows.as_bytes()), 2, 1);
    let mut counts = Vec::new();
    while let Some(chunk) = chunks.next().await.unwrap() {
        counts.push(chunk.rows);
    }
    assert_eq!(counts, [2, 1]);
}

#[tokio::test]
async fn a_panic_in_the_middle_is_not_the_end_of_the_rows() {
    let first = r#"[{"n":1},{"n":2},"#.as_bytes();
    let mut chunks = ChunkReader::start(opened(first.chain(Defect)), 1, 0);
    let error = loop {
        match chunks.next().await {
            Ok(chunk) => assert!(chunk.is_some(), "the rows ended"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.name, ErrorName::Internal);
}
