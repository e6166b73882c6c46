//! The cost of a trip, in the currency's minor unit.

use super::currency::Currency;
use super::decimal::{Decimal, NotWhole};
use super::fields::Field;
use super::scalar::Scalar;
use crate::CostUnit;

/// Why a cost cannot be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CostError {
    /// It has a fraction of the minor unit, so its unit is another one than configured.
    Fraction,
    /// It is not a number, or one beyond every price, or in a currency that nobody can read.
    Unusable,
}

/// Reads a cost digit by digit: a floating-point number does not hold most prices exactly. For the
/// same reason a cost that another program has computed with such numbers is a little beside its
/// price, which is what it becomes then. `decimals` is what [`decimals`] returns.
pub(super) fn minor_units(sent: &Scalar<'_>, decimals: Option<i64>) -> Result<i64, CostError> {
    match (sent, decimals) {
        (Scalar::Number(number), Some(decimals)) => shifted(number, decimals),
        _ => Err(CostError::Unusable),
    }
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

/// How many decimals a cost of this unit has at most. Without a currency it is the US dollar.
/// `None` if the currency was sent and cannot be read: as dollars, a cost of 300 yen would be a
/// hundred times too high.
pub(super) fn decimals(unit: CostUnit, currency: &Field<Currency>) -> Option<i64> {
    match (unit, currency) {
        (CostUnit::Minor, _) => Some(0),
        (CostUnit::Major, Ok(currency)) => Some(currency.map_or(2, |it| it.decimals)),
        (CostUnit::Major, Err(_)) => None,
    }
}

#[cfg(test)]
mod tests;
