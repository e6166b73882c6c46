//! TLS to the server: the trusted certificates are the machine's and those of an optional file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::StoreError;

pub(super) fn connector(ca_bundle: Option<&PathBuf>) -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_bundle {
        add_bundle(&mut roots, path)?;
    }
    if roots.is_empty() {
        return Err(StoreError::NoCertificates);
    }
    // Names the provider, because the process's default depends on which crate sets it first.
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| StoreError::Tls { why: e.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn add_bundle(roots: &mut RootCertStore, path: &Path) -> Result<(), StoreError> {
    let unusable = |why: String| StoreError::CaBundle {
        path: path.to_owned(),
        why,
    };
    let count_before = roots.len();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| unusable(e.to_string()))? {
        let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
        roots
            .add(certificate)
            .map_err(|e| unusable(e.to_string()))?;
    }
    if roots.len() == count_before {
        return Err(unusable("holds no certificate".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
