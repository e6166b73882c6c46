//! The bounds of a list.

use super::*;

const RECORD: &str = r#"{"device_id":"0309585e-599f-4e57-ac85-0123456789ab"}"#;

fn vehicle(record_bytes: usize) -> Vehicle {
    let vehicle = Vehicle::read(serde_json::from_str(RECORD).unwrap(), &[Uuid::nil()]).unwrap();
    Vehicle {
        record: "x".repeat(record_bytes),
        ..vehicle
    }
}

#[test]
fn a_list_ends_at_its_last_allowed_record_usable_or_not() {
    let (items, mut receiver) = mpsc::channel(4);
    let mut sink = ListSink {
        provider_ids: vec![Uuid::nil()],
        records: MAX_RECORDS - 2,
        items,
    };
    sink.trip(serde_json::from_str(RECORD).unwrap()).unwrap();
    sink.trip(serde_json::from_str("{}").unwrap()).unwrap();
    assert!(sink.trip(serde_json::from_str(RECORD).unwrap()).is_err());
    drop(sink);
    assert!(matches!(
        receiver.blocking_recv(),
        Some(ListItem::Vehicle(_))
    ));
    assert!(matches!(
        receiver.blocking_recv(),
        Some(ListItem::WithoutId)
    ));
    assert!(receiver.blocking_recv().is_none());
}

#[test]
fn a_sink_fails_once_nobody_stores_its_records() {
    let (items, receiver) = mpsc::channel(1);
    drop(receiver);
    let mut sink = ListSink {
        provider_ids: vec![Uuid::nil()],
        records: 0,
        items,
    };
    assert!(sink.begin("2.0.0").is_err());
}

#[test]
fn a_batch_is_full_by_number_or_by_size() {
    let mut small = Batch::default();
    for _ in 1..BATCH_RECORDS {
        small.push(vehicle(2));
        assert!(!small.is_full());
    }
    small.push(vehicle(2));
    assert!(small.is_full());
    assert_eq!(small.take().len(), BATCH_RECORDS);
    assert!(!small.is_full() && small.due_at.is_none());

    let mut large = Batch::default();
    large.push(vehicle(BATCH_BYTES - 1));
    assert!(!large.is_full());
    large.push(vehicle(1));
    assert!(large.is_full());
}
