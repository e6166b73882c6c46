//! Parses `DATABASE_URL` and decides whether the connection needs TLS.

use std::net::IpAddr;
use std::path::PathBuf;

use ::url::form_urlencoded;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::login::Address;
use crate::error::StoreError;

const DEFAULT_PORT: u16 = 5432;

/// Where to connect. The configuration's `sslmode` is either `Disable` or `Require`.
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) root_certificates: RootCertificates,
}

impl Target {
    /// The servers, as an error names them: `host:port`.
    pub(super) fn address(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate();
        let shown = hosts.map(|(at, host)| {
            let port = ports.get(at).or(ports.first()).unwrap_or(&DEFAULT_PORT);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                #[cfg(unix)]
                Host::Unix(path) => path.display().to_string(),
            }
        });
        let shown: Vec<_> = shown.collect();
        if shown.is_empty() {
            let addresses = self.config.get_hostaddrs().iter();
            let addresses: Vec<_> = addresses.map(ToString::to_string).collect();
            return addresses.join(", ");
        }
        shown.join(", ")
    }
}

/// The URL's `sslrootcert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RootCertificates {
    NotGiven,
    /// `system`: the machine's.
    System,
    /// A file in PEM, instead of all others.
    File(PathBuf),
}

pub(super) fn parse(url: &str) -> Result<Target, StoreError> {
    let Target {
        mut config,
        root_certificates,
    } = read(url)?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(invalid("it has no host"));
    }
    let is_tls_requested = config.get_ssl_mode() == SslMode::Require;
    config.ssl_mode(if is_loopback(&config) && !is_tls_requested {
        SslMode::Disable
    } else {
        SslMode::Require
    });
    Ok(Target {
        config,
        root_certificates,
    })
}

fn read(url: &str) -> Result<Target, StoreError> {
    let url = unambiguous(url)?;
    let (url, root_certificates) = take_tls_options(&url)?;
    Ok(Target {
        config: url.parse().map_err(|_| blame(&url))?,
        root_certificates,
    })
}

/// Parses a URL whose address a secret names, in part or whole. The URL fills in the rest.
pub(super) fn parse_with_address(url: &str, address: &Address) -> Result<Target, StoreError> {
    if *address == Address::default() {
        return parse(url);
    }
    let given = read(url)?.config;
    let hosts = match address.host.as_deref() {
        Some(host) => vec![host_name(host)],
        None => given
            .get_hosts()
            .iter()
            .map(host_of)
            .collect::<Result<_, _>>()?,
    };
    let port = match (address.port, given.get_ports()) {
        (Some(port), _) => port,
        (None, [port, ..]) => *port,
        (None, []) => DEFAULT_PORT,
    };
    let servers: Vec<_> = hosts.iter().map(|host| format!("{host}:{port}")).collect();
    let database = address.database.as_deref().or(given.get_dbname());
    let options = unambiguous(url)?;
    let options = options.split_once('?').map_or("", |(_, options)| options);
    parse(&format!(
        "postgresql://{}/{}?{options}",
        servers.join(","),
        encode(database.unwrap_or_default())
    ))
}

fn host_of(host: &Host) -> Result<String, StoreError> {
    match host {
        Host::Tcp(name) => Ok(host_name(name)),
        Host::Unix(path) => path
            .to_str()
            .map(encode)
            .ok_or_else(|| invalid("its host or port cannot be read")),
    }
}

fn host_name(name: &str) -> String {
    if name.contains(':') {
        format!("[{name}]")
    } else {
        encode(name)
    }
}

/// Rewrites a URL so that the driver reads it as it was meant: without the driver that SQLAlchemy
/// names in the scheme, and with a password whose reserved characters are percent-encoded. Other
/// texts (`host=… user=…`) stay as they are.
fn unambiguous(url: &str) -> Result<String, StoreError> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Ok(url.to_owned());
    };
    let dialect = scheme
        .split_once('+')
        .map_or(scheme, |(dialect, _)| dialect);
    if !["postgres", "postgresql"]
        .iter()
        .any(|known| dialect.eq_ignore_ascii_case(known))
    {
        return Err(invalid("its scheme is not postgresql"));
    }
    let (login, server) = split_login(rest)?;
    Ok(format!("postgresql://{login}{server}"))
}

