use chrono::{DateTime, Utc};

use super::*;

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An hour of 10 March 2020 in the city, by the UTC hour at which it starts.
fn hour(utc: u32) -> Hour {
    Hour::containing(instant(&format!("2020-03-10T{utc:02}:00:00Z")))
}

fn problems(hours: &[(Hour, HourState, Option<&str>)], now: &str) -> Vec<Problem> {
    let (zone, provider) = (CivilZone::default(), "bird".parse().unwrap());
    let mut problems = Problems::new(&zone, &provider, Hour::containing(instant(now)), true);
    for (hour, state, message) in hours {
        problems.add(*hour, *state, *message);
    }
    problems.end()
}

#[test]
fn hours_with_the_same_reason_are_one_problem_with_the_command_that_covers_them() {
    let rejected = Some("ProviderRejected: HTTP 401: token expired");
    let found = problems(
        &[
            (hour(10), HourState::Missing, None),
            (
                hour(12),
                HourState::Failed,
                Some("ProviderRejected: HTTP 401"),
            ),
            (
                hour(14),
                HourState::Failed,
                Some("ProviderUnavailable: no connection"),
            ),
            (hour(16), HourState::Failed, rejected),
        ],
        "2020-03-10T20:00:00Z",
    );
    assert_eq!(found.len(), 3);
    let first = &found[0];
    assert!(first.needs_a_person, "a refused login does not mend itself");
    assert_eq!(
        (first.hours, first.error_name.as_deref()),
        (2, Some("ProviderRejected"))
    );
    assert_eq!(
        first.message.as_deref(),
        Some("HTTP 401: token expired"),
        "the newest one"
    );
    // Civil time is five hours behind UTC, and a label is an hour's end.
    assert_eq!(
        (&*first.first, &*first.last),
        ("2020-03-10-08", "2020-03-10-12")
    );
    assert_eq!(
        first.command,
        "mds run --provider bird --time-min 2020-03-10-07 --time-max 2020-03-10-12 --incomplete-only"
    );
    assert!(found[1..].iter().all(|problem| !problem.needs_a_person));
}

#[test]
fn an_hour_that_a_sweep_has_not_mended_needs_a_person() {
    let missing = [(hour(10), HourState::Missing, None)];
    assert!(!problems(&missing, "2020-03-11T23:00:00Z")[0].needs_a_person);
    assert!(problems(&missing, "2020-03-12T00:00:00Z")[0].needs_a_person);
    let rejected = [(
        hour(10),
        HourState::AllRejected,
        Some("5 of 5 trips rejected"),
    )];
    let found = problems(&rejected, "2020-03-10T20:00:00Z");
    assert!(found[0].needs_a_person);
    assert_eq!(found[0].error_name, None);
    assert_eq!(found[0].message.as_deref(), Some("5 of 5 trips rejected"));
}

#[test]
fn the_second_hour_of_a_name_is_given_by_its_instant() {
    let (zone, bird) = (CivilZone::default(), "bird".parse().unwrap());
    // At 7:00 UTC it is one o'clock in the city for the second time.
    let repeated = Hour::containing(instant("2020-11-01T06:00:00Z"));
    let due = Hour::containing(instant("2020-11-02T00:00:00Z"));
    let mut problems = Problems::new(&zone, &bird, due, true);
    problems.add(repeated, HourState::Missing, None);
    assert_eq!(
        problems.end()[0].command,
        "mds run --provider bird --time-max 2020-11-01T07:00:00Z --incomplete-only"
    );
}

#[test]
fn rejected_trips_are_looked_at_first_whatever_the_error() {
    let malformed = Some("ProviderMalformed: 5 of 5 trips rejected");
    let found = problems(
        &[(hour(10), HourState::AllRejected, malformed)],
        "2020-03-10T20:00:00Z",
    );
    assert!(
        found[0].advice.contains("reject reasons"),
        "{}",
        found[0].advice
    );
}

#[test]
fn hours_that_wait_for_the_database_advise_to_see_to_it() {
    let full = Some("DatabaseUnavailable: preparing a load: the server's disk is full");
    let found = problems(
        &[(hour(10), HourState::Failed, full)],
        "2020-03-14T20:00:00Z",
    );
    assert!(
        found[0].advice.contains("see to the database"),
        "{}",
        found[0].advice
    );
}

#[test]
fn every_state_and_error_has_advice() {
    for state in HourState::ALL {
        for error in ErrorName::ALL.into_iter().map(Some).chain([None]) {
            assert!(
                !advice(state, error, false).is_empty() && !advice(state, error, true).is_empty()
            );
        }
    }
}

#[test]
fn the_command_that_accepts_losses_covers_no_hour_but_those() {
    let lost = Some("ProviderLostTrips: 9 of 10 loaded trips are missing");
    let found = problems(
        &[
            (hour(10), HourState::Whole, lost),
            (hour(11), HourState::Whole, lost),
            (hour(14), HourState::Whole, lost),
        ],
        "2020-03-10T20:00:00Z",
    );
    let commands: Vec<_> = found.iter().map(|it| &*it.command).collect();
    assert_eq!(
        commands,
        [
            "mds run --provider bird --time-min 2020-03-10-05 --time-max 2020-03-10-07 --force --accept-losses",
            "mds run --provider bird --time-max 2020-03-10-10 --force --accept-losses",
        ]
    );
    assert!(found.iter().all(|it| it.needs_a_person));
}

#[test]
fn hours_that_no_step_has_failed_are_not_said_to_have_a_cause() {
    let found = problems(
        &[(hour(10), HourState::UnderWay, None)],
        "2020-03-20T20:00:00Z",
    );
    assert_eq!(
        found[0].advice,
        "see whether the hourly run and the nightly sweep are started at all"
    );
}

#[test]
fn without_a_portal_no_command_publishes() {
    let (zone, provider) = (CivilZone::default(), "bird".parse().unwrap());
    let mut problems = Problems::new(&zone, &provider, hour(20), false);
    problems.add(hour(10), HourState::Missing, None);
    let commands = [
        problems.end().remove(0).command,
        never_planned(&zone, &provider, hour(20), false).command,
    ];
    for command in commands {
        assert!(command.contains(" --no-sync-socrata"), "{command}");
    }
}
