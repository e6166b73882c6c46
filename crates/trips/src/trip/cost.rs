//! The cost of a trip, in the currency's minor unit.

use super::decimal::{Decimal, NotWhole};
use super::scalar::Scalar;
use crate::CostUnit;

/// Why a cost cannot be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CostError {
    /// It has a fraction of the minor unit, so its unit is another one than configured.
    Fraction,
    /// It is not a number, or one beyond every price.
    Unusable,
}

/// Reads a cost digit by digit: a floating-point number does not hold most prices exactly. For the
/// same reason a cost that another program has computed with such numbers is a little beside its
/// price, which is what it becomes then.
pub(super) fn minor_units(
    sent: &Scalar<'_>,
    unit: CostUnit,
    currency: Option<&str>,
) -> Result<i64, CostError> {
    let Scalar::Number(number) = sent else {
        return Err(CostError::Unusable);
    };
    let shift = match unit {
        CostUnit::Minor => 0,
        CostUnit::Major => decimals(currency),
    };
    shifted(number, shift)
}

/// `number` times ten to the power of `shift`.
fn shifted(number: &str, shift: i64) -> Result<i64, CostError> {
    let number = Decimal::read(number).and_then(|number| number.shifted(shift));
    let number = number.ok_or(CostError::Unusable)?;
    number.exact().or_else(|error| match error {
        NotWhole::Fraction if number.is_nearly_whole() => {
            number.rounded().ok_or(CostError::Unusable)
        }
        NotWhole::Fraction => Err(CostError::Fraction),
        NotWhole::TooLarge => Err(CostError::Unusable),
    })
}

/// How many decimals the major unit of a currency has (ISO 4217). Without a currency it is the US
/// dollar.
fn decimals(currency: Option<&str>) -> i64 {
    const NONE: [&str; 17] = [
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
        "VUV", "XAF", "XOF", "XPF",
    ];
    const THREE: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
    const FOUR: [&str; 2] = ["CLF", "UYW"];
    let is_one_of = |codes: &[&str]| {
        currency.is_some_and(|code| codes.iter().any(|it| it.eq_ignore_ascii_case(code)))
    };
    if is_one_of(&NONE) {
        0
    } else if is_one_of(&THREE) {
        3
    } else if is_one_of(&FOUR) {
        4
    } else {
        2
    }
}

#[cfg(test)]
mod tests;
