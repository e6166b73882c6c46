//! The same range again changes nothing.

use crate::support::world;

const RANGE: [&str; 6] = [
    "--provider",
    "all",
    "--time-min",
    "2020-01-15-12",
    "--time-max",
    "2020-01-15-18",
];

fn run(more: &[&'static str]) -> Vec<&'static str> {
    [&["run"][..], &RANGE, more].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_run_twice_changes_nothing_the_second_time() {
    let world = world().await;
    world.expect(0, &run(&[])).await;
    let (trips, modified) = (world.trips().await, world.modified().await);
    let (schedule, portal, objects) = (
        world.schedule().await,
        world.portal(),
        world.objects().await,
    );
    assert!(world.number("SELECT count(*) FROM api.trips").await > 100);
    assert_eq!(world.statuses().await, [8; 12]);

    let again = world.expect(0, &run(&[])).await;
    assert!(crate::support::stdout(&again).contains("nothing to do"));
    assert_eq!(modified, world.modified().await);

    // Even when every step is done again.
    world.expect(0, &run(&["--force"])).await;
    assert_eq!(trips, world.trips().await);
    assert_eq!(modified, world.modified().await);
    assert_eq!(schedule, world.schedule().await);
    assert_eq!(portal, world.portal());
    assert_eq!(objects, world.objects().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_do_each_block_once_and_end_as_one() {
    let alone = world().await;
    alone.expect(0, &run(&[])).await;
    let both = world().await;
    let (first, second) = (run(&[]), run(&[]));
    let (first, second) = tokio::join!(both.expect(0, &first), both.expect(0, &second));
    drop((first, second));
    assert_eq!(alone.trips().await, both.trips().await);
    assert_eq!(alone.schedule().await, both.schedule().await);
    assert_eq!(alone.portal(), both.portal());
    assert_eq!(alone.objects().await, both.objects().await);
}
