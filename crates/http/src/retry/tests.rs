use super::*;
use rstest::rstest;

fn policy(first: u64, max: u64) -> RetryPolicy {
    RetryPolicy {
        first: Duration::from_secs(first),
        max: Duration::from_secs(max),
        ..RetryPolicy::default()
    }
}

#[rstest]
#[case(200, None)]
#[case(400, None)]
#[case(404, None)]
#[case(408, Some(Transient::Unavailable))]
#[case(425, Some(Transient::Unavailable))]
#[case(409, None)]
#[case(429, Some(Transient::Throttled))]
#[case(500, Some(Transient::Unavailable))]
#[case(599, Some(Transient::Unavailable))]
#[case(600, None)]
fn a_status_may_pass(#[case] status: u16, #[case] transient: Option<Transient>) {
    assert_eq!(Transient::from_status(status), transient);
}

#[test]
fn gives_up_after_the_last_attempt() {
    let mut budget = RetryBudget::new(3, policy(1, 30));
    assert!(budget.backoff(None).is_some());
    assert!(budget.backoff(None).is_some());
    assert!(budget.backoff(None).is_none());
}

#[test]
fn a_success_resets_the_failures_but_not_the_starts() {
    let mut budget = RetryBudget::new(2, policy(1, 30));
    assert!(budget.restart().is_some());
    budget.reset();
    assert!(budget.restart().is_none());
}

#[test]
fn waits_are_jittered_below_a_bound_that_doubles() {
    let mut largest = [Duration::ZERO; 4];
    for _ in 0..500 {
        let mut budget = RetryBudget::new(9, policy(1, 4));
        for (step, bound) in [1, 2, 4, 4].into_iter().enumerate() {
            let wait = budget.backoff(None).unwrap();
            assert!(wait <= Duration::from_secs(bound), "{wait:?}");
            largest[step] = largest[step].max(wait);
        }
    }
    assert!(largest[0] > Duration::from_millis(800), "{largest:?}");
    assert!(largest[2] > Duration::from_millis(3200), "{largest:?}");
}

#[test]
fn waits_at_least_as_long_as_requested_or_configured() {
    let mut budget = RetryBudget::new(9, policy(0, 0)).with_min_wait(Duration::from_secs(2));
    let seven = Duration::from_secs(7);
    assert_eq!(budget.backoff(Some(seven)), Some(seven));
    assert_eq!(budget.backoff(None), Some(Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_or_one_after_the_deadline_ends_the_attempts() {
    let mut budget = RetryBudget::new(9, policy(1, 30));
    assert!(budget.backoff(Some(Duration::from_secs(121))).is_none());
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut budget = RetryBudget::new(9, policy(1, 1)).with_deadline(Some(deadline));
    assert!(budget.backoff(Some(Duration::from_secs(11))).is_none());
    assert!(budget.backoff(Some(Duration::from_secs(5))).is_some());
    assert!(budget.backoff(Some(Duration::MAX)).is_none());
}
