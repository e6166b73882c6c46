//! What a plan writes to and reads from `api.providers` and `api.schedule`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use trips::block::{Hour, HourRange, ProviderName};
use trips::status::BlockStatus;
use trips::time::CivilZone;
use uuid::Uuid;

use super::{get, read_hour, read_provider, read_status, to_bigint};
use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::values::values;

impl Store {
    /// Inserts providers with their MDS ids into `api.providers`, or updates the ids. Rows that
    /// already hold the given values are not touched.
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
            .map_err(failed("inserting providers"))?;
        Ok(())
    }

    /// Inserts the missing blocks of the range into `api.schedule` and returns their number.
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
        let spans = OffsetSpans::new(range, zone);
        let (first, end) = (range.first().start(), range.end().start());
        let number = to_bigint(range.len());
        let values = values![
            provider_id,
            spans.first,
            spans.last,
            spans.seconds,
            // Redundant for the result: they let the planner estimate the range and use the index.
            first,
            end,
            number,
        ];
        let inserted = match client.execute_typed(INSERT_BLOCKS, values).await {
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                client.execute_typed(&INSERT_OTHER_BLOCKS, values).await
            }
            inserted => inserted,
        };
        inserted.map_err(failed("inserting blocks"))
    }

    /// Finds the earliest hour that `api.schedule` has of each provider. Providers without a block
    /// are left out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn first_hours(&self) -> Result<BTreeMap<ProviderName, Hour>, StoreError> {
        self.client()
            .await?
            .query(
                "SELECT p.provider_name, first.block_start
                 FROM api.providers p,
                      LATERAL (
                          SELECT block_start FROM api.schedule s WHERE s.provider_id = p.provider_id
                          ORDER BY block_start LIMIT 1
                      ) AS first",
                &[],
            )
            .await
            .map_err(failed("looking for the first hours of the schedule"))?
            .iter()
            .map(|row| {
                let start: DateTime<Utc> = get(row, "block_start")?;
                Ok((
                    read_provider(row, "provider_name")?,
                    Hour::containing(start),
                ))
            })
            .collect()
    }

    /// Finds the blocks whose provider was requested for the trips after `since`, and not yet for
    /// their vehicles and their telemetry.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn blocks_without_side_data(
        &self,
        since: DateTime<Utc>,
    ) -> Result<BTreeSet<i64>, StoreError> {
        self.client()
            .await?
            .query_typed(WITHOUT_SIDE_DATA, values![since])
            .await
            .map_err(failed("looking for hours without their vehicles"))?
            .iter()
            .map(|row| get(row, 0))
            .collect()
    }

    /// Reads the blocks of the range that `api.schedule` has, in order of time.
    ///
    /// All rows are held in memory, so pass a range of some months at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn blocks(
        &self,
        provider: &ProviderName,
        range: HourRange,
    ) -> Result<Vec<ScheduledBlock>, StoreError> {
        let (start, end) = (range.first().start(), range.end().start());
        let provider = provider.as_str();
        let values = values![provider, start, end];
        self.client()
            .await?
            .query_typed(BLOCKS, values)
            .await
            .map_err(failed("reading the schedule"))?
            .iter()
            .map(ScheduledBlock::read)
            .collect()
    }
}

/// What a plan has to know of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledBlock {
    /// The id of its row.
    pub schedule_id: i64,
    /// Its hour.
    pub hour: Hour,
    /// How far it has come.
    pub status: BlockStatus,
    /// When its provider last answered a request for it.
    pub extracted_at: Option<DateTime<Utc>>,
}

impl ScheduledBlock {
    /// Reads the columns of [`BLOCKS`] by position: a plan reads up to a million rows.
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            schedule_id: get(row, 0)?,
            hour: read_hour(get(row, 1)?)?,
            status: read_status(get(row, 2)?)?,
            extracted_at: get(row, 3)?,
        })
    }
}

const BLOCKS: &str = "
    SELECT s.schedule_id, s.block_start, s.status_id, s.extracted_at
    FROM api.schedule s JOIN api.providers p USING (provider_id)
    WHERE p.provider_name = $1 AND s.block_start >= $2 AND s.block_start < $3
    ORDER BY s.block_start";

const WITHOUT_SIDE_DATA: &str = "SELECT schedule_id FROM api.schedule WHERE side_data_since IS NOT NULL AND side_data_since > $1";

/// Inserts the blocks of the range that are missing. It fails if another plan inserts one of them
/// meanwhile. If the range has all its `$7` blocks, it only counts them.
const INSERT_BLOCKS: &str = "
    INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour)
    SELECT $1, block_start, block_start + interval '1 hour', civil::date,
           extract(year FROM civil), extract(month FROM civil),
           extract(day FROM civil), extract(hour FROM civil)
    FROM unnest($2::timestamptz[], $3::timestamptz[], $4::bigint[]) AS span (first, last, seconds),
         generate_series(first, last, interval '1 hour') AS block_start,
         LATERAL (
             SELECT (block_start AT TIME ZONE 'UTC') + seconds * interval '1 second' AS civil
         ) AS clock
    WHERE NOT EXISTS (
        SELECT FROM api.schedule known
        WHERE known.provider_id = $1 AND known.block_start = block_start.block_start
          AND known.block_start BETWEEN $5 AND $6
    ) AND $7 > (
        SELECT count(*) FROM api.schedule known
        WHERE known.provider_id = $1 AND known.block_start >= $5 AND known.block_start < $6
    )
    ORDER BY block_start";

/// As [`INSERT_BLOCKS`], and leaves out what another plan inserts meanwhile. To look out for that
/// costs a new row a second visit of the index.
static INSERT_OTHER_BLOCKS: LazyLock<String> =
    LazyLock::new(|| format!("{INSERT_BLOCKS} ON CONFLICT (provider_id, block_start) DO NOTHING"));

/// A range of hours, split where the zone's offset from UTC changes: each span has the starts of
/// its first and last hour and its offset.
///
/// The database computes civil time from these offsets, since its own time zone tables may be from
/// another year or lack the zone.
#[derive(Default)]
struct OffsetSpans {
    first: Vec<DateTime<Utc>>,
    last: Vec<DateTime<Utc>>,
    seconds: Vec<i64>,
}

impl OffsetSpans {
    fn new(range: HourRange, zone: &CivilZone) -> Self {
        let mut spans = Self::default();
        for hour in range {
            let start = hour.start();
            let offset: TimeDelta = zone.civil(start) - start.naive_utc();
            let seconds = offset.num_seconds();
            if spans.seconds.last() != Some(&seconds) {
                spans.first.push(start);
                spans.last.push(start);
                spans.seconds.push(seconds);
            }
            if let Some(last) = spans.last.last_mut() {
                *last = start;
            }
        }
        spans
    }
}
