//! The blocks that `api.schedule` lacks of a plan.

use chrono::{Datelike, NaiveDateTime, Timelike};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Row};
use trips::block::{Hour, HourRange, ProviderName};
use trips::time::CivilZone;

use super::copied;
use crate::error::{StoreError, failed};
use crate::schedule::get;
use crate::schedule::planning::ScheduledBlock;
use crate::values::values;

/// Inserts blocks and returns them. `$conflict` says what becomes of a block that is there already.
macro_rules! insert {
    ($conflict:literal) => {
        concat!(
            "INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour)
             SELECT * FROM unnest($1::int[], $2::timestamptz[], $3::timestamptz[], $4::date[], $5::int[], $6::int[],
                                  $7::int[], $8::int[]) ",
            $conflict,
            " RETURNING schedule_id, block_start, status_id, extracted_at, provider_id::int"
        )
    };
}

/// Fails if another plan inserts one of the blocks meanwhile.
const INSERT: &str = insert!("");

/// Leaves out what another plan inserts meanwhile. To look out for that costs a new row a second
/// visit of the index.
const INSERT_OTHERS: &str = insert!("ON CONFLICT (provider_id, block_start) DO NOTHING");

/// The place of the provider's id among the columns that an insertion returns.
const PROVIDER_ID: usize = 4;

/// From how many blocks on they are copied: that takes the database less time for a block, and two
/// more messages.
const MANY_BLOCKS: usize = 1_000;

const DOING: &str = "inserting blocks";

/// A block that is not in `api.schedule`.
pub(super) struct MissingBlock {
    pub(super) provider_id: i32,
    pub(super) hour: Hour,
    /// The city's time of its start, which is computed here: the database's own time zone tables
    /// may be from another year or lack the zone.
    pub(super) civil: NaiveDateTime,
}

impl MissingBlock {
    /// Year, month, day and hour of the city's time.
    pub(super) fn civil_parts(&self) -> [i32; 4] {
        let small = |part: u32| i32::try_from(part).unwrap_or_default();
        let civil = self.civil;
        [
            civil.year(),
            small(civil.month()),
            small(civil.day()),
            small(civil.hour()),
        ]
    }
}

/// Missing blocks by time and then by provider: two plans that insert the same blocks never wait
/// for each other in a circle.
pub(super) struct Missing {
    blocks: Vec<MissingBlock>,
}

impl Missing {
    pub(super) fn of(
        wanted: &[(ProviderName, HourRange)],
        known: &[Vec<ScheduledBlock>],
        ids: &[i32],
        zone: &CivilZone,
    ) -> Self {
        let mut providers: Vec<_> = wanted
            .iter()
            .zip(known)
            .zip(ids)
            .map(|(((_, range), known), id)| (*id, *range, known.iter().peekable()))
            .collect();
        providers.sort_by_key(|(id, ..)| *id);
        let mut blocks = Vec::new();
        let whole = HourRange::spanning(wanted.iter().map(|(_, range)| *range));
        for hour in whole.into_iter().flatten() {
            let civil = zone.civil(hour.start());
            for (provider_id, range, known) in &mut providers {
                let is_in_range = range.first() <= hour && hour < range.end();
                let is_known = known.next_if(|block| block.hour == hour).is_some();
                if is_in_range && !is_known {
                    blocks.push(MissingBlock {
                        provider_id: *provider_id,
                        hour,
                        civil,
                    });
                }
            }
        }
        Self { blocks }
    }

    /// Inserts all the blocks and returns them with the ids of their providers; inserts nothing and
    /// returns `None` if another plan inserts one of them meanwhile.
    pub(super) async fn insert(
        &self,
        client: &Client,
    ) -> Result<Option<Vec<(i32, ScheduledBlock)>>, StoreError> {
        if self.blocks.len() >= MANY_BLOCKS
            && let Some(copied) = copied::copy(client, &self.blocks)
                .await
                .map_err(failed(DOING))?
        {
            return Ok(Some(copied));
        }
        match self.insert_by(client, INSERT).await {
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Ok(None),
            rows => {
                let rows = rows.map_err(failed(DOING))?;
                rows.iter()
                    .map(read_inserted)
                    .collect::<Result<_, _>>()
                    .map(Some)
            }
        }
    }

    /// Inserts the blocks that are still missing and returns their number.
    pub(super) async fn insert_others(&self, client: &Client) -> Result<u64, StoreError> {
        let inserted = self.insert_by(client, INSERT_OTHERS).await;
        Ok(inserted.map_err(failed(DOING))?.len() as u64)
    }

    async fn insert_by(&self, client: &Client, statement: &str) -> Result<Vec<Row>, Error> {
        let blocks = || self.blocks.iter();
        let ids: Vec<_> = blocks().map(|it| it.provider_id).collect();
        let starts: Vec<_> = blocks().map(|it| it.hour.start()).collect();
        let ends: Vec<_> = blocks().map(|it| it.hour.end()).collect();
        let dates: Vec<_> = blocks().map(|it| it.civil.date()).collect();
        let part = |n: usize| -> Vec<i32> { blocks().map(|it| it.civil_parts()[n]).collect() };
        let (years, months, days, hours) = (part(0), part(1), part(2), part(3));
        let columns = values![ids, starts, ends, dates, years, months, days, hours];
        client.query_typed(statement, columns).await
    }
}

fn read_inserted(row: &Row) -> Result<(i32, ScheduledBlock), StoreError> {
    Ok((get(row, PROVIDER_ID)?, ScheduledBlock::read(row)?))
}
