use rstest::rstest;

use super::*;

#[rstest]
#[case(90, ": wait 90 s, until 2026-11-27T00:01:30Z")]
#[case(86_400, ": wait 86400 s, until 2026-11-28T00:00:00Z")]
#[case(
    100_000,
    ": it asks for a wait of 100000 s, and is requested again after a day, from 2026-11-28T00:00:00Z on"
)]
fn a_requested_wait_is_told_as_it_holds(#[case] seconds: u64, #[case] told: &str) {
    let now: DateTime<Utc> = "2026-11-27T00:00:00Z".parse().unwrap();
    let error = MdsError::Throttled {
        provider: "bird".parse().unwrap(),
        retry_after: Some(Duration::from_secs(seconds)),
        until: Some(now + Duration::from_secs(seconds.min(86_400))),
    };
    assert_eq!(
        error.to_string(),
        format!("provider bird asks us to slow down (429){told}")
    );
}
