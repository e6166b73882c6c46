//! Which end of an hour the civil columns of the schedule tell.

use tokio_postgres::Transaction;
use trips::time::CivilZone;

use super::{Occurrences, write_hours};
use crate::error::{StoreError, failed};
use crate::schedule::get;
use crate::takeover::HoursAre;
use crate::takeover::inspect::Inspection;
use crate::takeover::problems::of_rows;
use crate::takeover::shape::TRIPS;

/// Finds out what the civil columns tell: from the folders of the archives, or else from the ends
/// of the trips. The Python tool wrote the end of the hour, and named the folder by its start.
pub(super) async fn detect(
    transaction: &Transaction<'_>,
    inspection: &mut Inspection,
    hours: &Occurrences,
    zone: &CivilZone,
) -> Result<Option<HoursAre>, StoreError> {
    let folders = "
        SELECT count(*) FILTER (WHERE at = ARRAY[year, month, day, hour]) AS starts,
               count(*) FILTER (WHERE at = ARRAY[year, month, day, hour - 1]) AS ends
        FROM mds_civil, LATERAL (
            SELECT (regexp_match(payload, '/(\\d{4})/(\\d{1,2})/(\\d{1,2})/(\\d{1,2})b?/[^/]*$'))::int[] AS at
        ) AS folder
        WHERE payload IS NOT NULL";
    let doing = failed("finding out what the hours of the schedule are");
    let row = transaction.query_one(folders, &[]).await.map_err(doing)?;
    let votes = (get::<i64>(&row, "starts")?, get::<i64>(&row, "ends")?);
    if let Some(decided) = decide(inspection, votes, "the folders of the archives") {
        return Ok(decided);
    }
    let votes = count_trips(transaction, inspection, hours, zone).await?;
    if let Some(decided) = decide(inspection, votes, "the ends of the trips") {
        return Ok(decided);
    }
    inspection.notes.push(
        "neither archives nor trips tell whether the civil columns of api.schedule are the starts or the ends of the \
         hours: they are taken for the starts; --hours-are ends takes them for the ends"
            .to_owned(),
    );
    Ok(Some(HoursAre::Starts))
}

/// What the votes say: nothing if there are none, an obstacle if they contradict each other.
fn decide(
    inspection: &mut Inspection,
    (starts, ends): (i64, i64),
    voters: &str,
) -> Option<Option<HoursAre>> {
    const CLEAR: i64 = 9;
    if starts + ends == 0 {
        return None;
    }
    if starts > ends * CLEAR {
        return Some(Some(HoursAre::Starts));
    }
    if ends > starts * CLEAR {
        return Some(Some(HoursAre::Ends));
    }
    let what = format!(
        "whose civil hour {voters} contradict: {starts} tell the start of the hour, {ends} its end"
    );
    let repair = "mds migrate --hours-are ends, for the Python tool's rows; or --hours-are starts";
    let rows = (starts + ends).unsigned_abs();
    inspection
        .obstacles
        .push(of_rows("schedule", rows, what, repair.to_owned()));
    Some(None)
}

/// In how many civil hours the trips that ended in the hour from it, or in the hour up to it, are
/// as many as the schedule says.
async fn count_trips(
    transaction: &Transaction<'_>,
    inspection: &Inspection,
    hours: &Occurrences,
    zone: &CivilZone,
) -> Result<(i64, i64), StoreError> {
    let end_time = match inspection.work_on(&TRIPS) {
        Some(work) => work.value("end_time").map(str::to_owned),
        None => None,
    };
    let doing = failed("finding out what the hours of the schedule are");
    let Some(end_time) = end_time else {
        return Ok((0, 0));
    };
    write_hours(transaction, zone, hours, HoursAre::Starts).await?;
    let votes = format!(
        "WITH ended AS (
             SELECT date_trunc('hour', {end_time}, 'UTC') AS hour, count(*) AS trips FROM api.trips GROUP BY 1
         ), said AS (
             SELECT h.block_start AS hour, sum(c.processed) AS trips
             FROM mds_civil c JOIN mds_hours h USING (year, month, day, hour, nth)
             WHERE c.known_start IS NULL
             GROUP BY 1 HAVING sum(c.processed) > 0
         ), compared AS (
             SELECT s.trips = coalesce(f.trips, 0) AS is_start, s.trips = coalesce(u.trips, 0) AS is_end
             FROM said s
             LEFT JOIN ended f ON f.hour = s.hour
             LEFT JOIN ended u ON u.hour = s.hour - interval '1 hour'
         )
         SELECT count(*) FILTER (WHERE is_start AND NOT is_end) AS starts,
                count(*) FILTER (WHERE is_end AND NOT is_start) AS ends FROM compared"
    );
    let row = transaction.query_one(&votes, &[]).await.map_err(doing)?;
    transaction
        .batch_execute("DROP TABLE mds_hours")
        .await
        .map_err(doing)?;
    Ok((get(&row, "starts")?, get(&row, "ends")?))
}
