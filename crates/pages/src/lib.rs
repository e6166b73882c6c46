#![doc = include_str!("../README.md")]

mod status;
mod trips;

use ::trips::time::Month;
use ::trips::words::{counted, grouped};

pub use self::status::status;
pub use self::trips::trips;

/// `1,234 rows`, for a template.
fn several(count: &(impl Copy + TryInto<u64>), noun: &str) -> String {
    format!("{:#}", counted(*count, noun))
}

/// `24 hours are`, for a template.
fn several_are(count: &(impl Copy + TryInto<u64>), noun: &str) -> String {
    counted(*count, noun).with("is", "are")
}

/// A page could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the page could not be written: {0}")]
pub struct PageError(#[from] askama::Error);

/// A month in words, such as `March 2020`.
#[must_use]
pub fn month_name(month: Month) -> String {
    month.first_day().format("%B %Y").to_string()
}
