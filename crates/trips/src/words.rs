//! Numbers as people read them, with their nouns.

use std::fmt::{self, Display};

/// A number with commas between its thousands, such as `1,234,567` or `1,234.50`.
#[must_use]
pub fn grouped(number: impl Display) -> String {
    let text = number.to_string();
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = digits
        .find('.')
        .map_or((digits, ""), |dot| digits.split_at(dot));
    let mut grouped = String::from(sign);
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

/// A number with its noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted<'a> {
    count: u64,
    noun: &'a str,
}

/// A number with its noun in the singular: `1 block`, `2 blocks`. The alternate form, `{:#}`, has
/// commas between the thousands.
///
/// ```
/// use trips::words::counted;
///
/// assert_eq!(counted(1, "trip").to_string(), "1 trip");
/// assert_eq!(format!("{:#}", counted(1_200, "delivery")), "1,200 deliveries");
/// assert_eq!(counted(0, "row").with("is", "are"), "0 rows are");
/// ```
pub fn counted(count: impl TryInto<u64>, noun: &str) -> Counted<'_> {
    Counted {
        count: count.try_into().unwrap_or(u64::MAX),
        noun,
    }
}

impl Counted<'_> {
    /// The number, the noun, and one word for one or another for several.
    #[must_use]
    pub fn with(self, one: &str, several: &str) -> String {
        format!("{self} {}", if self.count == 1 { one } else { several })
    }
}

impl Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            f.write_str(&grouped(self.count))?;
        } else {
            write!(f, "{}", self.count)?;
        }
        match (self.count, self.noun.strip_suffix('y')) {
            (1, _) => write!(f, " {}", self.noun),
            (_, Some(stem)) if !stem.ends_with(['a', 'e', 'o', 'u']) => write!(f, " {stem}ies"),
            _ => write!(f, " {}s", self.noun),
        }
    }
}

#[cfg(test)]
mod tests;
