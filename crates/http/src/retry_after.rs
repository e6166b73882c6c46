//! The `Retry-After` header.

use std::num::IntErrorKind;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Longer waits are a mistake. A sum of this one and an instant cannot overflow.
const MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// The wait that `Retry-After` requests, given in seconds or as a date, at most a year. Zero for a
/// date that has passed; `None` if there is no such header or it cannot be read.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => MAX,
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            date.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(MAX))
}

#[cfg(test)]
mod tests;
