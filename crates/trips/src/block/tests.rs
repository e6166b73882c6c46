use super::{Block, Hour};
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
