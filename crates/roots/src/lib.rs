//! The certificate authorities that TLS trusts.
//!
//! They are those of the machine, or of the file or folder that `SSL_CERT_FILE` or `SSL_CERT_DIR`
//! names. An image that holds nothing but the binary has none. There, and only there, Mozilla's
//! authorities are trusted, which are built in with the feature `built-in`.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;

/// Variables by which somebody chooses the authorities. A mistake in them must not widen the trust.
const CHOICES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
const PEM_LINE: usize = 64;

/// The authorities to trust. Empty if there are none at all.
#[must_use]
pub fn load() -> Vec<CertificateDer<'static>> {
    match built_in() {
        Some(built_in) => built_in.to_vec(),
        None => rustls_native_certs::load_native_certs().certs,
    }
}

/// The built-in authorities, if they take the place of the machine's. Found out once for a process.
#[must_use]
pub fn built_in() -> Option<&'static [CertificateDer<'static>]> {
    static IS_NEEDED: OnceLock<bool> = OnceLock::new();
    let mozilla = mozilla()?;
    let is_needed = *IS_NEEDED.get_or_init(|| {
        let is_chosen = CHOICES.iter().any(|name| std::env::var_os(name).is_some());
        is_needed(is_chosen, || {
            rustls_native_certs::load_native_certs().certs.is_empty()
        })
    });
    is_needed.then_some(mozilla)
}

fn is_needed(is_chosen: bool, machine_has_none: impl FnOnce() -> bool) -> bool {
    !is_chosen && machine_has_none()
}

/// A certificate as text.
#[must_use]
pub fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(certificate);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for (place, character) in text.chars().enumerate() {
        if place > 0 && place.is_multiple_of(PEM_LINE) {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

#[cfg(feature = "built-in")]
fn mozilla() -> Option<&'static [CertificateDer<'static>]> {
    Some(webpki_root_certs::TLS_SERVER_ROOT_CERTS)
}

#[cfg(not(feature = "built-in"))]
fn mozilla() -> Option<&'static [CertificateDer<'static>]> {
    None
}

#[cfg(test)]
mod tests;
