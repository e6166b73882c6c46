use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::{is_needed, pem};

#[test]
fn built_in_authorities_are_for_a_machine_without_any() {
    assert!(is_needed(false, || true));
    assert!(!is_needed(false, || false));
}

#[test]
fn a_wrong_choice_of_authorities_does_not_widen_the_trust() {
    assert!(!is_needed(true, || true));
}

#[test]
fn a_certificate_as_text_is_the_same_certificate() {
    let der = CertificateDer::from((0..200).collect::<Vec<u8>>());
    let text = pem(&der);
    assert_eq!(
        CertificateDer::from_pem_slice(text.as_bytes()).unwrap(),
        der
    );
    assert!(text.lines().all(|line| line.len() <= 64), "{text}");
}
