//! The database's side of an audit: the totals of each hour of 30 days in a large table. Its trips
//! lie in ten months, or all in these days.

use anyhow::{Context as _, ensure};
use trips::block::{Hour, HourRange};
use trips::public_row::TimeRounding;

use crate::table::{Report, Row};
use crate::turns::Spread;
use crate::world::{World, timed};

/// The days over which the trips of the table are spread.
const SPREADS: [i32; 2] = [300, 30];

/// Trips of some days up to the end of the audited ones, as many in each hour.
pub(crate) const FILL: &str = "
    INSERT INTO api.trips (id, provider_id, device_id, trip_id, trip_duration, trip_distance, start_time, end_time,
        start_latitude, start_longitude, end_latitude, end_longitude, schedule_id, provider_name, vehicle_type,
        propulsion_type, census_geoid_start, census_geoid_end, council_district_start, council_district_end,
        orig_cell_id, dest_cell_id, mds_version, publication_time)
    SELECT gen_random_uuid(), '5eed0000-0000-4000-8000-000000000001', gen_random_uuid(), gen_random_uuid(), 600, 1000,
           ended - interval '10 minutes', ended, 30, -97, 30, -97, extract(epoch FROM ended)::bigint / 3600, 'bird',
           'scooter', 'electric', '48453001604', '48453001604', '1', '2', '002567', '002568', '1.2', ended
    FROM (
        SELECT '2020-03-31 00:00Z'::timestamptz - make_interval(days => $2)
               + n * (make_interval(days => $2) / $1::float8) AS ended
        FROM generate_series(0, $1::int - 1) AS n
    ) AS trip";

pub(crate) async fn measure(report: &mut Report, trips: u32, rounds: usize) -> anyhow::Result<()> {
    let world = World::start(1).await?;
    for days in SPREADS {
        measure_spread(report, &world, trips, days, rounds).await?;
    }
    Ok(())
}

async fn measure_spread(
    report: &mut Report,
    world: &World,
    trips: u32,
    days: i32,
    rounds: usize,
) -> anyhow::Result<()> {
    world.database.batch_execute("TRUNCATE api.trips").await?;
    let rows = i32::try_from(trips)?;
    world.database.execute(FILL, &[&rows, &days]).await?;
    world
        .database
        .batch_execute("VACUUM ANALYZE api.trips")
        .await?;
    let end = Hour::containing("2020-03-31T00:00:00Z".parse()?);
    let first = Hour::containing("2020-03-01T00:00:00Z".parse()?);
    let range = HourRange::new(first, end).context("no hours")?;
    let mut seconds = Vec::new();
    for _ in 0..rounds {
        let totals = world.ctx.store().hour_totals(range, TimeRounding::NONE);
        seconds.push(
            timed(async {
                let hours = totals.await?;
                ensure!(hours.len() as u64 == range.len(), "an hour has no trips");
                Ok::<_, anyhow::Error>(())
            })
            .await?,
        );
    }
    let spread = Spread::of(seconds);
    report.add(Row::figure(
        format!("the database's side of an audit of 30 days over {trips} trips in {days} days"),
        format!("{:.2} s", spread.median),
        "≤ 3 s",
    ));
    Ok(())
}
