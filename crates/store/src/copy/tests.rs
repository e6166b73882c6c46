use super::*;

#[test]
fn the_count_of_fields_is_that_of_the_columns() {
    assert_eq!(usize::try_from(FIELDS), Ok(KEYS.len() + TRIP_DATA.len()));
}
