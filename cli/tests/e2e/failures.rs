//! Providers and portals that fail, for a while or for good.

use aws_sdk_sfn::types::ExecutionStatus;
use sandbox_provider::{Fault, Times};
use serde_json::json;

use crate::aws::Aws;
use crate::support::{World, hour, stdout, world};

const ALL: [&str; 9] = [
    "run",
    "--on",
    "aws",
    "--watch",
    "--provider",
    "all",
    "--time-min",
    "2020-01-15-12",
    "--time-max",
];

fn until(time_max: &str) -> Vec<&str> {
    [&ALL[..], &[time_max]].concat()
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
    let output = aws.expect(1, &until("2020-01-15-14")).await;
    let said = stdout(&output);
    assert!(said.contains("FAILED RunHadFailures"), "{said}");
    assert!(said.contains("of 4 blocks 2 done"), "{said}");
    assert!(
        said.contains("lime 2020-01-15T18:00Z extract (ProviderUnavailable)"),
        "{said}"
    );
    aws.world.expect_whole(&["bird"], &["12", "13"]).await;
    let asked = aws.world.stack.providers["lime"].log().requests().len();
    assert_eq!(asked, 2 * 5, "each block once, and four times again");

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
    aws.expect(0, &until("2020-01-15-13")).await;
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
    for said in [
        "of 6 blocks 5 done",
        "1 failed",
        "lime 2020-01-15T19:00Z extract (ProviderRejected)",
    ] {
        assert!(ended.cause.contains(said), "{}", ended.cause);
    }
    let published = "SELECT count(*) FROM api.schedule WHERE status_id = 8";
    assert_eq!(aws.world.number(published).await, 5);
    assert!(aws.world.stack.portal.row_count() > 0);
    assert_eq!(
        aws.world.stack.providers["lime"].log().requests().len(),
        3,
        "what waiting does not mend is asked once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_makes_no_sense_fails_at_once_with_its_sentence() {
    let aws = Aws::over(world().await).await;
    let ended = aws.execute("typo", &json!({"provdier": "bird"})).await;
    assert_eq!(ended.status, ExecutionStatus::Failed);
    assert_eq!(ended.error, "InvalidInput");
    assert!(ended.cause.contains("provdier"), "{}", ended.cause);
    let wrong = [
        "run",
        "--on",
        "aws",
        "--watch",
        "--provider",
        "nobody",
        "--time-max",
        "2020-01-15-13",
    ];
    let output = aws.expect(2, &wrong).await;
    assert!(stdout(&output).contains("nobody"), "{}", stdout(&output));
}
