//! Providers and portals that fail temporarily or permanently.

use aws_sdk_sfn::types::ExecutionStatus;
use sandbox_provider::{Fault, Times};
use serde_json::json;

use crate::aws::Aws;
use crate::support::{World, hour, run, stdout, with, world};

fn from_noon_to(time_max: &str) -> Vec<&str> {
    let run = run("all", "2020-01-15-12", time_max);
    with(&run, &["--on", "aws", "--watch"])
}

impl World {
    fn refuse(&self, provider: &str, civil: &str, status: u16) {
        let fault = Fault::Status {
            status,
            retry_after: None,
        };
        self.stack.providers[provider].fail_hour(hour(civil), fault, Times::Always);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_tried_again_and_stops_no_other_until_the_sweep_mends_it() {
    let aws = Aws::over(world().await).await;
    aws.world.refuse("lime", "2020-01-15-12", 503);
    aws.world.refuse("lime", "2020-01-15-13", 503);
    let output = aws.expect(1, &from_noon_to("2020-01-15-14")).await;
    let summary = stdout(&output);
    for text in [
        "FAILED RunHadFailures",
        "of 4 blocks 2 done",
        "lime 2020-01-15-13 extract (ProviderUnavailable)",
    ] {
        assert!(summary.contains(text), "{summary}");
    }
    aws.world.expect_whole(&["bird"], &["12", "13"]).await;
    let requests = aws.world.stack.providers["lime"].log().requests().len();
    assert_eq!(requests, 2 * 5, "one request and four retries per block");

    aws.world.stack.providers["lime"].clear_faults();
    let sweep = json!({
        "scheduled_time": "2020-01-15T21:00:00Z", "provider": "all", "lag_hours": 1,
        "interval": 3, "incomplete_only": true
    });
    let swept = aws.execute("sweep", &sweep).await;
    assert_eq!(swept.status, ExecutionStatus::Succeeded, "{}", aws.logs());
    assert_eq!(swept.output["failed"], 0);
    let whole = ["11", "12", "13"];
    aws.world.expect_whole(&["bird", "lime"], &whole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_is_away_twice_delays_the_publishing() {
    let aws = Aws::over(world().await).await;
    for _ in 0..2 {
        aws.world
            .stack
            .portal
            .fail_next(sandbox_portal::Fault::Status {
                status: 503,
                retry_after: Some(1),
            });
    }
    aws.expect(0, &from_noon_to("2020-01-15-13")).await;
    assert_eq!(aws.world.stack.portal.faults_left(), 0);
    aws.world.expect_whole(&["bird", "lime"], &["12"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_fails_for_good_fails_the_execution_after_the_others_are_published() {
    let aws = Aws::over(world().await).await;
    aws.world.refuse("lime", "2020-01-15-13", 401);
    let request =
        json!({"provider": "all", "time_min": "2020-01-15-12", "time_max": "2020-01-15-15"});
    let ended = aws.execute("for-good", &request).await;
    assert_eq!(ended.status, ExecutionStatus::Failed, "{}", aws.logs());
    assert_eq!(ended.error, "RunHadFailures");
    assert_eq!(aws.failed_children("for-good").await, 1);
    for text in [
        "of 6 blocks 5 done",
        "1 failed",
        "lime 2020-01-15-14 extract (ProviderRejected)",
    ] {
        assert!(ended.cause.contains(text), "{}", ended.cause);
    }
    let published = "SELECT count(*) FROM api.schedule WHERE status_id = 8";
    assert_eq!(aws.world.number(published).await, 5);
    assert!(aws.world.stack.portal.row_count() > 0);
    assert_eq!(
        aws.world.stack.providers["lime"].log().requests().len(),
        3,
        "a permanent error is not retried"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_makes_no_sense_fails_at_once_with_its_sentence() {
    let aws = Aws::over(world().await).await;
    let ended = aws.execute("typo", &json!({"provdier": "bird"})).await;
    assert_eq!(ended.status, ExecutionStatus::Failed);
    assert_eq!(ended.error, "InvalidInput");
    assert!(ended.cause.contains("provdier"), "{}", ended.cause);
    let unknown = run("nobody", "2020-01-15-12", "2020-01-15-13");
    let output = aws
        .expect(2, &with(&unknown, &["--on", "aws", "--watch"]))
        .await;
    assert!(stdout(&output).contains("nobody"), "{}", stdout(&output));
}
