use super::*;

fn policy(first: u64, most: u64) -> RetryPolicy {
    RetryPolicy {
        first: Duration::from_secs(first),
        most: Duration::from_secs(most),
        patience: Duration::from_secs(120),
    }
}

#[tokio::test(start_paused = true)]
async fn gives_up_after_the_last_attempt() {
    let mut attempts = RetryBudget::new(3, Duration::ZERO, policy(1, 30), None);
    assert!(attempts.again(None).await);
    assert!(attempts.again(None).await);
    assert!(!attempts.again(None).await);
}

#[tokio::test(start_paused = true)]
async fn a_page_read_whole_makes_the_count_begin_anew_but_not_that_of_the_passes() {
    let mut attempts = RetryBudget::new(2, Duration::ZERO, policy(1, 30), None);
    assert!(attempts.restart().await);
    attempts.succeeded();
    assert!(!attempts.restart().await);
}

#[test]
fn waits_are_jittered_below_a_bound_that_doubles() {
    let mut largest = [Duration::ZERO; 4];
    for _ in 0..500 {
        let mut attempts = RetryBudget::new(9, Duration::ZERO, policy(1, 4), None);
        for (step, bound) in [1, 2, 4, 4].into_iter().enumerate() {
            let wait = attempts.wait(None);
            assert!(wait <= Duration::from_secs(bound), "{wait:?}");
            largest[step] = largest[step].max(wait);
        }
    }
    assert!(largest[0] > Duration::from_millis(800), "{largest:?}");
    assert!(largest[2] > Duration::from_millis(3200), "{largest:?}");
}

#[tokio::test(start_paused = true)]
async fn waits_at_least_as_long_as_asked_or_configured() {
    let mut attempts = RetryBudget::new(9, Duration::from_secs(2), policy(0, 0), None);
    let begun = Instant::now();
    assert!(attempts.again(Some(Duration::from_secs(7))).await);
    assert!(begun.elapsed() >= Duration::from_secs(7));
    let begun = Instant::now();
    assert!(attempts.again(None).await);
    assert!(begun.elapsed() >= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn does_not_sit_out_a_long_wait_nor_one_beyond_the_deadline() {
    let mut attempts = RetryBudget::new(9, Duration::ZERO, policy(1, 30), None);
    assert!(!attempts.again(Some(Duration::from_secs(121))).await);
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut attempts = RetryBudget::new(9, Duration::ZERO, policy(1, 1), Some(deadline));
    assert!(!attempts.again(Some(Duration::from_secs(11))).await);
    assert!(attempts.again(Some(Duration::from_secs(5))).await);
}
