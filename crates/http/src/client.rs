//! The HTTP client of the process.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{NoProxy, Proxy};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Why there is no HTTP client. Never says a variable's value: a proxy's address may have a login.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A variable should lead to a proxy.
    #[error(
        "{variable} is not the address of a proxy, such as http://proxy.example.gov:3128; correct the variable, or \
         remove it"
    )]
    Proxy {
        /// The variable.
        variable: &'static str,
    },
    /// Variables should lead to certificate authorities.
    #[error(
        "{variables} should lead to certificate authorities in PEM, and none can be read there; correct or remove it"
    )]
    Authorities {
        /// The variables.
        variables: String,
    },
    /// Something of the machine itself.
    #[error(
        "this machine's HTTP client cannot be built: {cause}; install its certificate authorities (ca-certificates)"
    )]
    Machine {
        /// The library's words.
        cause: String,
    },
}

/// The HTTP client. Create it once per process and share it: it holds the pool of connections.
///
/// TLS is rustls with the authorities of [`roots`]. Requests accept bodies compressed with gzip,
/// which [`Chunks`](crate::Chunks) decompresses.
/// No redirect is followed: only the caller knows where the credentials of its requests may go.
///
/// A proxy of the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) is used for https alone.
/// Plain http goes to this machine only, and a proxy would see the credentials.
///
/// # Errors
///
/// [`ClientError`]: the proxy's address is not a URL, or there are no certificate authorities.
pub fn client() -> Result<reqwest::Client, ClientError> {
    client_with(|name| std::env::var(name).ok())
}

/// As [`client`], with other variables than those of the process.
pub(crate) fn client_with(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<reqwest::Client, ClientError> {
    let mut builder = reqwest::Client::builder().no_proxy();
    if let Some(proxy) = proxy(&variable)? {
        builder = builder.proxy(proxy);
    }
    let chosen = AUTHORITY_VARIABLES.map(|name| variable(name).map(|_| name));
    let unusable = |error| without_authorities(&chosen, &error);
    if let Some(authorities) = roots::built_in() {
        let authorities: Result<Vec<_>, _> = authorities
            .iter()
            .map(|der| reqwest::Certificate::from_der(der))
            .collect();
        builder = builder.tls_certs_only(authorities.map_err(unusable)?);
    }
    builder
        .user_agent(concat!("mds-etl/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .default_headers(accepted())
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
        .map_err(unusable)
}

fn accepted() -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))])
}

/// The error of a client for which nothing but authorities can be missing.
fn without_authorities(chosen: &[Option<&str>], error: &reqwest::Error) -> ClientError {
    let variables: Vec<&str> = chosen.iter().copied().flatten().collect();
    if !variables.is_empty() {
        let variables = variables.join(" or ");
        return ClientError::Authorities { variables };
    }
    // The library's own sentence says only that the builder failed.
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    ClientError::Machine {
        cause: cause.to_string(),
    }
}

/// The variables that name a file or folder of authorities instead of the machine's.
const AUTHORITY_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The variables that name a proxy for https, the first of which counts.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// Hosts that no proxy reaches, in addition to those of the environment.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

fn proxy(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, ClientError> {
    let first = |names: &[&'static str]| {
        let mut values = names.iter().filter_map(|name| {
            let value = variable(name)?.trim().to_owned();
            (!value.is_empty()).then_some((*name, value))
        });
        values.next()
    };
    let Some((variable, address)) = first(&PROXY_VARIABLES) else {
        return Ok(None);
    };
    let exempt = match first(&NO_PROXY_VARIABLES) {
        Some((_, hosts)) => format!("{hosts},{LOOPBACK}"),
        None => LOOPBACK.to_owned(),
    };
    let proxy = Proxy::https(address).map_err(|_| ClientError::Proxy { variable })?;
    Ok(Some(proxy.no_proxy(NoProxy::from_string(&exempt))))
}

#[cfg(test)]
mod tests;
