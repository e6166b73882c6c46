//! Costs in both units.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn cost(number: &str, unit: CostUnit) -> Result<i64, CostError> {
    minor_units(&Scalar::Number(number), decimals(unit, &Ok(None)))
}

#[rstest]
#[case("0", Ok(0))]
#[case("250", Ok(250))]
#[case("-150", Ok(-150))]
#[case("250.0", Ok(250))]
#[case("2.5e2", Ok(250))]
#[case("25E+1", Ok(250))]
#[case("2500e-1", Ok(250))]
#[case("0.000e999999999999999999", Ok(0))]
#[case("-0.0", Ok(0))]
#[case("9223372036854775807", Ok(i64::MAX))]
#[case("2.5", Err(CostError::Fraction))]
#[case("0.4", Err(CostError::Fraction))]
#[case("-0.01", Err(CostError::Fraction))]
#[case("1e-400", Err(CostError::Fraction))]
#[case("9223372036854775808", Err(CostError::Unusable))]
#[case("1e300", Err(CostError::Unusable))]
#[case("1e99999999999999999999", Err(CostError::Unusable))]
fn a_cost_in_minor_units_has_no_fraction(
    #[case] number: &str,
    #[case] expected: Result<i64, CostError>,
) {
    assert_eq!(cost(number, CostUnit::Minor), expected);
}

#[rstest]
#[case("2.15", Ok(215))]
#[case("0.29", Ok(29))]
#[case("1.005e1", Ok(1005))]
#[case("1.0055e1", Err(CostError::Fraction))]
#[case("1.0050e2", Ok(10_050))]
#[case("3", Ok(300))]
#[case("-3.5", Ok(-350))]
#[case("1e-2", Ok(1))]
#[case("3.499", Err(CostError::Fraction))]
#[case("92233720368547758.07", Ok(i64::MAX))]
#[case("92233720368547758.08", Err(CostError::Unusable))]
fn a_cost_in_major_units_is_converted_digit_by_digit(
    #[case] number: &str,
    #[case] expected: Result<i64, CostError>,
) {
    assert_eq!(cost(number, CostUnit::Major), expected);
}

/// Each is what Python, JavaScript or Java writes for the computation.
#[rstest]
#[case::a_tenth_three_times("0.30000000000000004", Ok(30))]
#[case::a_tenth_ten_times("0.9999999999999999", Ok(100))]
#[case::a_tenth_a_hundred_times("9.99999999999998", Ok(1000))]
#[case::eight_tenths("0.7999999999999999", Ok(80))]
#[case::three_times_1_1("3.3000000000000003", Ok(330))]
#[case::refund("-2.9999999999999996", Ok(-300))]
#[case::a_price_less_itself("5.551115123125783e-17", Ok(0))]
#[case::the_same_below_zero("-2.7755575615628914E-17", Ok(0))]
#[case::large("123456789.12000000000001", Ok(12_345_678_912))]
#[case::half_a_cent("2.6750000000000003", Err(CostError::Fraction))]
#[case::a_third("0.3333333333333333", Err(CostError::Fraction))]
#[case::near_but_written_by_a_person("0.30000001", Err(CostError::Fraction))]
#[case::beside_by_more_than_an_error("0.30000000119209290", Err(CostError::Fraction))]
#[case::tiny("1e-17", Err(CostError::Fraction))]
fn a_computed_cost_is_the_price_beside_it(
    #[case] number: &str,
    #[case] expected: Result<i64, CostError>,
) {
    assert_eq!(cost(number, CostUnit::Major), expected);
}

#[rstest]
#[case("28.999999999999996", Ok(29))]
#[case("110.00000000000001", Ok(110))]
#[case("28.999", Err(CostError::Fraction))]
#[case("9223372036854775807.99999999999999", Err(CostError::Unusable))]
fn cents_are_computed_as_well(#[case] number: &str, #[case] expected: Result<i64, CostError>) {
    assert_eq!(cost(number, CostUnit::Minor), expected);
}

#[rstest]
#[case(Some("JPY"), "300", Ok(300))]
#[case(Some("JPY"), "2.5", Err(CostError::Fraction))]
#[case(Some("KWD"), "1.234", Ok(1234))]
#[case(Some("EUR"), "1.2", Ok(120))]
#[case(Some("ISK"), "300.0", Ok(300))]
#[case(Some("UYI"), "7", Ok(7))]
#[case(Some("TND"), "0.1", Ok(100))]
#[case(Some("CLF"), "5", Ok(50_000))]
#[case(Some("CLF"), "0.0001", Ok(1))]
#[case(Some("UYW"), "1.00005", Err(CostError::Fraction))]
#[case(Some("KWD"), "0.30000000000000004", Ok(300))]
#[case(Some("JPY"), "299.99999999999994", Ok(300))]
#[case(None, "1.2", Ok(120))]
fn the_currency_says_what_its_minor_unit_is(
    #[case] currency: Option<&str>,
    #[case] number: &str,
    #[case] expected: Result<i64, CostError>,
) {
    let decimals = decimals(CostUnit::Major, &Ok(currency.and_then(Currency::of)));
    assert_eq!(minor_units(&Scalar::Number(number), decimals), expected);
}

#[test]
fn a_cost_in_quotes_is_not_a_number() {
    let sent = Scalar::Text("150".into());
    assert_eq!(minor_units(&sent, Some(0)), Err(CostError::Unusable));
}

proptest! {
    /// Amounts as a program computes them: parts that are added up, or multiplied.
    #[test]
    fn a_sum_of_prices_is_a_price(cents in prop::collection::vec(0_i64..100_000, 1..50)) {
        let sum: f64 = cents.iter().map(|it| *it as f64 / 100.0).sum();
        let whole: i64 = cents.iter().sum();
        prop_assert_eq!(cost(&sum.to_string(), CostUnit::Major), Ok(whole), "{}", sum);
        let product = cents[0] as f64 / 100.0 * 100.0;
        prop_assert_eq!(cost(&product.to_string(), CostUnit::Minor), Ok(cents[0]), "{}", product);
    }

    #[test]
    fn every_number_of_cents_survives_as_dollars(cents in any::<i64>()) {
        let (sign, magnitude) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
        let dollars = format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100);
        let expected = if cents == i64::MIN { Err(CostError::Unusable) } else { Ok(cents) };
        prop_assert_eq!(cost(&dollars, CostUnit::Major), expected);
        prop_assert_eq!(cost(&cents.to_string(), CostUnit::Minor), expected);
    }
}
