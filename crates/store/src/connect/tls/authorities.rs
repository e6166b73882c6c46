//! Certificate authorities in PEM.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::DateTime;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::error::StoreError;

/// Certificate authorities that are trusted for the database instead of the built-in ones. At least
/// one of them is valid today.
#[derive(Debug, Clone)]
pub struct Authorities {
    /// Where they come from, for messages.
    source: String,
    valid: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Reads certificates in PEM. `source` names them in messages, such as a setting.
    ///
    /// Expired certificates are left out, with a warning: the TLS library itself does not look at
    /// the date of an authority.
    ///
    /// # Errors
    ///
    /// [`StoreError::Authorities`]: the text holds no certificate, one that cannot be read, or only
    /// expired ones.
    pub fn from_pem(source: impl Into<String>, pem: &str) -> Result<Self, StoreError> {
        Self::at(source.into(), pem, SystemTime::now())
    }

    pub(super) fn from_file(path: &Path) -> Result<Self, StoreError> {
        let source = format!("sslrootcert {}", path.display());
        match fs::read_to_string(path) {
            Ok(pem) => Self::from_pem(source, &pem),
            Err(error) => Err(unusable(&source, error.to_string())),
        }
    }

    fn at(source: String, pem: &str, now: SystemTime) -> Result<Self, StoreError> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut valid = Vec::new();
        let mut last_end = None;
        let mut expired = 0_usize;
        for (index, certificate) in CertificateDer::pem_slice_iter(pem.as_bytes()).enumerate() {
            let unreadable = |why: String| {
                unusable(
                    &source,
                    format!("its certificate {} cannot be read: {why}", index + 1),
                )
            };
            let certificate = certificate.map_err(|e| unreadable(e.to_string()))?;
            let end = end_of(&certificate).map_err(unreadable)?;
            if end > now {
                valid.push(certificate);
            } else {
                expired += 1;
                last_end = last_end.max(Some(end));
            }
        }
        match (last_end, valid.is_empty()) {
            (None, true) => Err(unusable(&source, "holds no certificate".to_owned())),
            (Some(end), true) => Err(unusable(
                &source,
                format!(
                    "all its certificates have expired, the last one on {}",
                    day(end)
                ),
            )),
            (Some(_), false) => {
                tracing::warn!(
                    certificates.source = source,
                    certificates.expired = expired,
                    "expired certificates of authorities for the database are left out"
                );
                Ok(Self { source, valid })
            }
            (None, false) => Ok(Self { source, valid }),
        }
    }

    pub(super) fn add_to(&self, roots: &mut RootCertStore) -> Result<(), StoreError> {
        for certificate in &self.valid {
            roots
                .add(certificate.clone())
                .map_err(|e| unusable(&self.source, e.to_string()))?;
        }
        Ok(())
    }
}

/// Since 1970.
fn end_of(certificate: &CertificateDer<'_>) -> Result<Duration, String> {
    let certificate = Certificate::from_der(certificate).map_err(|e| e.to_string())?;
    let end = certificate.tbs_certificate.validity.not_after;
    Ok(end.to_unix_duration())
}

fn day(since_1970: Duration) -> String {
    i64::try_from(since_1970.as_secs())
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map_or_else(String::new, |time| time.format("%Y-%m-%d").to_string())
}

fn unusable(source: &str, why: String) -> StoreError {
    StoreError::Authorities {
        source_name: source.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests;
