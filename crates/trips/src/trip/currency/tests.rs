use rstest::rstest;

use super::{CURRENCIES, Currency, NO_CURRENCY};

#[test]
fn every_currency_is_found_with_its_decimals() {
    for (decimals, codes) in CURRENCIES {
        assert!(codes.is_sorted(), "{codes:?}");
        for code in codes {
            assert_eq!(Currency::of(code), Some(Currency { code, decimals }));
        }
    }
}

#[rstest]
#[case::in_use("USD", Some(2))]
#[case::without_decimals("JPY", Some(0))]
#[case::with_three("KWD", Some(3))]
#[case::withdrawn_in_2023("HRK", Some(2))]
#[case::withdrawn_in_2025("ANG", Some(2))]
#[case::withdrawn_in_2016("BYR", Some(0))]
#[case::never_given("YEN", None)]
#[case::gold("XAU", None)]
#[case::no_currency(NO_CURRENCY, None)]
#[case::in_lower_case("usd", None)]
#[case::empty("", None)]
fn a_code_is_one_that_trips_are_paid_in(#[case] code: &str, #[case] decimals: Option<i64>) {
    assert_eq!(Currency::of(code).map(|it| it.decimals), decimals);
}
