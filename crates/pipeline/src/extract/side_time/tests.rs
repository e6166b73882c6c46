//! Shares of the time.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_list_leaves_time_for_look_ups_and_both_for_telemetry() {
    let began = Instant::now();
    let seconds = |at: Instant| (at - began).as_secs();
    let time = SideTime::begin(Duration::from_secs(150));
    assert_eq!(seconds(time.share(3)), 40);
    tokio::time::advance(Duration::from_secs(40)).await;
    assert_eq!(seconds(time.share(2)), 80);
    assert_eq!(seconds(time.end()), 120);
    tokio::time::advance(Duration::from_secs(100)).await;
    assert_eq!(seconds(time.share(2)), 140, "nothing is left");
}

#[tokio::test(start_paused = true)]
async fn trips_never_wait_longer_than_ten_minutes() {
    let time = SideTime::begin(Duration::from_secs(3600));
    assert_eq!((time.end() - Instant::now()).as_secs(), 600);
}
