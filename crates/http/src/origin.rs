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

/// `url` over TLS, if it names the host and the port of `origin`, which is over TLS, but plain
/// http. Servers behind a TLS terminator write such links. They do not know that they are reached
/// over TLS, and nothing is ever sent to them in the clear.
#[must_use]
pub fn over_tls_as(origin: &Url, mut url: Url) -> Url {
    let has_same_port = (url.port().is_none() && origin.port().is_none())
        || url.port_or_known_default() == origin.port_or_known_default();
    if origin.scheme() == "https"
        && url.scheme() == "http"
        && url.host() == origin.host()
        && has_same_port
    {
        let _ = url.set_scheme("https");
    }
    url
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
