//! TLS to the server, and the certificate authorities that are trusted.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::StoreError;

mod authorities;

pub use authorities::Authorities;

/// The authorities of Amazon RDS, which no machine has in its store.
const RDS_BUNDLE: &str = include_str!("../../certs/rds-global-bundle.pem");

/// Whose certificates are trusted.
pub(super) enum Trust<'a> {
    /// The machine's authorities and those of Amazon RDS.
    BuiltIn,
    /// The machine's authorities alone.
    Machine,
    /// These instead of all others.
    Only(&'a Authorities),
    /// Those of a file instead of all others, as libpq reads `sslrootcert`.
    File(PathBuf),
}

pub(super) fn connector(trust: &Trust<'_>) -> Result<MakeRustlsConnect, StoreError> {
    // Names the provider, because the process's default depends on which crate sets it first.
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| StoreError::Tls { why: e.to_string() })?
        .with_root_certificates(trusted(trust)?)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn trusted(trust: &Trust<'_>) -> Result<RootCertStore, StoreError> {
    let mut trusted = RootCertStore::empty();
    match trust {
        Trust::Only(authorities) => authorities.add_to(&mut trusted)?,
        Trust::File(path) => Authorities::from_file(path)?.add_to(&mut trusted)?,
        Trust::BuiltIn | Trust::Machine => {
            trusted.add_parsable_certificates(roots::load());
        }
    }
    if matches!(trust, Trust::BuiltIn) {
        Authorities::from_pem("the built-in authorities of Amazon RDS", RDS_BUNDLE)?
            .add_to(&mut trusted)?;
    }
    if trusted.is_empty() {
        return Err(StoreError::NoCertificates);
    }
    Ok(trusted)
}

#[cfg(test)]
mod tests;
