//! Parses `DATABASE_URL` and decides whether the connection needs TLS.

use std::net::IpAddr;
use std::path::PathBuf;

use ::url::form_urlencoded;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::error::StoreError;

/// Where to connect. The configuration's `sslmode` is either `Disable` or `Require`.
pub(super) struct Target {
    pub(super) config: Config,
    /// The URL's `sslrootcert`.
    pub(super) ca_bundle: Option<PathBuf>,
}

pub(super) fn parse(url: &str) -> Result<Target, StoreError> {
    let (url, ca_bundle) = take_tls_options(url);
    let mut config: Config = url.parse().map_err(invalid_url)?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(StoreError::InvalidUrl {
            why: "it has no host".to_owned(),
        });
    }
    let is_tls_requested = config.get_ssl_mode() == SslMode::Require;
    config.ssl_mode(if is_loopback(&config) && !is_tls_requested {
        SslMode::Disable
    } else {
        SslMode::Require
    });
    Ok(Target { config, ca_bundle })
}

/// Keeps only the driver's own message, which at most names an option. The source errors below it
/// may contain values.
#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function for map_err"
)]
fn invalid_url(error: tokio_postgres::Error) -> StoreError {
    StoreError::InvalidUrl {
        why: error.to_string(),
    }
}

/// Removes TLS options of libpq that the driver does not know. Certificates are always verified, so
/// `verify-ca` and `verify-full` become `require`.
fn take_tls_options(url: &str) -> (String, Option<PathBuf>) {
    let Some((base, query)) = url.split_once('?').filter(|_| url.contains("://")) else {
        return (url.to_owned(), None);
    };
    let mut ca_bundle = None;
    let mut kept = Vec::new();
    for pair in query.split('&') {
        match form_urlencoded::parse(pair.as_bytes()).next() {
            Some((key, path)) if key == "sslrootcert" => {
                ca_bundle = (path != "system").then(|| PathBuf::from(path.as_ref()));
            }
            Some((key, mode)) if key == "sslmode" && mode.starts_with("verify-") => {
                kept.push("sslmode=require");
            }
            _ => kept.push(pair),
        }
    }
    (format!("{base}?{}", kept.join("&")), ca_bundle)
}

fn is_loopback(config: &Config) -> bool {
    let hosts = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
        Host::Unix(_) => true,
    });
    // The driver connects to `hostaddr` where it is given, whatever the host's name.
    hosts && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

#[cfg(test)]
mod tests;
