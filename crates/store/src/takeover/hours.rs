//! [`Hours`]: the blocks of old rows of `api.schedule`, from their civil columns.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Timelike, Utc};
use tokio_postgres::Transaction;
use trips::block::Hour;
use trips::time::CivilZone;

use super::inspect::{Inspection, Work};
use super::problems::{of_rows, set_aside};
use super::shape::SCHEDULE;
use super::{HoursAre, TakeOver};
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_count};

mod civil;
mod detect;

use civil::{civil_expressions, no_hour};
use detect::detect;
use trips::words::counted;

/// What the civil columns of the schedule tell.
#[derive(Debug)]
pub(super) struct Hours {
    /// How many rows are set aside, because another row is of the same hour.
    pub(super) set_aside: u64,
    /// Whether the civil columns were the ends of the hours.
    pub(super) were_ends: bool,
}

/// A civil hour of some rows, and how many rows of one provider have it at most.
struct CivilHour {
    civil: [i32; 4],
    most: i64,
}

impl Hours {
    /// Finds the block of every row, in temporary tables. `None` if an obstacle is in the way.
    pub(super) async fn find(
        transaction: &Transaction<'_>,
        inspection: &mut Inspection,
        options: &TakeOver,
    ) -> Result<Option<Self>, StoreError> {
        let has_obstacle = |table: &str| {
            let table = format!("api.{table}");
            inspection.obstacles.iter().any(|it| it.table == table)
        };
        let Some(work) = inspection.work_on(&SCHEDULE) else {
            return Ok(None);
        };
        if has_obstacle("schedule") || has_obstacle("providers") || work.rows == 0 {
            create_empty(transaction).await?;
            return Ok(Some(Self {
                set_aside: 0,
                were_ends: false,
            }));
        }
        let Some(civil) = civil_expressions(work) else {
            let what = "because the table lacks year, month, day and hour".to_owned();
            let repair = "ALTER TABLE api.schedule ADD COLUMN year int, ADD COLUMN month int, ADD COLUMN day int, \
                          ADD COLUMN hour int; then fill them in";
            let rows = work.rows;
            inspection
                .obstacles
                .push(of_rows("schedule", rows, what, repair.to_owned()));
            return Ok(None);
        };
        read_rows(transaction, work, &civil).await?;
        let civil_hours = read_hours(transaction).await?;
        let (good, bad) = split(&options.zone, civil_hours);
        if bad > 0 {
            let what = "whose year, month, day and hour are no hour of a day".to_owned();
            let repair = set_aside("schedule", &no_hour(work));
            inspection
                .obstacles
                .push(of_rows("schedule", bad, what, repair));
            return Ok(None);
        }
        let hours_are = match options.hours_are {
            Some(given) => given,
            None => match detect(transaction, inspection, &good, &options.zone).await? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        write_hours(transaction, &options.zone, &good, hours_are).await?;
        inspection.notes.push(match hours_are {
            HoursAre::Starts => "the civil columns of api.schedule are the starts of the hours".to_owned(),
            HoursAre::Ends => "the civil columns of api.schedule are the ends of the hours; afterwards they are the starts".to_owned(),
        });
        let set_aside = rank(transaction).await?;
        if set_aside > 0 {
            inspection.notes.push(format!(
                "{} of an hour that another row has too, or that the clocks skip; the row that has come further is kept, the others move to api.schedule_set_aside",
                counted(set_aside, "row").with("of api.schedule is", "of api.schedule are")
            ));
        }
        Ok(Some(Self {
            set_aside,
            were_ends: hours_are == HoursAre::Ends,
        }))
    }
}

async fn create_empty(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    transaction
        .batch_execute(
            "CREATE TEMP TABLE mds_ranked (row_id bigint, provider int, block_start timestamptz, civil_date date,
                 year int, month int, day int, hour int, n bigint) ON COMMIT DROP",
        )
        .await
        .map_err(failed("finding the hours of the schedule"))
}

async fn read_rows(
    transaction: &Transaction<'_>,
    work: &Work,
    [year, month, day, hour]: &[String; 4],
) -> Result<(), StoreError> {
    let value = |name: &str, absent: &'static str| work.value(name).unwrap_or(absent).to_owned();
    let is_instant = |name: &str| {
        work.found
            .column(name)
            .is_some_and(|it| it.base == "timestamptz")
    };
    let block_start = if is_instant("block_start") {
        "block_start"
    } else {
        "NULL::timestamptz"
    };
    let (id, provider) = (
        value("schedule_id", "NULL::bigint"),
        value("provider_id", "NULL::int"),
    );
    let (status, payload) = (value("status_id", "0"), value("payload", "NULL::text"));
    let processed = value("records_processed", "NULL::bigint");
    transaction
        .batch_execute(&format!(
            "CREATE TEMP TABLE mds_civil ON COMMIT DROP AS
             SELECT schedule_id, provider, status, payload, processed, known_start, year, month, day, hour,
                    row_number() OVER (PARTITION BY provider, year, month, day, hour ORDER BY schedule_id)::int AS nth
             FROM (
                 SELECT {id} AS schedule_id, {provider} AS provider, {status} AS status, {payload} AS payload,
                        {processed} AS processed, {block_start} AS known_start,
                        {year} AS year, {month} AS month, {day} AS day, {hour} AS hour
                 FROM api.schedule
             ) AS r;
             ANALYZE mds_civil"
        ))
        .await
        .map_err(failed("reading the hours of the schedule"))
}

