//! Sets of flags, and their names.

use super::*;

#[test]
fn names_come_in_a_fixed_order_whatever_the_order_of_insertion() {
    let flags: Flags = [Flag::NotARiderTrip, Flag::ZeroDistance, Flag::OutsideHour]
        .into_iter()
        .collect();
    assert_eq!(
        flags.names(),
        ["outside_hour", "zero_distance", "not_a_rider_trip"]
    );
}

#[test]
fn every_flag_has_a_bit_and_a_name_of_its_own() {
    let all: Flags = Flag::ALL.into_iter().collect();
    assert_eq!(all.iter().collect::<Vec<_>>(), Flag::ALL);
    for flag in Flag::ALL {
        assert_eq!(flag.as_str().parse(), Ok(flag));
        assert_eq!(Flags::from_iter([flag]).iter().count(), 1);
    }
}

#[test]
fn a_set_survives_json() {
    let flags: Flags = [Flag::Overlap, Flag::NegativeCost].into_iter().collect();
    let json = serde_json::to_string(&flags).unwrap();
    assert_eq!(json, r#"["overlap","negative_cost"]"#);
    assert_eq!(serde_json::from_str::<Flags>(&json).unwrap(), flags);
}

#[test]
fn an_unknown_name_is_refused_by_name() {
    let error = serde_json::from_str::<Flags>(r#"["odd"]"#).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`odd` is not a trip flag; the flags are outside_hour, outside_area, ")
    );
}
