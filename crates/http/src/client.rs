//! The HTTP client of the process.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{NoProxy, Proxy};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// The HTTP client. Create it once per process and share it: it holds the pool of connections.
///
/// TLS is rustls with the authorities of [`roots`]. Bodies compressed with gzip are decompressed.
/// No redirect is followed: only the caller knows where the credentials of its requests may go.
///
/// A proxy of the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) is used for https alone.
/// Plain http goes to this machine only, and a proxy would see the credentials.
///
/// # Errors
///
/// The TLS library could not be set up, or the proxy's address is not a URL.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    client_with(|name| std::env::var(name).ok())
}

/// As [`client`], with other variables than those of the process.
pub(crate) fn client_with(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder = reqwest::Client::builder().no_proxy();
    if let Some(proxy) = proxy(variable)? {
        builder = builder.proxy(proxy);
    }
    if let Some(authorities) = roots::built_in() {
        let authorities: Result<Vec<_>, _> = authorities
            .iter()
            .map(|der| reqwest::Certificate::from_der(der))
            .collect();
        builder = builder.tls_certs_only(authorities?);
    }
    builder
        .user_agent(concat!("mds-etl/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .gzip(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
}

/// The variables that name a proxy for https, the first of which counts.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// Hosts that no proxy reaches, in addition to those of the environment.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

fn proxy(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, reqwest::Error> {
    let first = |names: &[&str]| {
        let values = names.iter().filter_map(|name| variable(name));
        values
            .map(|value| value.trim().to_owned())
            .find(|value| !value.is_empty())
    };
    let Some(address) = first(&PROXY_VARIABLES) else {
        return Ok(None);
    };
    let exempt = match first(&NO_PROXY_VARIABLES) {
        Some(hosts) => format!("{hosts},{LOOPBACK}"),
        None => LOOPBACK.to_owned(),
    };
    let proxy = Proxy::https(address)?;
    Ok(Some(proxy.no_proxy(NoProxy::from_string(&exempt))))
}

#[cfg(test)]
mod tests;
