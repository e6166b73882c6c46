//! The same request has the same result in the state machine and in a local process.

use crate::aws::Aws;
use crate::support::{World, run, with, world};

/// 49 hours, including the hour that occurs twice on 1 November.
const TWO_DAYS: [&str; 7] = run("all", "2020-10-31-12", "2020-11-02-12");

#[tokio::test(flavor = "multi_thread")]
async fn two_days_with_a_clock_change_leave_the_same_database_archive_and_portal() {
    let aws = Aws::over(world().await).await;
    let watched = with(&TWO_DAYS, &["--on", "aws", "--watch"]);
    aws.expect(0, &watched).await;
    assert_eq!(
        aws.world
            .number("SELECT count(*) FROM api.schedule WHERE status_id IN (7, 8)")
            .await,
        2 * 49
    );

    let local = world().await;
    local.expect(0, &TWO_DAYS).await;
    let remote: &World = &aws.world;
    assert!(
        remote
            .objects()
            .await
            .contains_key("staging/bird/2020/11/1/1b/trips.json")
    );
    assert_eq!(remote.objects().await, local.objects().await);
    assert_eq!(remote.schedule().await, local.schedule().await);
    assert_eq!(remote.trips().await, local.trips().await);
    assert_eq!(remote.portal(), local.portal());
    assert_eq!(
        remote.archives().await,
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
