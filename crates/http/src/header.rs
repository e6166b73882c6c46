//! Header values that hold secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderValue, InvalidHeaderValue};

/// A header value that `Debug` does not show and that HTTP/2 does not put into its tables.
///
/// # Errors
///
/// The text has characters that no header can carry. The error does not repeat it.
pub fn sensitive(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The `Authorization` of HTTP Basic authentication.
///
/// # Errors
///
/// As [`sensitive`].
pub fn basic(user: &str, password: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let pair = STANDARD.encode(format!("{user}:{password}"));
    sensitive(&format!("Basic {pair}"))
}

/// The `Authorization` of a bearer token. Space around the token is cut off.
///
/// # Errors
///
/// As [`sensitive`].
pub fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    sensitive(&format!("Bearer {}", token.trim()))
}

#[cfg(test)]
mod tests;
