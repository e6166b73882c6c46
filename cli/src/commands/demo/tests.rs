//! What the demo says of a block.

use super::*;

#[test]
fn the_second_of_two_equal_hours_is_repeated_by_an_instant() {
    let zone = CivilZone::default();
    let failure = |label| {
        let block = Block {
            provider: "bird".parse().unwrap(),
            hour: Hour::from_label(&zone, label).unwrap(),
        };
        Failure::new(&zone, block, String::new())
    };
    let once = failure(BROKEN);
    assert_eq!(once.name, "bird 2020-10-31-18");
    assert_eq!(
        once.command,
        "mds run --provider bird --time-max 2020-10-31-18"
    );
    let again = failure(GARBAGE);
    assert_eq!(again.name, "bird 2020-11-01-01b");
    assert_eq!(
        again.command,
        "mds run --provider bird --time-max 2020-11-01T07:00:00Z"
    );
}
