//! The cost of a trip, in the currency's minor unit.

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
pub(super) fn decimals(unit: CostUnit, currency: &Field<String>) -> Option<i64> {
    match (unit, currency) {
        (CostUnit::Minor, _) => Some(0),
        (CostUnit::Major, Ok(code)) => Some(code.as_deref().map_or(2, decimals_of)),
        (CostUnit::Major, Err(_)) => None,
    }
}

/// How many decimals the major unit of a currency has (ISO 4217).
fn decimals_of(code: &str) -> i64 {
    const NONE: [&str; 17] = [
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
        "VUV", "XAF", "XOF", "XPF",
    ];
    const THREE: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
    const FOUR: [&str; 2] = ["CLF", "UYW"];
    if NONE.contains(&code) {
        0
    } else if THREE.contains(&code) {
        3
    } else if FOUR.contains(&code) {
        4
    } else {
        2
    }
}

#[cfg(test)]
mod tests;
