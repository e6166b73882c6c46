//! A way into the making of uploads that only fuzzing needs.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use chrono::DateTime;
use socrata::Chunk;
use store::Publication;
use tokio::runtime;
use trips::public_row::PublicTrip;
use uuid::Uuid;

use super::batch::{Batch, Gathered, Refused};
use super::json::Item;

/// A row: that of a trip with this label, or `None` for one that deletes a trip.
pub type Row = Option<String>;

/// An upload.
pub struct Upload {
    /// All of it.
    pub whole: Chunk,
    /// Each part by itself, as it is sent if the portal refuses the whole.
    pub parts: Vec<Chunk>,
    /// The upload without its first part.
    pub without_first: Chunk,
    /// The blocks with a row that is not in the published form, and why. Nothing of them is in this
    /// upload, nor in a later one.
    pub refused: Vec<(usize, String)>,
}

/// Puts the rows of several blocks into uploads of at most so many rows and bytes, as they are
/// published. The trips have the ids 0, 1, … in the order of all rows.
///
/// # Errors
///
/// There are no threads.
pub fn uploads(blocks: &[Vec<Row>], rows: usize, bytes: usize) -> io::Result<Vec<Upload>> {
    let runtime = runtime::Builder::new_current_thread().build()?;
    let mut ids = 0_u128..;
    let mut left: VecDeque<(usize, VecDeque<Item>)> = blocks
        .iter()
        .map(|rows| {
            let items = rows.iter().zip(&mut ids);
            items.map(|(row, id)| item(row, id)).collect()
        })
        .enumerate()
        .collect();
    let mut uploads = Vec::new();
    while !left.is_empty() {
        let batch = gather(&mut left, rows, bytes);
        let (batch, refused) = runtime.block_on(batch.written());
        left.retain(|(block, _)| !refused.iter().any(|it| block_of(&it.publication) == *block));
        uploads.push(upload(batch, refused));
    }
    Ok(uploads)
}

fn gather(left: &mut VecDeque<(usize, VecDeque<Item>)>, rows: usize, bytes: usize) -> Gathered {
    let mut batch = Gathered::limited(rows.max(1), bytes, Arc::default());
    while batch.room() > 0
        && let Some((block, items)) = left.front_mut()
    {
        batch.begin(publication(*block));
        batch.take(items, &mut None);
        if items.is_empty() {
            batch.end();
            left.pop_front();
        }
    }
    batch
}

fn upload(mut batch: Batch, refused: Vec<Refused>) -> Upload {
    let whole = batch.chunk();
    let parts = batch.parts.iter().map(|it| batch.chunk_of(it)).collect();
    let first = batch.parts.first().map(|it| it.publication.schedule_id);
    batch.retain(|it| Some(it.publication.schedule_id) != first);
    Upload {
        whole,
        parts,
        without_first: batch.chunk(),
        refused: refused
            .into_iter()
            .map(|it| (block_of(&it.publication), it.error.message))
            .collect(),
    }
}

fn block_of(publication: &Publication) -> usize {
    usize::try_from(publication.schedule_id).unwrap_or(usize::MAX)
}

fn item(row: &Row, id: u128) -> Item {
    let trip_id = Uuid::from_u128(id);
    let Some(label) = row else {
        return Item::Gone(trip_id);
    };
    Item::Live(PublicTrip {
        trip_id,
        device_id: Uuid::from_u128(7),
        has_provider_id: false,
        vehicle_type: Some(label.clone()),
        trip_duration: i64::MAX,
        trip_distance: i64::MAX,
        start_time: DateTime::UNIX_EPOCH,
        end_time: DateTime::UNIX_EPOCH,
        modified_date: DateTime::UNIX_EPOCH,
        council_district_start: Some(label.clone()),
        council_district_end: Some(label.clone()),
        census_geoid_start: Some(label.clone()),
        census_geoid_end: Some(label.clone()),
    })
}

fn publication(block: usize) -> Publication {
    Publication {
        schedule_id: i64::try_from(block).unwrap_or(i64::MAX),
        load_id: Uuid::nil(),
        key: String::new(),
        sha256: String::new(),
        etag: None,
        rows: 0,
        since: DateTime::UNIX_EPOCH,
        last_sent: None,
        counts: None,
        form: None,
    }
}
