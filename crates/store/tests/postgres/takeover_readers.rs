//! Views over columns of the Python tool's tables that say something else afterwards.

use store::TakeOver;

use crate::fixture::Db;

#[tokio::test]
async fn a_view_over_times_that_get_a_zone_is_named_with_its_text() {
    let db = Db::old().await;
    db.sql
        .batch_execute(
            "CREATE VIEW api.trips_local AS
                 SELECT trip_id, end_time AT TIME ZONE 'UTC' AT TIME ZONE 'US/Central' AS local_end FROM api.trips;
             CREATE MATERIALIZED VIEW api.per_day AS
                 SELECT date_trunc('day', local_end) AS day, count(*) AS trips FROM api.trips_local GROUP BY 1;
             CREATE VIEW api.plan AS SELECT year, status_id FROM api.schedule",
        )
        .await
        .unwrap();
    let planned = db.store.plan_migration(&TakeOver::default()).await.unwrap();
    assert!(planned.obstacles.is_empty(), "{planned:?}");
    let named: Vec<&String> = planned
        .notes
        .iter()
        .filter(|it| it.starts_with("look at the view "))
        .collect();
    assert_eq!(named.len(), 3, "{named:?}");
    let text = "AT TIME ZONE 'US/Central'";
    for (note, parts) in named.iter().zip([
        [
            "view api.per_day: it reads api.trips.end_time,",
            "date_trunc",
        ],
        ["view api.trips_local: it reads api.trips.end_time,", text],
        ["view api.plan: it reads api.schedule.year,", "status_id"],
    ]) {
        assert!(parts.iter().all(|part| note.contains(part)), "{note}");
    }
    let report = db.store.migrate_with(&TakeOver::default()).await.unwrap();
    assert!(named.into_iter().all(|it| report.notes.contains(it)));
}
