//! Values of every kind on their way through the conversion: each is kept, or its row is named.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::TakeOver;

use crate::fixture::Db;

/// The n-th of these is that of the n-th trip.
#[derive(Debug, Clone)]
struct Values {
    distance: Vec<String>,
    seconds: Vec<i64>,
    costs: Vec<Option<i64>>,
}

const ROWS: usize = 40;

fn values() -> impl Strategy<Value = Values> {
    let number = prop_oneof![
        (0_i64..10_000_000).prop_map(|n| n.to_string()),
        (0_i64..1000).prop_map(|n| format!(" {n}.00 ")),
        (0_i64..1000, 1_i64..9).prop_map(|(n, tenth)| format!("{n}.{tenth}")),
        "[a-z]{1,4}".prop_map(|word| word),
        Just("None".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("99999999999999999999".to_owned()),
    ];
    (
        prop::collection::vec(number, ROWS),
        prop::collection::vec(1_300_000_000_i64..4_000_000_000, ROWS),
        prop::collection::vec(prop::option::of(-1000_i64..100_000), ROWS),
    )
        .prop_map(|(distance, seconds, costs)| Values {
            distance,
            seconds,
            costs,
        })
}

/// What a distance must become; `Err` if its row is named.
fn expected(distance: &str) -> Result<i64, ()> {
    let text = distance.trim().trim_end_matches('0').trim_end_matches('.');
    let whole = if distance.contains('.') {
        text
    } else {
        distance.trim()
    };
    let whole = if whole.is_empty() { "0" } else { whole };
    whole.parse().map_err(|_| ())
}

/// The first second after the years that have blocks: 2050.
const AFTER_BLOCKS: i64 = 2_524_608_000;

async fn check(values: &Values) {
    let db = Db::old().await;
    db.sql
        .batch_execute(
            "DELETE FROM api.trips; ALTER TABLE api.trips ALTER COLUMN actual_cost DROP NOT NULL",
        )
        .await
        .unwrap();
    let costs: Vec<Option<f64>> = values
        .costs
        .iter()
        .map(|it| it.map(|cost| cost as f64))
        .collect();
    let insert = "INSERT INTO api.trips (provider_id, device_id, trip_id, trip_duration, trip_distance, start_time, end_time,
                      start_latitude, start_longitude, end_latitude, end_longitude, accuracy, actual_cost)
                  SELECT '5eed0000-0000-4000-8000-000000000001', '00000000-0000-0000-0000-0000000000d1',
                         lpad(n::text, 32, '0')::uuid, 1, distance, at, at, 30, -97, 30, -97, n, cost
                  FROM (SELECT n, distance, to_timestamp(seconds) AT TIME ZONE 'UTC' AS at, cost
                        FROM unnest($1::text[], $2::bigint[], $3::float8[]) WITH ORDINALITY AS v (distance, seconds, cost, n)) AS v";
    db.sql
        .execute(insert, &[&values.distance, &values.seconds, &costs])
        .await
        .unwrap();
    let is_unfit = |n: usize| expected(&values.distance[n]).is_err();
    let is_late = |n: usize| values.seconds[n] >= AFTER_BLOCKS;
    let unfit = (0..ROWS).filter(|n| is_unfit(*n)).count();
    let late = (0..ROWS).filter(|n| is_late(*n)).count();
    let plan = db.store.plan_migration(&TakeOver::default()).await.unwrap();
    let counted: u64 = plan.obstacles.iter().map(|it| it.rows).sum();
    assert_eq!(
        counted,
        (unfit + late) as u64,
        "{values:?} {:?}",
        plan.obstacles
    );
    let named: Vec<usize> = (0..ROWS).filter(|n| is_unfit(*n) || is_late(*n)).collect();
    for n in &named {
        let delete = "DELETE FROM api.trips WHERE accuracy = $1::bigint::numeric";
        let nth = i64::try_from(n + 1).unwrap();
        db.sql.execute(delete, &[&nth]).await.unwrap();
    }
    db.store.migrate().await.unwrap();
    let rows = db
        .sql
        .query(
            "SELECT accuracy, trip_distance, date_part('epoch', end_time)::bigint, actual_cost FROM api.trips ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(rows.len(), ROWS - named.len());
    for row in rows {
        let n = usize::try_from(row.get::<_, i64>(0)).unwrap() - 1;
        assert_eq!(Ok(row.get::<_, i64>(1)), expected(&values.distance[n]));
        assert_eq!(row.get::<_, i64>(2), values.seconds[n]);
        assert_eq!(row.get::<_, Option<i64>>(3), values.costs[n]);
    }
}

#[test]
fn every_value_is_kept_or_its_row_is_named() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config {
        cases: 6,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&values(), |values| {
            runtime.block_on(check(&values));
            Ok(())
        })
        .unwrap();
}