/// Splits `user:password@host/database` before the host. Returns the login encoded.
///
/// The password may hold an `@`, a `/` or a `?` as it is. So the login ends at the first `@` that
/// is followed by nothing but the address of a server.
fn split_login(rest: &str) -> Result<(String, &str), StoreError> {
    if !rest.contains('@') {
        return Ok((String::new(), rest));
    }
    let mut ends = rest.match_indices('@').map(|(at, _)| at);
    let Some(end) = ends.find(|at| is_server(&rest[at + 1..])) else {
        return Err(invalid(
            "what follows the password is not host:port/database?option=value; write reserved \
             characters of the password percent-encoded",
        ));
    };
    let login = &rest[..end];
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    let mut encoded = encode(user);
    if let Some(password) = password {
        encoded.push(':');
        encoded.push_str(&encode(password));
    }
    encoded.push('@');
    Ok((encoded, &rest[end + 1..]))
}

/// Percent-encodes what is not a plain character. What is encoded already stays so; a `%` that
/// begins no code stands for itself.
fn encode(text: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(text).collect();
    percent_encode(&decoded, NON_ALPHANUMERIC).to_string()
}

/// Whether a text is `host[:port][,…][/database][?option=value&…]`.
fn is_server(text: &str) -> bool {
    let (address, options) = match text.split_once('?') {
        Some((address, options)) => (address, Some(options)),
        None => (text, None),
    };
    let (hosts, database) = address.split_once('/').unwrap_or((address, ""));
    let is_host = |c: char| c.is_alphanumeric() || ".-_:,[]%".contains(c);
    let is_option = |pair: &str| {
        pair.split_once('=')
            .is_some_and(|(name, _)| is_option_name(name))
    };
    hosts.chars().all(is_host)
        && !database.contains(['@', '/'])
        && options.is_none_or(|options| options.is_empty() || options.split('&').all(is_option))
}

fn is_option_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

fn invalid(why: &str) -> StoreError {
    StoreError::InvalidUrl {
        setting: "DATABASE_URL",
        why: why.to_owned(),
    }
}

/// Options of the driver whose values may be malformed.
const OPTIONS: [&str; 9] = [
    "channel_binding",
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// Names the part of a URL that the driver refuses. Its own errors name none, and their sources may
/// contain values.
fn blame(url: &str) -> StoreError {
    let is_read = |url: &str| url.parse::<Config>().is_ok();
    let server = url.split_once("://").map_or(url, |(_, server)| server);
    let server = server.split_once('@').map_or(server, |(_, server)| server);
    let (address, options) = server.split_once('?').unwrap_or((server, ""));
    let hosts = address.split_once('/').map_or(address, |(hosts, _)| hosts);
    if !is_read(&format!("postgresql://{hosts}/")) {
        return invalid("its host or port cannot be read");
    }
    let is_bad =
        |pair: &&str| !pair.is_empty() && !is_read(&format!("postgresql://localhost/?{pair}"));
    let Some(bad) = options.split('&').find(is_bad) else {
        return invalid("it cannot be read");
    };
    let name = bad.split_once('=').map_or(bad, |(name, _)| name);
    if OPTIONS.contains(&name) {
        invalid(&format!("the value of its option {name} cannot be read"))
    } else {
        // A name that is not known may be a part of a password.
        invalid("one of its options after the `?` is not known")
    }
}

/// Removes TLS options of libpq that the driver does not know. Certificates are always verified, so
/// `verify-ca` and `verify-full` become `require`; and a host that is not on this machine always
/// needs TLS, so `allow` and `no-verify` say nothing.
fn take_tls_options(url: &str) -> Result<(String, RootCertificates), StoreError> {
    let Some((base, query)) = url.split_once('?').filter(|_| url.contains("://")) else {
        return Ok((url.to_owned(), RootCertificates::NotGiven));
    };
    let mut root_certificates = RootCertificates::NotGiven;
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match form_urlencoded::parse(pair.as_bytes()).next() {
            Some((key, path)) if key == "sslrootcert" => {
                root_certificates = if path == "system" {
                    RootCertificates::System
                } else {
                    RootCertificates::File(PathBuf::from(path.as_ref()))
                };
            }
            Some((key, mode)) if key == "sslmode" => match &*mode {
                "disable" | "prefer" | "require" => kept.push(pair),
                "verify-ca" | "verify-full" => kept.push("sslmode=require"),
                "allow" | "no-verify" => {}
                _ => {
                    return Err(invalid(
                        "its sslmode is not one of disable, allow, prefer, require, verify-ca and \
                         verify-full",
                    ));
                }
            },
            _ => kept.push(pair),
        }
    }
    Ok((format!("{base}?{}", kept.join("&")), root_certificates))
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
