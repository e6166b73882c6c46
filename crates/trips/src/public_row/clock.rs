//! The form of a time in a published row.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};

/// The form, with a 0 for each digit.
const FORM: [u8; 19] = *b"0000-00-00T00:00:00";

/// A date and time to the second, without an offset: `2020-02-11T15:08:25`. The years of trips have
/// four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock(pub(super) NaiveDateTime);

impl Clock {
    /// Digit by digit: a row has five of them, and `write!` would take as long as the rest of the
    /// row.
    fn text(self) -> [u8; 19] {
        let mut text = FORM;
        let mut put = |last: usize, digits: usize, number: u32| {
            let mut rest = number;
            for place in (0..digits).map(|digit| last - digit) {
                text[place] += u8::try_from(rest % 10).unwrap_or_default();
                rest /= 10;
            }
        };
        let (date, time) = (self.0.date(), self.0.time());
        put(3, 4, date.year().unsigned_abs());
        put(6, 2, date.month());
        put(9, 2, date.day());
        put(12, 2, time.hour());
        put(15, 2, time.minute());
        put(18, 2, time.second());
        text
    }

    /// Whether the form can show the time: its year has at most four digits.
    pub(super) fn has_form(self) -> bool {
        (0..=9999).contains(&self.0.year())
    }

    /// Reads this form and no other. `None` also for a date that no calendar has.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text: &[u8; 19] = text.as_bytes().try_into().ok()?;
        let has_form = FORM.iter().zip(text).all(|(form, byte)| match form {
            b'0' => byte.is_ascii_digit(),
            separator => byte == separator,
        });
        let number = |places: std::ops::Range<usize>| {
            let digits = text[places].iter();
            digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
        };
        if !has_form {
            return None;
        }
        let year = i32::try_from(number(0..4)).ok()?;
        NaiveDate::from_ymd_opt(year, number(5..7), number(8..10))?
            .and_hms_opt(number(11..13), number(14..16), number(17..19))
            .map(Self)
    }
}

impl Serialize for Clock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text();
        let text = str::from_utf8(&text).map_err(S::Error::custom)?;
        serializer.serialize_str(text)
    }
}
