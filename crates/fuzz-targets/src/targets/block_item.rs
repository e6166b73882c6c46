//! Events of the three steps.

use pipeline::{BlockItem, ErrorName};
use serde_json::Value;

use super::plan_request::check_names_key;

pub(super) const WORDS: &[&str] = &[
    "run_id",
    "schedule_id",
    "provider",
    "block_start",
    "block_end",
    "label",
    "steps",
    "force",
    "accept_losses",
    "config",
    "extract",
    "sync_db",
    "sync_socrata",
    "trips_key",
    "trip_count",
    "changes",
    "nothing_to_load",
    "publish_key",
    "fetched",
    "loaded",
    "rejected",
    "duplicates",
    "created",
    "updated",
    "deleted",
    "errors",
    "sync-db",
    "sync-socrata",
    "settings",
    "etag",
    "2020-01-15T18:00:00Z",
    "2020-01-15T18:30:00Z",
    "2020-01-15-13",
];

pub(super) fn check(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let item = match BlockItem::from_json(event.clone()) {
        Ok(item) => item,
        Err(error) => {
            assert_eq!(error.name, ErrorName::InvalidInput);
            return check_names_key(&event, &error.message);
        }
    };
    let written = pipeline::to_json(&item).unwrap();
    let read = BlockItem::from_json(written.clone()).expect("an item that was written");
    assert_eq!(read, item, "another item after it was written");
    // What a step passes on is what it received.
    keeps(&event, &written, "");
    match item.block() {
        Ok(block) => {
            assert_eq!(block.hour.start(), item.block_start);
            assert_eq!(block.hour.end(), item.block_end);
        }
        Err(error) => assert_eq!(error.name, ErrorName::InvalidInput),
    }
}

/// Every known member of `sent` is in `written`, with the same value.
fn keeps(sent: &Value, written: &Value, place: &str) {
    match (sent, written) {
        (Value::Object(sent), Value::Object(written)) => {
            for (name, value) in written {
                if let Some(sent) = sent.get(name).filter(|sent| !sent.is_null()) {
                    keeps(sent, value, name);
                }
            }
        }
        (Value::String(sent), Value::String(written)) if place.starts_with("block_") => {
            // Dates without leading zeros are read, too.
            let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>();
            assert_eq!(at(sent).unwrap(), at(written).unwrap());
        }
        (Value::String(sent), Value::String(written)) if place == "run_id" => {
            let id = |text: &str| text.parse::<uuid::Uuid>();
            assert_eq!(id(sent), id(written));
        }
        (sent, written) => assert_eq!(sent, written, "`{place}` has changed"),
    }
}
