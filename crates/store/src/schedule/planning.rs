//! What plans need: providers and blocks entered, and read.

use chrono::{DateTime, TimeDelta, Utc};
use trips::block::{HourRange, ProviderName};
use trips::time::CivilZone;
use uuid::Uuid;

use super::{ScheduleRow, schedule_columns};
use crate::connect::Store;
use crate::error::{StoreError, failed};

impl Store {
    /// Enters the providers with their MDS ids; those that are there as given are not touched.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn upsert_providers(
        &self,
        providers: &[(ProviderName, Uuid)],
    ) -> Result<(), StoreError> {
        let (names, ids): (Vec<&str>, Vec<Uuid>) = providers
            .iter()
            .map(|(name, id)| (name.as_str(), *id))
            .unzip();
        self.client()
            .await?
            .execute(
                "INSERT INTO api.providers AS p (provider_name, mds_provider_id)
                 SELECT name, id FROM unnest($1::text[], $2::uuid[]) AS given (name, id)
                 WHERE NOT EXISTS (
                     SELECT FROM api.providers known
                     WHERE known.provider_name = given.name AND known.mds_provider_id = given.id
                 )
                 ORDER BY name
                 ON CONFLICT (provider_name) DO UPDATE SET mds_provider_id = excluded.mds_provider_id",
                &[&names, &ids],
            )
            .await
            .map_err(failed("entering providers"))?;
        Ok(())
    }

    /// Enters the blocks of the range that are missing, and answers how many those were.
    ///
    /// `date`, `year`, `month`, `day` and `hour` are the city's civil time of the block's start.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownProvider`], [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn ensure_blocks(
        &self,
        provider: &ProviderName,
        range: HourRange,
        zone: &CivilZone,
    ) -> Result<u64, StoreError> {
        let client = self.client().await?;
        let provider_id: i32 = client
            .query_opt(
                "SELECT provider_id FROM api.providers WHERE provider_name = $1",
                &[&provider.as_str()],
            )
            .await
            .and_then(|row| row.map(|row| row.try_get(0)).transpose())
            .map_err(failed("looking up a provider"))?
            .ok_or_else(|| StoreError::UnknownProvider {
                provider: provider.clone(),
            })?;
        let offsets = Offsets::of(range, zone);
        client
            .execute(
                "INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour)
                 SELECT $1, block_start, block_start + interval '1 hour', civil::date,
                        extract(year FROM civil), extract(month FROM civil),
                        extract(day FROM civil), extract(hour FROM civil)
                 FROM unnest($2::timestamptz[], $3::timestamptz[], $4::bigint[]) AS stretch (first, last, seconds),
                      generate_series(first, last, interval '1 hour') AS block_start,
                      LATERAL (
                          SELECT (block_start AT TIME ZONE 'UTC') + seconds * interval '1 second' AS civil
                      ) AS clock
                 WHERE NOT EXISTS (
                     SELECT FROM api.schedule known
                     WHERE known.provider_id = $1 AND known.block_start = block_start.block_start
                       AND known.block_start BETWEEN $5 AND $6
                 )
                 ORDER BY block_start
                 ON CONFLICT (provider_id, block_start) DO NOTHING",
                &[
                    &provider_id,
                    &offsets.first,
                    &offsets.last,
                    &offsets.seconds,
                    // Only these tell the database how few of its rows are meant.
                    &range.first().start(),
                    &range.end().start(),
                ],
            )
            .await
            .map_err(failed("entering blocks"))
    }

    /// The blocks of the range that the schedule has, in order of time. They are held in memory:
    /// ask for some months at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn blocks(
        &self,
        provider: &ProviderName,
        range: HourRange,
    ) -> Result<Vec<ScheduleRow>, StoreError> {
        self.select_blocks(
            concat!(
                "SELECT ",
                schedule_columns!(),
                " FROM api.schedule s JOIN api.providers p USING (provider_id)
                  WHERE p.provider_name = $1 AND s.block_start >= $2 AND s.block_start < $3
                  ORDER BY s.block_start"
            ),
            provider,
            range,
        )
        .await
    }

    /// As [`Store::blocks`], without the published ones.
    ///
    /// # Errors
    ///
    /// As [`Store::blocks`].
    pub async fn unfinished_blocks(
        &self,
        provider: &ProviderName,
        range: HourRange,
    ) -> Result<Vec<ScheduleRow>, StoreError> {
        self.select_blocks(
            concat!(
                "SELECT ",
                schedule_columns!(),
                " FROM api.schedule s JOIN api.providers p USING (provider_id)
                  WHERE p.provider_name = $1 AND s.block_start >= $2 AND s.block_start < $3 AND s.status_id <> 8
                  ORDER BY s.block_start"
            ),
            provider,
            range,
        )
        .await
    }

    async fn select_blocks(
        &self,
        query: &str,
        provider: &ProviderName,
        range: HourRange,
    ) -> Result<Vec<ScheduleRow>, StoreError> {
        let (start, end) = (range.first().start(), range.end().start());
        self.client()
            .await?
            .query(query, &[&provider.as_str(), &start, &end])
            .await
            .map_err(failed("reading the schedule"))?
            .iter()
            .map(ScheduleRow::read)
            .collect()
    }
}

/// A range of hours in stretches between changes of the clock. That is how the database learns the
/// civil time: its own list of time zones may be another year's, or lack the name.
#[derive(Default)]
struct Offsets {
    first: Vec<DateTime<Utc>>,
    last: Vec<DateTime<Utc>>,
    seconds: Vec<i64>,
}

impl Offsets {
    fn of(range: HourRange, zone: &CivilZone) -> Self {
        let mut stretches = Self::default();
        for hour in range {
            let start = hour.start();
            let offset: TimeDelta = zone.civil(start) - start.naive_utc();
            let seconds = offset.num_seconds();
            if stretches.seconds.last() != Some(&seconds) {
                stretches.first.push(start);
                stretches.last.push(start);
                stretches.seconds.push(seconds);
            }
            if let Some(last) = stretches.last.last_mut() {
                *last = start;
            }
        }
        stretches
    }
}
