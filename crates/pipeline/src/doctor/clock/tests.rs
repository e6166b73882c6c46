use rstest::rstest;

use super::super::report::{Check, Outcome};
use super::*;

#[rstest]
#[case(0, Outcome::Ok)]
#[case(-59, Outcome::Ok)]
#[case(60, Outcome::Warning)]
#[case(-299, Outcome::Warning)]
#[case(300, Outcome::Broken)]
#[case(-3600, Outcome::Broken)]
fn a_clock_that_is_off_is_told_by_how_much(#[case] ahead: i64, #[case] outcome: Outcome) {
    let there = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let check = Check::at_once("clock", compare(there + TimeDelta::seconds(ahead), there));
    assert_eq!(check.outcome, outcome);
    if outcome != Outcome::Ok {
        assert!(check.finding.contains(&format!("{} s", ahead.abs())));
    }
}
