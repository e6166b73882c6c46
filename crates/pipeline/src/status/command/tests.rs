use chrono::{DateTime, Utc};

use super::*;

fn hour(utc: &str) -> Hour {
    Hour::containing(utc.parse::<DateTime<Utc>>().unwrap())
}

#[test]
fn one_hour_is_named_by_its_end_and_several_by_their_range() {
    let (zone, bird) = (CivilZone::default(), "bird".parse().unwrap());
    let (first, last) = (hour("2020-03-10T10:00:00Z"), hour("2020-03-10T16:00:00Z"));
    assert_eq!(
        run_command(&zone, &bird, first, first),
        "mds run --provider bird --time-max 2020-03-10-06 --incomplete-only"
    );
    assert_eq!(
        run_command(&zone, &bird, first, last),
        "mds run --provider bird --time-min 2020-03-10-05 --time-max 2020-03-10-12 --incomplete-only"
    );
}

#[test]
fn the_second_hour_of_a_name_is_given_by_its_instant() {
    let (zone, bird) = (CivilZone::default(), "bird".parse().unwrap());
    // At 7:00 UTC it is one o'clock in the city for the second time.
    let repeated = hour("2020-11-01T06:00:00Z");
    assert_eq!(repeated.label(&zone), "2020-11-01-01b");
    assert_eq!(
        run_command(&zone, &bird, repeated, repeated),
        "mds run --provider bird --time-max 2020-11-01T07:00:00Z --incomplete-only"
    );
    assert_eq!(
        run_command(&zone, &bird, repeated.next(), repeated.next()),
        "mds run --provider bird --time-max 2020-11-01-02 --incomplete-only"
    );
}
