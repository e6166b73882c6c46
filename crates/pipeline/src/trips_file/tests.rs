#![allow(clippy::unwrap_used, reason = "a test may panic")]
use chrono::TimeDelta;
use rstest::rstest;

use super::*;

const OURS: Uuid = Uuid::from_u128(1);
const THEIRS: Uuid = Uuid::from_u128(2);

fn contents(trips: &[(Uuid, i64)]) -> Contents {
    let start = "2020-01-15T18:00:00Z".parse().unwrap();
    let mut contents = Contents::new(Hour::containing(start), vec![OURS]);
    for (provider_id, minutes) in trips {
        contents.add(TripGlance {
            provider_id: *provider_id,
            end_time: start + TimeDelta::minutes(*minutes),
        });
    }
    contents
}

#[rstest]
#[case::none(&[], true)]
#[case::ours(&[(OURS, 0), (OURS, 59)], true)]
#[case::half(&[(OURS, 0), (THEIRS, 0)], true)]
#[case::more_than_half(&[(OURS, 0), (THEIRS, 0), (OURS, 60)], false)]
#[case::other_provider(&[(THEIRS, 5), (THEIRS, 6)], false)]
#[case::the_hour_after(&[(OURS, 60)], false)]
#[case::the_hour_before(&[(OURS, -1)], false)]
fn most_trips_are_of_the_block(#[case] trips: &[(Uuid, i64)], #[case] is_of_block: bool) {
    assert_eq!(contents(trips).is_mostly_of_the_block(), is_of_block);
}

#[test]
fn what_the_file_holds_is_named() {
    let contents = contents(&[(THEIRS, 0), (OURS, 70), (OURS, 130)]);
    assert_eq!(
        contents.describe(&CivilZone::default()),
        "of its 3 trips 1 are of the provider 00000000-0000-0000-0000-000000000002, and 2 ended in other hours \
         (all of them in 2020-01-15-13 to 2020-01-15-15)"
    );
}
