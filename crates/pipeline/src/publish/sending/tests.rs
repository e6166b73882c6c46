use super::*;

#[test]
fn a_query_names_a_hundred_ids_of_trips_and_fewer_long_ones() {
    let trips = vec!["00000000-0000-8000-8000-000000000001".to_owned(); 250];
    assert_eq!(at_once(&trips), 100);
    assert_eq!(at_once(&trips[..7]), 7);
    assert_eq!(at_once(&vec!["x".repeat(1000); 100]), 5);
    assert_eq!(at_once(&vec!["x".repeat(10_000); 100]), 1);
}

#[test]
fn a_quote_in_an_id_is_doubled() {
    assert_eq!(quoted("o'clock"), "'o''clock'");
}
