//! The HTTP client of the process.

use std::time::Duration;

use reqwest::redirect::Policy;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// The HTTP client. Create it once per process and share it: it holds the pool of connections.
///
/// TLS is rustls. Bodies compressed with gzip are decompressed. No redirect is followed: only the
/// caller knows where the credentials of its requests may go.
///
/// # Errors
///
/// The TLS library could not be set up.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("mds-etl/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .gzip(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
}
