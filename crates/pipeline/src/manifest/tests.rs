#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::io::{self, Read};

use super::*;

/// Panics when it is read.
struct Defect;

impl Read for Defect {
    #[expect(clippy::panic, reason = "the defect")]
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("at item {}", 2)
    }
}

const ITEM: &str = r#"{"run_id": "0197a1b2-0000-7000-8000-000000000000", "schedule_id": 1, "provider": "bird",
    "block_start": "2020-01-15T18:00:00Z", "block_end": "2020-01-15T19:00:00Z", "label": "2020-01-15-13",
    "steps": ["extract"], "force": false}"#;

async fn read(text: impl Read + Send + 'static) -> Vec<Result<BlockItem, PipelineError>> {
    let mut receiver = read_items(text, "manifest.json".to_owned());
    let mut items = Vec::new();
    while let Some(item) = receiver.recv().await {
        items.push(item);
    }
    items
}

#[tokio::test]
async fn a_panic_in_the_middle_is_not_the_end_of_the_plan() {
    let cut = format!("[{ITEM}, ");
    let items = read(io::Cursor::new(cut).chain(Defect)).await;
    let Some(Err(error)) = items.last() else {
        panic!("{items:?}")
    };
    assert_eq!(error.name, ErrorName::Internal);
}

#[tokio::test]
async fn a_manifest_that_is_cut_off_ends_with_an_error() {
    let items = read(io::Cursor::new(format!("[{ITEM}, {{\"run"))).await;
    let [Ok(_), Err(error)] = items.as_slice() else {
        panic!("{items:?}")
    };
    assert_eq!(error.name, ErrorName::ArchiveUnreadable);
}
