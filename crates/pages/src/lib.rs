#![doc = include_str!("../README.md")]

mod numbers;
mod status;
mod trips;

use ::trips::time::Month;

pub use self::numbers::grouped;
pub use self::status::status;
pub use self::trips::trips;

/// A page could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the page could not be written: {0}")]
pub struct PageError(#[from] askama::Error);

/// A month in words, such as `March 2020`.
#[must_use]
pub fn month_name(month: Month) -> String {
    month.first_day().format("%B %Y").to_string()
}
