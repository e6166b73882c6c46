use serde_json::Value;

use super::*;
use crate::error::ErrorName;

fn trip(n: u128, label: &str) -> Item {
    Item::Live(PublicTrip {
        trip_id: Uuid::from_u128(n),
        device_id: Uuid::from_u128(7),
        has_provider_id: false,
        vehicle_type: Some("scooter".to_owned()),
        trip_duration: 600,
        trip_distance: 1200,
        start_time: "2020-01-15T12:00:00Z".parse().unwrap(),
        end_time: "2020-01-15T12:10:00Z".parse().unwrap(),
        modified_date: "2020-02-11T15:08:25Z".parse().unwrap(),
        council_district_start: Some(label.to_owned()),
        council_district_end: Some(label.to_owned()),
        census_geoid_start: Some(label.to_owned()),
        census_geoid_end: Some(label.to_owned()),
    })
}

fn publication(schedule_id: i64) -> Publication {
    Publication {
        schedule_id,
        load_id: Uuid::nil(),
        key: String::new(),
        sha256: String::new(),
        etag: None,
        rows: 0,
        since: "2020-01-15T12:00:00Z".parse().unwrap(),
        last_sent: None,
        counts: None,
        form: None,
    }
}

/// A part for each list, until one does not fit whole. Returns what is left of it.
fn gathered(chunk_rows: usize, parts: Vec<Vec<Item>>) -> (Gathered, usize) {
    let mut batch = Gathered::new(chunk_rows, Arc::default());
    let mut left = 0;
    for (schedule_id, items) in (1..).zip(parts) {
        let mut ahead = VecDeque::from(items);
        batch.begin(publication(schedule_id));
        batch.take(&mut ahead, &mut None);
        left = ahead.len();
        if left == 0 {
            batch.end();
        }
    }
    (batch, left)
}

fn ids(chunk: &Chunk) -> Vec<u128> {
    let rows: Vec<Value> = serde_json::from_slice(&chunk.body).unwrap();
    assert_eq!(rows.len(), chunk.rows);
    let id = |row: &Value| row["trip_id"].as_str().unwrap().parse::<Uuid>().unwrap();
    rows.iter().map(|row| id(row).as_u128()).collect()
}

#[tokio::test]
async fn parts_are_sent_together_one_by_one_or_without_some() {
    let parts = vec![
        vec![trip(1, "9"), Item::Gone(Uuid::from_u128(2))],
        Vec::new(),
        vec![trip(3, "9")],
        vec![trip(4, "9"), trip(5, "9")],
    ];
    let (batch, refused) = gathered(10, parts).0.written().await;
    assert!(refused.is_empty());
    assert_eq!(ids(&batch.chunk()), [1, 2, 3, 4, 5]);
    let single: Vec<_> = batch
        .parts
        .iter()
        .map(|part| ids(&batch.chunk_of(part)))
        .collect();
    assert_eq!(single, [vec![1, 2], vec![], vec![3], vec![4, 5]]);
    let last: Vec<_> = batch
        .parts
        .iter()
        .map(|part| part.last.map(|id| id.as_u128()))
        .collect();
    assert_eq!(last, [Some(1), None, Some(3), Some(5)]);

    let mut batch = batch;
    batch.retain(|part| part.publication.schedule_id != 3);
    assert_eq!(ids(&batch.chunk()), [1, 2, 4, 5]);
    assert_eq!(ids(&batch.chunk_of(&batch.parts[2])), [4, 5]);
    batch.retain(|_| false);
    assert_eq!(ids(&batch.chunk()), []);
}

#[tokio::test]
async fn a_row_that_does_not_fit_keeps_back_its_part_and_no_other() {
    let parts = vec![
        vec![trip(1, "9")],
        vec![trip(2, "9"), trip(3, &"9".repeat(201))],
        vec![trip(4, "9")],
    ];
    let (batch, refused) = gathered(10, parts).0.written().await;
    assert_eq!(ids(&batch.chunk()), [1, 4]);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].publication.schedule_id, 2);
    assert_eq!(refused[0].error.name, ErrorName::ArchiveUnreadable);
    assert!(
        refused[0]
            .error
            .message
            .contains("`council_district_start`")
    );
}

#[tokio::test]
async fn an_upload_has_as_many_rows_as_it_may() {
    let rows = |count: u128| (0..count).map(|n| trip(n, "9")).collect();
    let (batch, left) = gathered(3, vec![rows(2), rows(2)]);
    assert_eq!((batch.room(), left), (0, 1));
    let (batch, _) = batch.written().await;
    assert_eq!(batch.chunk().rows, 3);
    assert_eq!(
        batch
            .parts
            .iter()
            .map(|part| part.is_last)
            .collect::<Vec<_>>(),
        [true, false]
    );
}

#[tokio::test]
async fn an_upload_is_never_larger_than_it_may_be() {
    let label = "\u{1}".repeat(200);
    let rows = (0..5000).map(|n| trip(n, &label)).collect();
    let (batch, left) = gathered(10_000, vec![rows]);
    assert_eq!(batch.room(), 0);
    let (batch, _) = batch.written().await;
    let chunk = batch.chunk();
    assert_eq!(chunk.rows + left, 5000);
    assert!(chunk.body.len() <= MAX_CHUNK_BYTES);
    assert!(chunk.body.len() > MAX_CHUNK_BYTES / 10 * 9);
}
