use super::*;

fn rounded(left: Duration) -> u64 {
    (left + Duration::from_millis(500)).as_secs()
}

fn seconds_for(left: u64) -> u64 {
    let now = SystemTime::now();
    let deadline = deadline(now + Duration::from_secs(left), now);
    rounded(deadline - Instant::now())
}

#[test]
fn a_part_of_the_time_is_kept_to_write_down_the_end() {
    assert_eq!(seconds_for(900), 890);
    assert_eq!(seconds_for(20), 18);
    assert_eq!(seconds_for(4), 3);
    assert_eq!(seconds_for(0), 0);
}

#[test]
fn a_deadline_long_ago_is_none() {
    let seconds_at = |lambda, now| rounded(deadline(lambda, now) - Instant::now());
    let now = SystemTime::now();
    assert_eq!(
        seconds_at(SystemTime::UNIX_EPOCH + Duration::from_secs(600), now),
        890
    );
    assert_eq!(seconds_at(now - Duration::from_secs(60), now), 0);
}
