//! What `make e2e-airflow-all` runs in addition, with each version of Airflow.

use crate::aws::Aws;
use crate::support::{stdout, world};

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_runs_ingest_the_hour_for_which_they_stand_and_complete_those_before_it() {
    let aws = Aws::over(world().await).await;
    let lag = ["--variable", "mds_etl_lag_hours=1"];
    // 19:10 UTC is 13:10 in the city; with the lag of one hour, the last block ends at 12:00.
    let date = ["--date", "2020-01-15T19:10:00+00:00"];
    let hourly = aws.run_dag("mds_hourly", &[lag, date].concat()).await;
    assert_eq!(hourly.status.code(), Some(0), "{}", stdout(&hourly));
    aws.world.expect_whole(&["bird", "lime"], &["11"]).await;

    let date = ["--date", "2020-01-15T22:40:00+00:00"];
    let sweep = ["--variable", "mds_etl_sweep_hours=4"];
    let night = aws
        .run_dag("mds_nightly", &[lag, sweep, date].concat())
        .await;
    let log = stdout(&night);
    assert_eq!(night.status.code(), Some(0), "{log}");
    let whole = ["11", "12", "13", "14"];
    aws.world.expect_whole(&["bird", "lime"], &whole).await;
    assert!(log.contains("'hours': 720"), "the audit's output: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_days_returns_the_plan_and_starts_no_block() {
    let aws = Aws::over(world().await).await;
    let conf = r#"{"providers": ["bird", "lime"], "first_day": "2020-03-08", "last_day": "2020-03-08", "dry_run": true}"#;
    let before = aws.world.dump().await;
    let shown = aws.run_dag("mds_backfill", &["--conf", conf]).await;
    let log = stdout(&shown);
    assert_eq!(shown.status.code(), Some(0), "{log}");
    // The clock changes on this day, so it has 23 hours.
    assert!(log.contains("'block_count': 46"), "{log}");
    assert_eq!(aws.world.dump().await, before);
}
