use super::*;

#[test]
fn the_highest_value_reaches_the_top_and_nothing_stays_on_the_ground() {
    assert_eq!(area(&[0, 4], 20, 4), "M0 60L0 60L10 60L10 2L20 2L20 60Z");
    assert_eq!(area(&[], 20, 0), "M0 60L20 60Z");
    assert_eq!(area(&[0], 20, 0), "M0 60L0 60L20 60L20 60Z");
    assert_eq!(
        area(&[1, 1, 1], 10, 1),
        "M0 60L0 2L3.3 2L3.3 2L6.6 2L6.6 2L10 2L10 60Z"
    );
}
