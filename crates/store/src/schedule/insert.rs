//! The blocks that a plan adds to `api.schedule`.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike, Utc};
use futures::future::try_join_all;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Row};
use trips::block::{Hour, HourRange, ProviderName};
use trips::time::CivilZone;

use super::get;
use super::planning::{ScheduledBlock, read_blocks};
use crate::connect::Store;
use crate::error::{StoreError, failed};
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

/// Every block of some providers' ranges, in order of time, and how many of them were missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlannedBlocks {
    /// The blocks of each provider, as they were asked for.
    pub blocks: Vec<Vec<ScheduledBlock>>,
    /// How many of them were inserted.
    pub inserted: u64,
}

impl Store {
    /// Inserts the missing blocks of the range into `api.schedule` and returns their number.
    ///
    /// # Errors
    ///
    /// As [`plan_blocks`](Self::plan_blocks).
    pub async fn ensure_blocks(
        &self,
        provider: &ProviderName,
        range: HourRange,
        zone: &CivilZone,
    ) -> Result<u64, StoreError> {
        let planned = self.plan_blocks(&[(provider.clone(), range)], zone).await?;
        Ok(planned.inserted)
    }

    /// Reads the blocks of the ranges that `api.schedule` has, and inserts those that are missing.
    /// The ranges are of different providers.
    ///
    /// `date`, `year`, `month`, `day` and `hour` are the city's civil time of the block's start.
    /// All rows are held in memory, so pass ranges of some months at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownProvider`], [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn plan_blocks(
        &self,
        wanted: &[(ProviderName, HourRange)],
        zone: &CivilZone,
    ) -> Result<PlannedBlocks, StoreError> {
        let client = self.client().await?;
        let mut planned = PlannedBlocks {
            blocks: read_all(&client, wanted).await?,
            inserted: 0,
        };
        let is_whole =
            |((_, range), known): (&(_, HourRange), &Vec<_>)| known.len() as u64 == range.len();
        if wanted.iter().zip(&planned.blocks).all(is_whole) {
            return Ok(planned);
        }
        let ids = provider_ids(&client, wanted).await?;
        let missing = Missing::of(wanted, &planned.blocks, &ids, zone);
        match missing.insert(&client, INSERT).await {
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                let inserted = missing.insert(&client, INSERT_OTHERS).await;
                let inserted = inserted.map_err(failed("inserting blocks"))?;
                planned.inserted = inserted.len() as u64;
                planned.blocks = read_all(&client, wanted).await?;
            }
            inserted => planned.add(&inserted.map_err(failed("inserting blocks"))?, &ids)?,
        }
        Ok(planned)
    }
}

impl PlannedBlocks {
    /// Adds rows that were inserted. `ids` are those of the providers, as they were asked for.
    fn add(&mut self, inserted: &[Row], ids: &[i32]) -> Result<(), StoreError> {
        let places: BTreeMap<i32, usize> = ids.iter().copied().zip(0..).collect();
        let knew_some: Vec<bool> = self.blocks.iter().map(|known| !known.is_empty()).collect();
        for row in inserted {
            let id: i32 = get(row, PROVIDER_ID)?;
            if let Some(blocks) = places.get(&id).and_then(|n| self.blocks.get_mut(*n)) {
                blocks.push(ScheduledBlock::read(row)?);
            }
        }
        for (blocks, knew_some) in self.blocks.iter_mut().zip(knew_some) {
            if knew_some {
                blocks.sort_by_key(|block| block.hour);
            }
        }
        self.inserted = inserted.len() as u64;
        Ok(())
    }
}

/// Reads the blocks of each range. The statements go out together.
async fn read_all(
    client: &Client,
    wanted: &[(ProviderName, HourRange)],
) -> Result<Vec<Vec<ScheduledBlock>>, StoreError> {
    let reading = wanted.iter();
    try_join_all(reading.map(|(provider, range)| read_blocks(client, provider, *range))).await
}

/// The ids of the providers, in their order.
async fn provider_ids(
    client: &Client,
    wanted: &[(ProviderName, HourRange)],
) -> Result<Vec<i32>, StoreError> {
    let names: Vec<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
    let rows = client
        .query_typed(
            "SELECT provider_name, provider_id FROM api.providers WHERE provider_name = ANY ($1)",
            values![names],
        )
        .await
        .map_err(failed("looking up the providers"))?;
    let mut ids = BTreeMap::new();
    for row in &rows {
        ids.insert(get::<String>(row, 0)?, get(row, 1)?);
    }
    let id = |(provider, _): &(ProviderName, _)| {
        let id = ids.get(provider.as_str()).copied();
        id.ok_or_else(|| StoreError::UnknownProvider {
            provider: provider.clone(),
        })
    };
    wanted.iter().map(id).collect()
}

/// Blocks that `api.schedule` lacks, column by column, by time and then by provider: two plans that
/// insert the same blocks never wait for each other in a circle.
///
/// Civil time is computed here: the database's own time zone tables may be from another year or
/// lack the zone.
#[derive(Default)]
struct Missing {
    provider_id: Vec<i32>,
    block_start: Vec<DateTime<Utc>>,
    block_end: Vec<DateTime<Utc>>,
    date: Vec<NaiveDate>,
    year: Vec<i32>,
    month: Vec<i32>,
    day: Vec<i32>,
    hour: Vec<i32>,
}

impl Missing {
    fn of(
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
        let mut missing = Self::default();
        let whole = HourRange::spanning(wanted.iter().map(|(_, range)| *range));
        for hour in whole.into_iter().flatten() {
            let civil = zone.civil(hour.start());
            for (id, range, known) in &mut providers {
                let is_in_range = range.first() <= hour && hour < range.end();
                let is_known = known.next_if(|block| block.hour == hour).is_some();
                if is_in_range && !is_known {
                    missing.push(*id, hour, civil);
                }
            }
        }
        missing
    }

    fn push(&mut self, provider_id: i32, hour: Hour, civil: NaiveDateTime) {
        let small = |part: u32| i32::try_from(part).unwrap_or_default();
        self.provider_id.push(provider_id);
        self.block_start.push(hour.start());
        self.block_end.push(hour.end());
        self.date.push(civil.date());
        self.year.push(civil.year());
        self.month.push(small(civil.month()));
        self.day.push(small(civil.day()));
        self.hour.push(small(civil.hour()));
    }

    async fn insert(
        &self,
        client: &Client,
        statement: &str,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let columns = values![
            self.provider_id,
            self.block_start,
            self.block_end,
            self.date,
            self.year,
            self.month,
            self.day,
            self.hour,
        ];
        client.query_typed(statement, columns).await
    }
}
