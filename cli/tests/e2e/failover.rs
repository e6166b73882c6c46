//! The database fails over while an execution is under way: for a while nobody reaches it.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use local_stack::{Network, Place};
use sandbox_network::{Disturbance, Exchange};
use serde_json::json;

use crate::aws::Aws;
use crate::support::world;

const OUTAGE: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_outlasts_a_failover_of_the_database() {
    let mut world = world().await;
    let url = world.stack.database_url.clone();
    let pass = |_, _: usize, _: &Exchange<'_>| Disturbance::Pass;
    let network = Network::before(&mut world.stack, &url, pass).await.unwrap();
    let aws = Aws::over(world).await;
    let failover = async {
        let begun = "SELECT count(*) FROM api.schedule WHERE status_id <> 0";
        while aws.world.number(begun).await == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        network.cut(Place::Postgres);
        tokio::time::sleep(OUTAGE).await;
        network.mend(Place::Postgres);
    };
    let request =
        json!({"provider": "all", "time_min": "2020-01-15-10", "time_max": "2020-01-15-13"});
    let (ended, ()) = tokio::join!(aws.execute("failover", &request), failover);
    assert_eq!(
        ended.status,
        ExecutionStatus::Succeeded,
        "{}\n{}",
        ended.cause,
        aws.logs()
    );
    assert_eq!(ended.output["done"], 6, "{}", ended.output);
    assert!(aws.logs().contains("DatabaseUnavailable"), "{}", aws.logs());
    let hours = ["10", "11", "12"];
    aws.world.expect_whole(&["bird", "lime"], &hours).await;
}
