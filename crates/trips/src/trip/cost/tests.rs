//! Costs in both units.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn cost(number: &str, unit: CostUnit) -> Result<i64, CostError> {
    minor_units(&Scalar::Number(number), unit, None)
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

#[rstest]
#[case(Some("JPY"), "300", Ok(300))]
#[case(Some("jpy"), "2.5", Err(CostError::Fraction))]
#[case(Some("KWD"), "1.234", Ok(1234))]
#[case(Some("EUR"), "1.2", Ok(120))]
#[case(None, "1.2", Ok(120))]
fn the_currency_says_what_its_minor_unit_is(
    #[case] currency: Option<&str>,
    #[case] number: &str,
    #[case] expected: Result<i64, CostError>,
) {
    let sent = Scalar::Number(number);
    assert_eq!(minor_units(&sent, CostUnit::Major, currency), expected);
}

#[test]
fn a_cost_in_quotes_is_not_a_number() {
    let sent = Scalar::Text("150".into());
    assert_eq!(
        minor_units(&sent, CostUnit::Minor, None),
        Err(CostError::Unusable)
    );
}

proptest! {
    #[test]
    fn every_number_of_cents_survives_as_dollars(cents in any::<i64>()) {
        let (sign, magnitude) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
        let dollars = format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100);
        let expected = if cents == i64::MIN { Err(CostError::Unusable) } else { Ok(cents) };
        prop_assert_eq!(cost(&dollars, CostUnit::Major), expected);
        prop_assert_eq!(cost(&cents.to_string(), CostUnit::Minor), expected);
    }
}
