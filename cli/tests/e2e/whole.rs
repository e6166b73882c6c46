//! Executions that succeed.

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::json;

use crate::aws::Aws;
use crate::night::input;
use crate::support::{ONE_HOUR, stderr, stdout, with, world};

/// Enough for keys and counts, and far below the limit of 256 KiB between states.
const MAX_BYTES: usize = 16 * 1024;

fn on_aws<'a>(args: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    with(&with(args, &["--on", "aws"]), more)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_is_published_and_the_same_request_twice_is_one_run() {
    let aws = Aws::over(world().await).await;
    let watched = on_aws(&ONE_HOUR, &["--watch"]);
    let first = aws.expect(0, &watched).await;
    assert!(
        stdout(&first).contains("of 1 block 1 done"),
        "{}",
        stdout(&first)
    );
    aws.world.expect_whole(&["bird"], &["12"]).await;

    let second = aws.expect(0, &watched).await;
    assert!(stderr(&second).contains("the same request has succeeded already"));
    assert_eq!(stdout(&second), stdout(&first));
    assert_eq!(aws.execution_count().await, 1);
    assert_eq!(
        aws.world.number("SELECT count(*) FROM api.runs").await,
        1,
        "one run"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_nothing_to_do_and_a_dry_run_leaves_no_trace() {
    let aws = Aws::over(world().await).await;
    let request =
        json!({"provider": "all", "time_min": "2020-01-15-12", "time_max": "2020-01-15-14"});
    let mut look = request.clone();
    look["dry_run"] = json!(true);
    let before = aws.world.dump().await;
    let looked = aws.execute("look", &look).await;
    assert_eq!(looked.status, ExecutionStatus::Succeeded, "{}", aws.logs());
    assert_eq!(looked.output["block_count"], 4);
    assert_eq!(looked.output["blocks"][0]["label"], "2020-01-15-13");
    assert_eq!(aws.world.dump().await, before);

    let shown = aws.expect(0, &on_aws(&ONE_HOUR, &["--dry-run"])).await;
    assert!(stdout(&shown).contains("2020-01-15-13"));
    assert_eq!(aws.world.dump().await, before);

    let done = aws.execute("first", &request).await;
    assert_eq!(done.status, ExecutionStatus::Succeeded, "{}", aws.logs());
    assert_eq!(
        (&done.output["planned"], &done.output["done"]),
        (&json!(4), &json!(4))
    );
    aws.world
        .expect_whole(&["bird", "lime"], &["12", "13"])
        .await;
    assert!(aws.largest_payload("first").await < MAX_BYTES);

    let again = aws.execute("second", &request).await;
    assert_eq!(again.status, ExecutionStatus::Succeeded);
    assert_eq!(
        (&again.output["block_count"], &again.output["nothing_to_do"]),
        (&json!(0), &json!(4))
    );
    let named = on_aws(&ONE_HOUR, &["--watch", "--name", "third"]);
    let third = aws.expect(0, &named).await;
    assert!(
        stdout(&third).contains("nothing to do"),
        "{}",
        stdout(&third)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_stays_behind_the_clock_by_its_lag() {
    let aws = Aws::over(world().await).await;
    // 30 hours before is 12:10 in the city, so that the last block ends at 12:00.
    let event = input("HourlySchedule", "2020-01-17T00:10:00Z");
    let ended = aws.execute_unnamed(&event).await;
    assert_eq!(ended.status, ExecutionStatus::Succeeded, "{}", aws.logs());
    assert_eq!(ended.output["done"], 2);
    aws.world.expect_whole(&["bird", "lime"], &["11"]).await;
}
