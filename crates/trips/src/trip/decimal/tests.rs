use super::*;
use rstest::rstest;

#[rstest]
#[case("0", 0)]
#[case("-0.0e7", 0)]
#[case("0e99999999999999999999", 0)]
#[case("12.49", 12)]
#[case("12.5", 13)]
#[case("-12.5", -13)]
#[case("0.5", 1)]
#[case("0.05", 0)]
#[case("5e-1", 1)]
#[case("1.25e1", 13)]
#[case("1200e-2", 12)]
#[case("1e18", 1_000_000_000_000_000_000)]
#[case("9223372036854775807", i64::MAX)]
#[case("-9223372036854775808", i64::MIN)]
#[case::as_floating_point_this_is_a_half("0.49999999999999999999", 0)]
#[case::as_floating_point_this_is_even("9007199254740993.4", 9_007_199_254_740_993)]
fn the_nearest_whole_number_is_that_of_the_digits(#[case] number: &str, #[case] whole: i64) {
    assert_eq!(Decimal::read(number).unwrap().rounded(), Some(whole));
}

#[rstest]
#[case("9223372036854775808")]
#[case("9223372036854775807.5")]
#[case("1e19")]
#[case("1e4294967296")]
#[case("1e9223372036854775807")]
fn a_number_beyond_64_bits_is_none(#[case] number: &str) {
    assert_eq!(Decimal::read(number).and_then(|it| it.rounded()), None);
}

#[rstest]
#[case("")]
#[case("-")]
#[case("+1")]
#[case(".5")]
#[case("1_000")]
#[case("1e99999999999999999999")]
#[case("NaN")]
#[case("0x10")]
fn other_forms_are_none(#[case] number: &str) {
    assert!(Decimal::read(number).is_none());
}
