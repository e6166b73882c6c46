//! A month's report over a large table: all of its trips are in that month, or in three years.

use anyhow::ensure;
use pipeline::{ReportFilters, TripReportRequest};
use tokio_postgres::NoTls;
use tokio_postgres::types::ToSql;

use crate::table::{Report, Row};
use crate::turns::in_turn;
use crate::world::{World, timed};

const PROVIDERS: u32 = 18;

/// The time over which the trips of the table are spread; the month of the report is in it.
struct Spread {
    name: &'static str,
    first: &'static str,
    hours: u32,
}

const SPREADS: [Spread; 2] = [
    Spread {
        name: "36 months",
        first: "2018-04-01 05:00Z",
        hours: 26_304,
    },
    Spread {
        name: "that month",
        first: "2020-03-01 06:00Z",
        hours: 743,
    },
];

/// The table without its indexes: each row would pay for all of them, and a report reads one. Its
/// providers and blocks.
const EMPTY: &str = "
    TRUNCATE api.trips, api.schedule CASCADE;
    ALTER TABLE api.trips DROP CONSTRAINT IF EXISTS trips_pkey;
    DROP INDEX IF EXISTS api.trips_end_time, api.trips_public_id, api.trips_schedule, api.trips_without_vehicle";

const BLOCKS: &str = "
    WITH provider AS (
        INSERT INTO api.providers (provider_name, mds_provider_id)
        SELECT 'p' || n, ('5eed0000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, $3::int) AS n
        ON CONFLICT (provider_name) DO UPDATE SET mds_provider_id = EXCLUDED.mds_provider_id
        RETURNING provider_id, right(mds_provider_id::text, 12)::int AS n
    )
    INSERT INTO api.schedule (schedule_id, provider_id, block_start, block_end, date, year, month, day, hour, status_id)
    SELECT hour::bigint * $3::int + n, provider_id, start, start + interval '1 hour', start::date, 2020, 3, 1, 0, 8
    FROM provider, generate_series(0, $2::int - 1) AS hour,
         LATERAL (SELECT $1::text::timestamptz + make_interval(hours => hour) AS start) AS block";

/// As many trips in each block. Each vehicle rides in one hour of four, a few for longer than the
/// next trip's start.
const TRIPS: &str = "
    INSERT INTO api.trips (id, provider_id, provider_name, device_id, vehicle_id, vehicle_type, propulsion_type, trip_id,
        trip_duration, trip_distance, accuracy, start_time, end_time, publication_time, standard_cost, actual_cost,
        start_latitude, start_longitude, end_latitude, end_longitude, council_district_start, council_district_end,
        census_geoid_start, census_geoid_end, orig_cell_id, dest_cell_id, flags, mds_version, schedule_id, modified_date,
        delivered_at, withdrawn_at)
    SELECT gen_random_uuid(), ('5eed0000-0000-4000-8000-' || lpad(p::text, 12, '0'))::uuid, 'P' || p,
           ('5eed0000-' || lpad(to_hex(p), 4, '0') || '-4000-8000-' || lpad(to_hex(vehicle), 12, '0'))::uuid, 'V' || vehicle,
           CASE vehicle % 10 WHEN 0 THEN 'bicycle' ELSE 'scooter' END, 'electric', gen_random_uuid(), seconds,
           CASE WHEN random() < 0.04 THEN 0 ELSE 200 + (random() * 4000)::bigint END, 5, ended - make_interval(secs => seconds),
           ended, ended + interval '1 hour', 315, 250, 30.26, -97.7, 30.27, -97.71, '1', '2', '48453001604', '48453001605',
           '002567', '002568', CASE WHEN random() < 0.01 THEN '{not_a_rider_trip,outside_hour}'::text[] ELSE '{}' END, '1.2',
           hour::bigint * $4::int + p, ended + interval '26 hours', ended + interval '26 hours',
           CASE WHEN random() < 0.002 THEN ended + interval '50 hours' END
    FROM generate_series($2::int, $3::int - 1) AS hour, generate_series(1, $4::int) AS p, generate_series(1, $5::int) AS n,
         LATERAL (
             SELECT n * 4 + hour % 4 AS vehicle,
                    $1::text::timestamptz + make_interval(hours => hour, secs => random() * 3599.9) AS ended,
                    CASE WHEN random() < 0.003 THEN 40000 ELSE 120 + (random() * 2400)::int END AS seconds
             OFFSET 0
         ) AS trip";

const SETTLE: [&str; 3] = [
    "CREATE INDEX trips_end_time ON api.trips (end_time)",
    "VACUUM ANALYZE api.trips",
    "CHECKPOINT",
];

/// What is asked at least of each trip of the month.
const YARDSTICK: &str = "
    SELECT count(*), sum(trip_distance) FROM api.trips WHERE end_time >= '2020-03-01 06:00Z' AND end_time < '2020-04-01 05:00Z'";

pub(crate) async fn measure(report: &mut Report, trips: u32, rounds: usize) -> anyhow::Result<()> {
    let world = World::start(1).await?;
    for spread in &SPREADS {
        let per_block = (trips / (spread.hours * PROVIDERS)).max(1);
        fill(&world, spread, per_block).await?;
        let request = TripReportRequest {
            month: "2020-03".parse()?,
            filters: ReportFilters::default(),
            since: None,
        };
        let month_trips = u64::from(743 * PROVIDERS * per_block);
        let (ours, its) = Box::pin(in_turn(
            rounds,
            async || {
                let made = pipeline::trip_report(&world.ctx, request);
                timed(async {
                    let total = made.await?.total;
                    ensure!(
                        total.trips + total.withdrawn == month_trips,
                        "trips are missing"
                    );
                    Ok::<_, anyhow::Error>(())
                })
                .await
            },
            async || timed(world.database.query_one(YARDSTICK, &[])).await,
        ))
        .await?;
        let all = u64::from(spread.hours * PROVIDERS * per_block);
        report.add(Row::comparison(
            format!("a report of a month, {all} trips in {}", spread.name),
            ours,
            "count(*) and the sum of one column over the month",
            its,
            "≤ 10 s",
        ));
    }
    Ok(())
}

/// Fills the table by two connections, in the order in which blocks are loaded.
async fn fill(world: &World, spread: &Spread, per_block: u32) -> anyhow::Result<()> {
    let number = |n: u32| i32::try_from(n);
    let database = &world.database;
    let (providers, per_block) = (number(PROVIDERS)?, number(per_block)?);
    let (half, all) = (number(spread.hours / 2)?, number(spread.hours)?);
    database.batch_execute(EMPTY).await?;
    database
        .execute(BLOCKS, &[&spread.first, &all, &providers])
        .await?;
    let (other, connection) = tokio_postgres::connect(&world.stack.database_url, NoTls).await?;
    tokio::spawn(connection);
    let earlier: [&(dyn ToSql + Sync); 5] = [&spread.first, &0, &half, &providers, &per_block];
    let later: [&(dyn ToSql + Sync); 5] = [&spread.first, &half, &all, &providers, &per_block];
    tokio::try_join!(
        database.execute(TRIPS, &earlier),
        other.execute(TRIPS, &later),
    )?;
    for statement in SETTLE {
        database.batch_execute(statement).await?;
    }
    Ok(())
}
