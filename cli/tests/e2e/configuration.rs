//! Configurations that are put between executions, and while one runs.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use sandbox_provider::{Fault, Times};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::support::{World, hour, world};

impl World {
    async fn put_token(&self, provider: &str, token: &Value) {
        let put = self.stack.put_provider(provider, "token", token.clone());
        put.await.unwrap();
    }

    /// Waits until so many plans are complete.
    async fn planned(&self, runs: i64) {
        let planned = "SELECT count(*) FROM api.runs WHERE block_count IS NOT NULL";
        while self.number(planned).await < runs {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_configuration_is_that_of_the_next_execution_and_of_none_before() {
    let world = world().await;
    world.stack.keep_versions().unwrap();
    let right = world.stack.providers["lime"].entry()["token"].clone();
    world.put_token("lime", &json!("mistyped")).await;
    let aws = Aws::over(world).await;
    let request = |hours: [&str; 2]| {
        let [time_min, time_max] = hours;
        json!({"provider": "lime", "time_min": time_min, "time_max": time_max, "max_concurrency": 1})
    };
    let early = request(["2020-01-15-10", "2020-01-15-11"]);
    let refused = aws.execute("mistyped", &early).await;
    assert_eq!(refused.status, ExecutionStatus::Failed, "{}", aws.logs());
    assert!(
        refused.cause.contains("ProviderRejected"),
        "{}",
        refused.cause
    );

    aws.world.put_token("lime", &right).await;
    let corrected = aws.execute("corrected", &early).await;
    assert_eq!(
        corrected.status,
        ExecutionStatus::Succeeded,
        "{}",
        aws.logs()
    );

    for civil in ["2020-01-15-12", "2020-01-15-13", "2020-01-15-14"] {
        let slow = Fault::Stall(Duration::from_secs(1));
        aws.world.stack.providers["lime"].fail_hour(hour(civil), slow, Times::Always);
    }
    let late = request(["2020-01-15-12", "2020-01-15-15"]);
    let put = async {
        aws.world.planned(3).await;
        aws.world.put_token("lime", &json!("mistyped")).await;
        let published = "SELECT count(*) FROM api.schedule WHERE status_id = 8";
        assert!(aws.world.number(published).await < 4, "it still runs");
    };
    let (during, ()) = tokio::join!(aws.execute("during", &late), put);
    assert_eq!(during.status, ExecutionStatus::Succeeded, "{}", aws.logs());
    aws.world
        .expect_whole(&["lime"], &["10", "12", "13", "14"])
        .await;

    let last = request(["2020-01-15-16", "2020-01-15-17"]);
    let after = aws.execute("after", &last).await;
    assert!(after.cause.contains("ProviderRejected"), "{}", after.cause);
}
