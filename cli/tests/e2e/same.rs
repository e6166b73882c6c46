//! The same request through the state machine and through one process leaves the same behind.

use crate::aws::Aws;
use crate::support::{World, world};

/// 49 hours, with the one that 1 November has twice.
const TWO_DAYS: [&str; 7] = [
    "run",
    "--provider",
    "all",
    "--time-min",
    "2020-10-31-12",
    "--time-max",
    "2020-11-02-12",
];

#[tokio::test(flavor = "multi_thread")]
async fn two_days_with_a_clock_change_leave_the_same_database_archive_and_portal() {
    let aws = Aws::over(world().await).await;
    let watched = [&TWO_DAYS[..], &["--on", "aws", "--watch"]].concat();
    aws.expect(0, &watched).await;
    assert_eq!(
        aws.world
            .number("SELECT count(*) FROM api.schedule WHERE status_id IN (7, 8)")
            .await,
        2 * 49
    );

    let local = world().await;
    local.expect(0, &TWO_DAYS).await;
    let there: &World = &aws.world;
    assert!(
        there
            .objects()
            .await
            .contains_key("staging/bird/2020/11/1/1b/trips.json")
    );
    assert_eq!(there.objects().await, local.objects().await);
    assert_eq!(there.schedule().await, local.schedule().await);
    assert_eq!(there.trips().await, local.trips().await);
    assert_eq!(there.portal(), local.portal());
    assert_eq!(
        there.archives().await,
        local.archives().await,
        "byte for byte, once decrypted"
    );
}

impl World {
    async fn archives(&self) -> Vec<(String, Vec<u8>)> {
        let vault = self.vault().await;
        let mut archives = Vec::new();
        let mut pages = vault.list("staging/");
        while let Some(page) = pages.next_page().await.unwrap() {
            for object in page {
                if object.key.ends_with("/trips.json") {
                    let bytes = vault.get_bytes(&object.key).await.unwrap();
                    archives.push((object.key, bytes));
                }
            }
        }
        archives
    }
}
