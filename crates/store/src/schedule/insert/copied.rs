//! Many blocks come to `api.schedule` by binary COPY.
//!
//! COPY writes a page of rows at a time, and returns nothing. So the blocks get their ids before.

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use futures::SinkExt as _;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};
use trips::status::BlockStatus;

use super::missing::MissingBlock;
use crate::copy::{HEADER, TRAILER};
use crate::schedule::planning::ScheduledBlock;
use crate::schedule::status_code;
use crate::values::values;

/// Takes as many ids as `$1`; none if another program has made the table, and its ids are from
/// elsewhere.
const IDS: &str = "
    SELECT coalesce(array_agg(nextval(sequence)), '{}')
    FROM (SELECT pg_get_serial_sequence('api.schedule', 'schedule_id')::regclass AS sequence OFFSET 0) AS own,
         generate_series(1, $1::bigint)
    WHERE sequence IS NOT NULL";

const COPY: &str = "
    COPY api.schedule (schedule_id, provider_id, block_start, block_end, date, year, month, day, hour, status_id)
    FROM STDIN (FORMAT binary)";

const FIELDS: i16 = 10;
/// More than the bytes of a block.
const BLOCK_BYTES: usize = 110;

/// Inserts all the blocks and returns them with the ids of their providers; inserts nothing and
/// returns `None` if they have to be inserted in another way: another plan inserts one of them, or
/// the columns and rights are not those of our own tables.
pub(super) async fn copy(
    client: &Client,
    blocks: &[MissingBlock],
) -> Result<Option<Vec<(i32, ScheduledBlock)>>, Error> {
    match try_copy(client, blocks).await {
        Err(error) if error.code().is_some_and(has_another_way) => Ok(None),
        copied => copied,
    }
}

fn has_another_way(code: &SqlState) -> bool {
    [
        SqlState::UNIQUE_VIOLATION,
        SqlState::INSUFFICIENT_PRIVILEGE,
        // The column has another type, so the bytes of a field are wrong, too many or too few.
        SqlState::INVALID_BINARY_REPRESENTATION,
        SqlState::PROTOCOL_VIOLATION,
    ]
    .contains(code)
}

async fn try_copy(
    client: &Client,
    blocks: &[MissingBlock],
) -> Result<Option<Vec<(i32, ScheduledBlock)>>, Error> {
    let count = i64::try_from(blocks.len()).unwrap_or(i64::MAX);
    let ids = client.query_typed_one(IDS, values![count]).await?;
    let ids: Vec<i64> = ids.try_get(0)?;
    if ids.len() != blocks.len() {
        return Ok(None);
    }
    let status = BlockStatus::New;
    let mut rows = BytesMut::with_capacity(HEADER.len() + blocks.len() * BLOCK_BYTES);
    rows.extend_from_slice(HEADER);
    let mut copied = Vec::with_capacity(blocks.len());
    for (block, schedule_id) in blocks.iter().zip(ids) {
        put(&mut rows, schedule_id, block, status_code(status));
        let scheduled = ScheduledBlock {
            schedule_id,
            hour: block.hour,
            status,
            extracted_at: None,
        };
        copied.push((block.provider_id, scheduled));
    }
    rows.extend_from_slice(TRAILER);
    let mut sink = Box::pin(client.copy_in::<_, Bytes>(COPY).await?);
    sink.feed(rows.freeze()).await?;
    sink.as_mut().finish().await?;
    Ok(Some(copied))
}

/// Each field is its length and its bytes.
fn put(rows: &mut BytesMut, schedule_id: i64, block: &MissingBlock, status: i32) {
    let number = |rows: &mut BytesMut, number: i32| {
        rows.put_i32(4);
        rows.put_i32(number);
    };
    let wide = |rows: &mut BytesMut, number: i64| {
        rows.put_i32(8);
        rows.put_i64(number);
    };
    rows.put_i16(FIELDS);
    wide(rows, schedule_id);
    number(rows, block.provider_id);
    wide(rows, microseconds(block.hour.start()));
    wide(rows, microseconds(block.hour.end()));
    number(rows, days(block.civil.date()));
    for part in block.civil_parts() {
        number(rows, part);
    }
    number(rows, status);
}

/// The start of the year 2000, from which Postgres counts.
const EPOCH_SECONDS: i64 = 946_684_800;
const EPOCH_DAYS: i32 = 730_120;

/// A whole second, in microseconds.
fn microseconds(time: DateTime<Utc>) -> i64 {
    (time.timestamp() - EPOCH_SECONDS) * 1_000_000
}

fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_DAYS
}
