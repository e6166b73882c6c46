//! A second run over the same range changes nothing.
use trips::status::BlockStatus::Published;

use crate::support::{run, stdout, with, world};

const RUN: [&str; 7] = run("all", "2020-01-15-12", "2020-01-15-15");

#[tokio::test(flavor = "multi_thread")]
async fn a_range_run_twice_changes_nothing_the_second_time() {
    let world = world().await;
    world.expect(0, &RUN).await;
    let (trips, modified) = (world.trips().await, world.modified().await);
    let (schedule, portal, objects) = (
        world.schedule().await,
        world.portal(),
        world.objects().await,
    );
    assert!(world.number("SELECT count(*) FROM api.trips").await > 100);
    assert_eq!(world.statuses().await, [Published; 6]);

    let again = world.expect(0, &RUN).await;
    assert!(stdout(&again).contains("nothing to do"));
    assert_eq!(modified, world.modified().await);

    // Nor does a run that repeats every step.
    world.expect(0, &with(&RUN, &["--force"])).await;
    assert_eq!(trips, world.trips().await);
    assert_eq!(modified, world.modified().await);
    assert_eq!(schedule, world.schedule().await);
    assert_eq!(portal, world.portal());
    assert_eq!(objects, world.objects().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_do_each_block_once_and_end_as_one() {
    let alone = world().await;
    alone.expect(0, &RUN).await;
    let both = world().await;
    tokio::join!(both.expect(0, &RUN), both.expect(0, &RUN));
    assert_eq!(alone.trips().await, both.trips().await);
    assert_eq!(alone.schedule().await, both.schedule().await);
    assert_eq!(alone.portal(), both.portal());
    assert_eq!(alone.objects().await, both.objects().await);
}
