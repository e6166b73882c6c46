use super::super::calendar::tests::day;
use super::*;

#[test]
fn a_day_has_the_state_that_most_needs_a_look_and_words_for_all() {
    // A Monday, and the Tuesday of the week after.
    let mut mixed = vec![HourState::Whole; 22];
    mixed.extend([HourState::Missing, HourState::Failed]);
    let days = [
        day("2020-03-02", 0, &[HourState::Whole; 24]),
        day("2020-03-10", 0, &mixed),
    ];
    let weeks = Weeks::new(&days);
    assert_eq!(weeks.width, 2 * DAY);
    let (shape, words) = &weeks.shapes.with_words[0];
    assert_eq!((shape.x, shape.y), (DAY, DAY));
    assert_eq!(shape.state, HourState::Failed);
    assert_eq!(words, "2020-03-10: 22 whole, 1 missing, 1 failed");
    assert_eq!(weeks.shapes.paths.len(), 1);
}

#[test]
fn every_state_has_its_place_in_the_order_of_urgency() {
    for state in HourState::ALL {
        assert!(URGENCY.contains(&state));
    }
}

#[test]
fn nothing_is_drawn_without_days() {
    assert_eq!(Weeks::new(&[]).width, 0);
}
