//! Where credentials may go.

use url::{Host, Url};

/// Whether credentials may be sent to `url`: over TLS, or to this machine itself.
#[must_use]
pub fn is_secure(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether both URLs have the same scheme, host and port.
#[must_use]
pub fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host() == b.host()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// The URL without user name, password and fragment. The first two would replace the credentials in
/// the headers.
#[must_use]
pub fn without_credentials(mut url: Url) -> Url {
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url
}

/// The host, for messages: the rest of a URL may hold secrets.
#[must_use]
pub fn host(url: &Url) -> &str {
    url.host_str().unwrap_or("(no host)")
}

#[cfg(test)]
mod tests;
