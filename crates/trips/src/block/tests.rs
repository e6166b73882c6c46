use super::{Block, Hour, ProviderName};
use crate::time::CivilZone;

fn bird(label: &str) -> Block {
    Block {
        provider: "bird".parse().unwrap(),
        hour: Hour::from_label(&CivilZone::default(), label).unwrap(),
    }
}

#[test]
fn a_block_is_named_by_its_label() {
    let zone = CivilZone::default();
    assert_eq!(bird("2026-11-25-10").name(&zone), "bird 2026-11-25-10");
}

#[test]
fn the_command_of_the_second_of_two_equal_hours_names_an_instant() {
    let zone = CivilZone::default();
    let second = bird("2020-11-01-01b");
    assert_eq!(
        second.command(&zone),
        "mds run --provider bird --time-max 2020-11-01T07:00:00Z"
    );
    let last = bird("2020-11-01-02").hour;
    assert_eq!(
        second.command_to(last, &zone),
        "mds run --provider bird --time-min 2020-11-01-01 --time-max 2020-11-01-02"
    );
    assert_eq!(second.command_to(second.hour, &zone), second.command(&zone));
}

#[test]
fn a_range_spans_others_and_the_hours_between_them() {
    let range = |first, end| {
        let zone = CivilZone::default();
        let hour = |label| Hour::from_label(&zone, label).unwrap();
        super::HourRange::new(hour(first), hour(end)).unwrap()
    };
    let late = range("2020-01-02-05", "2020-01-02-07");
    let early = range("2020-01-01-01", "2020-01-01-03");
    let whole = super::HourRange::spanning([late, early, early]);
    assert_eq!(whole, Some(range("2020-01-01-01", "2020-01-02-07")));
    assert_eq!(super::HourRange::spanning([]), None);
}

#[test]
fn a_name_that_is_no_name_is_quoted_in_part() {
    let why = |name: String| name.parse::<ProviderName>().unwrap_err().to_string();
    for name in ["a".repeat(100_000), "ü".repeat(100_000)] {
        let why = why(name);
        assert!(why.len() < 400 && why.contains('…'), "{}", why.len());
    }
    assert_eq!(
        why("a".repeat(64)),
        format!(
            "the provider's name `{}` is too long; use at most 63 characters",
            "a".repeat(64)
        )
    );
}

#[test]
fn an_hour_knows_whether_the_clocks_repeat_it() {
    let first_of = |zone: &CivilZone, label: &str| {
        let hour = Hour::from_label(zone, label).unwrap();
        let first = hour.first_occurrence(zone).map(|first| first.label(zone));
        (hour.is_repeated(zone), first)
    };
    // By their ends: the clocks show the hour from 1 to 2 twice.
    let austin = CivilZone::default();
    assert_eq!(first_of(&austin, "2020-11-01-01"), (false, None));
    assert_eq!(first_of(&austin, "2020-11-01-01b"), (true, None));
    let first = Some("2020-11-01-01b".to_owned());
    assert_eq!(first_of(&austin, "2020-11-01-02"), (true, first));
    assert_eq!(first_of(&austin, "2020-11-01-03"), (false, None));

    // These clocks go back by two hours.
    let troll: CivilZone = "Antarctica/Troll".parse().unwrap();
    assert_eq!(first_of(&troll, "2026-10-25-02"), (true, None));
    let first = Some("2026-10-25-02".to_owned());
    assert_eq!(first_of(&troll, "2026-10-25-02b"), (true, first));
    assert_eq!(first_of(&troll, "2026-10-25-04"), (false, None));
}
