//! Decimal numbers, digit by digit: a floating-point number does not hold most of them.

/// A number with this many digits is one that a program has computed: floating-point numbers of 64
/// bits are written with up to 17, and people write fewer.
const DIGITS_OF_FLOATS: usize = 15;
/// In how many digits such a number agrees with the one that was meant, if that is a whole one.
const AGREEING_DIGITS: usize = 13;
/// At least this many of them are decimals, and at most so many: the difference of two equal prices
/// has no whole digits, and is not always 0.
const AGREEING_DECIMALS: (usize, usize) = (3, 12);

/// A number of JSON: digits, and how many zeros follow them.
#[derive(Debug)]
pub(super) struct Decimal {
    is_negative: bool,
    /// Without leading and trailing zeros; empty for 0.
    digits: String,
    /// Negative if some of the digits are decimals.
    zeros: i64,
}

/// Why a number is not a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotWhole {
    /// It has decimals.
    Fraction,
    /// It is beyond 64 bits.
    TooLarge,
}

impl Decimal {
    /// Reads a number as JSON writes it. `None` for another form, and for an exponent beyond 64
    /// bits.
    pub(super) fn read(number: &str) -> Option<Self> {
        let unsigned = number.strip_prefix('-').unwrap_or(number);
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let significant = digits.trim_end_matches('0');
        let stripped = length(&digits) - length(significant);
        let digits = significant.trim_start_matches('0').to_owned();
        let zeros = if digits.is_empty() {
            0
        } else {
            let exponent: i64 = exponent.parse().ok()?;
            exponent
                .checked_add(stripped)?
                .checked_sub(length(fraction))?
        };
        Some(Self {
            is_negative: number.starts_with('-'),
            digits,
            zeros,
        })
    }

    /// The number times ten to the power of `places`.
    pub(super) fn shifted(self, places: i64) -> Option<Self> {
        let zeros = self.zeros.checked_add(places)?;
        Some(Self { zeros, ..self })
    }

    /// The number, if it is a whole one.
    pub(super) fn exact(&self) -> Result<i64, NotWhole> {
        if self.digits.is_empty() {
            return Ok(0);
        }
        let zeros = u32::try_from(self.zeros).map_err(|_| {
            if self.zeros < 0 {
                NotWhole::Fraction
            } else {
                NotWhole::TooLarge
            }
        })?;
        let digits = self.digits.parse::<i128>().ok();
        let number = 10_i128
            .checked_pow(zeros)
            .zip(digits)
            .and_then(|(scale, digits)| digits.checked_mul(scale));
        number
            .and_then(|number| self.signed(number))
            .ok_or(NotWhole::TooLarge)
    }

    /// Whether the number lies within the error of floating-point numbers of a whole one, such as
    /// 30.000000000000004: it has the digits of one, and only zeros or nines follow the point for
    /// long enough.
    pub(super) fn is_nearly_whole(&self) -> bool {
        let Ok(decimals) = usize::try_from(self.zeros.unsigned_abs()) else {
            return false;
        };
        if self.zeros >= 0 || self.digits.len() < DIGITS_OF_FLOATS {
            return false;
        }
        let whole = self.digits.len().saturating_sub(decimals);
        let zeros_before = decimals.saturating_sub(self.digits.len());
        let fraction = &self.digits.as_bytes()[whole..];
        let run = |digit: u8| fraction.iter().take_while(|it| **it == digit).count();
        let agreeing = match zeros_before {
            0 => run(b'0').max(run(b'9')),
            zeros => zeros + run(b'0'),
        };
        let (least, most) = AGREEING_DECIMALS;
        agreeing >= AGREEING_DIGITS.saturating_sub(whole).clamp(least, most)
    }

    /// The nearest whole number, half away from zero; `None` beyond 64 bits.
    pub(super) fn rounded(&self) -> Option<i64> {
        if self.digits.is_empty() || self.zeros >= 0 {
            return self.exact().ok();
        }
        let decimals = usize::try_from(self.zeros.unsigned_abs()).ok();
        let Some(point) = decimals.and_then(|it| self.digits.len().checked_sub(it)) else {
            // Less than a tenth.
            return Some(0);
        };
        let (whole, decimals) = self.digits.split_at(point);
        let whole: i128 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        let is_up = decimals
            .as_bytes()
            .first()
            .is_some_and(|digit| *digit >= b'5');
        self.signed(whole + i128::from(is_up))
    }

    fn signed(&self, number: i128) -> Option<i64> {
        let number = if self.is_negative { -number } else { number };
        i64::try_from(number).ok()
    }
}

fn length(digits: &str) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