async fn read_hours(transaction: &Transaction<'_>) -> Result<Vec<CivilHour>, StoreError> {
    let rows = transaction
        .query(
            "SELECT coalesce(year, 0) AS year, coalesce(month, 0) AS month, coalesce(day, 0) AS day,
                    coalesce(hour, -1) AS hour, count(*) AS most
             FROM mds_civil WHERE known_start IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
            &[],
        )
        .await
        .map_err(failed("reading the hours of the schedule"))?;
    rows.iter()
        .map(|row| {
            Ok(CivilHour {
                civil: [get(row, 0)?, get(row, 1)?, get(row, 2)?, get(row, 3)?],
                most: get(row, "most")?,
            })
        })
        .collect()
}

/// The starts of a civil hour in the order of time: two if the clocks repeat it. A skipped one is
/// the instant of the change.
type Occurrences = BTreeMap<[i32; 4], Vec<Hour>>;

/// The hours that there are, and the number of rows with a civil hour that no day has.
fn split(zone: &CivilZone, civil_hours: Vec<CivilHour>) -> (Occurrences, u64) {
    let mut good = Occurrences::new();
    let mut bad = 0;
    for CivilHour { civil, most } in civil_hours {
        let hours = occurrences(zone, civil);
        if hours.is_empty() {
            bad += most.unsigned_abs();
        } else {
            good.insert(civil, hours);
        }
    }
    (good, bad)
}

fn occurrences(zone: &CivilZone, [year, month, day, hour]: [i32; 4]) -> Vec<Hour> {
    let text = format!("{year}-{month}-{day}-{hour}");
    let repeated = format!("{text}b");
    [text, repeated]
        .iter()
        .filter_map(|text| zone.parse_time(text).ok())
        .collect()
}

/// Writes the start of every hour and its civil time to a temporary table.
async fn write_hours(
    transaction: &Transaction<'_>,
    zone: &CivilZone,
    hours: &Occurrences,
    hours_are: HoursAre,
) -> Result<(), StoreError> {
    let doing = failed("finding the hours of the schedule");
    transaction
        .batch_execute(
            "CREATE TEMP TABLE mds_hours (year int, month int, day int, hour int, nth int, block_start timestamptz,
                 civil timestamp) ON COMMIT DROP",
        )
        .await
        .map_err(doing)?;
    let mut columns: [Vec<i32>; 5] = Default::default();
    let (mut starts, mut civil_starts) = (Vec::new(), Vec::new());
    for (civil, occurrences) in hours {
        for (nth, hour) in (1..).zip(occurrences) {
            let start = match hours_are {
                HoursAre::Starts => hour.start(),
                HoursAre::Ends => hour.previous().start(),
            };
            for (column, value) in columns.iter_mut().zip(civil.iter().chain([&nth])) {
                column.push(*value);
            }
            starts.push(start);
            civil_starts.push(civil_of(zone, start));
        }
    }
    let [year, month, day, hour, nth] = &columns;
    transaction
        .execute(
            "INSERT INTO mds_hours SELECT * FROM unnest($1::int[], $2::int[], $3::int[], $4::int[], $5::int[],
                 $6::timestamptz[], $7::timestamp[])",
            &[year, month, day, hour, nth, &starts, &civil_starts],
        )
        .await
        .map_err(doing)?;
    Ok(())
}

fn civil_of(zone: &CivilZone, start: DateTime<Utc>) -> chrono::NaiveDateTime {
    let civil = zone.civil(start);
    debug_assert!(civil.minute() == 0 && civil.year() > 0);
    civil
}

/// Of several rows of one hour, the one with more trips comes first, then the one that has come
/// further, the one with a block of its own, and the newest. Returns how many are not the first.
async fn rank(transaction: &Transaction<'_>) -> Result<u64, StoreError> {
    let doing = failed("finding the hours of the schedule");
    transaction
        .batch_execute(
            "CREATE TEMP TABLE mds_ranked ON COMMIT DROP AS
             SELECT schedule_id AS row_id, provider, block_start, civil::date AS civil_date,
                    date_part('year', civil)::int AS year, date_part('month', civil)::int AS month,
                    date_part('day', civil)::int AS day, date_part('hour', civil)::int AS hour,
                    row_number() OVER (
                        PARTITION BY provider, block_start
                        ORDER BY processed DESC NULLS LAST,
                                 array_position(ARRAY[8, -8, 6, 5, 7, -6, -5, 2, -2, 1, 0], status), is_known DESC,
                                 schedule_id DESC
                    ) AS n
             FROM (
                 SELECT c.schedule_id, c.provider, c.status, c.processed, c.known_start IS NOT NULL AS is_known,
                        coalesce(c.known_start, h.block_start) AS block_start,
                        CASE WHEN c.known_start IS NULL THEN h.civil
                             ELSE make_timestamp(c.year, c.month, c.day, c.hour, 0, 0) END AS civil
                 FROM mds_civil c
                 LEFT JOIN LATERAL (
                     SELECT block_start, civil FROM mds_hours h
                     WHERE h.year = c.year AND h.month = c.month AND h.day = c.day AND h.hour = c.hour
                     ORDER BY h.nth = c.nth DESC, h.nth DESC LIMIT 1
                 ) AS h ON c.known_start IS NULL
             ) AS r;
             CREATE INDEX ON mds_ranked (row_id);
             ANALYZE mds_ranked",
        )
        .await
        .map_err(doing)?;
    let row = transaction
        .query_one("SELECT count(*) AS rows FROM mds_ranked WHERE n > 1", &[])
        .await
        .map_err(doing)?;
    read_count(&row, "rows")
}
