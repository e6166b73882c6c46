//! The cost of a trip, in the currency's minor unit.

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

/// Reads a cost digit by digit: a floating-point number does not hold most prices exactly.
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
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    let exponent: i64 = exponent.parse().map_err(|_| CostError::Unusable)?;
    // The number is `significant` with this many zeros behind it.
    let zeros = exponent
        .checked_add(shift)
        .and_then(|n| n.checked_sub(length(fraction)))
        .and_then(|n| n.checked_add(length(digits) - length(significant)))
        .ok_or(CostError::Unusable)?;
    if zeros < 0 {
        return Err(CostError::Fraction);
    }
    let sign = if number.starts_with('-') { -1 } else { 1 };
    u32::try_from(zeros)
        .ok()
        .and_then(|zeros| 10_i64.checked_pow(zeros))
        .zip(significant.parse::<i64>().ok())
        .and_then(|(scale, digits)| digits.checked_mul(scale))
        .map(|cost| sign * cost)
        .ok_or(CostError::Unusable)
}

fn length(digits: &str) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX)
}

/// How many decimals the major unit of a currency has (ISO 4217). Without a currency it is the US
/// dollar.
fn decimals(currency: Option<&str>) -> i64 {
    const NONE: [&str; 16] = [
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
        "XAF", "XOF", "XPF",
    ];
    const THREE: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
    let is_one_of = |codes: &[&str]| {
        currency.is_some_and(|code| codes.iter().any(|it| it.eq_ignore_ascii_case(code)))
    };
    if is_one_of(&NONE) {
        0
    } else if is_one_of(&THREE) {
        3
    } else {
        2
    }
}

#[cfg(test)]
mod tests;
