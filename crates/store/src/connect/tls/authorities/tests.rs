use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

use super::*;

fn authority(last_year: i32) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(last_year, 3, 31);
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
}

fn message(pem: &str) -> String {
    Authorities::from_pem("DATABASE_CA", pem)
        .unwrap_err()
        .to_string()
}

#[test]
fn an_authority_that_is_valid_counts_and_one_that_has_expired_does_not() {
    let both = format!("{}{}", authority(2010), authority(2099));
    assert_eq!(
        Authorities::from_pem("DATABASE_CA", &both)
            .unwrap()
            .valid
            .len(),
        1
    );
    let error = message(&authority(2010));
    assert!(
        error.contains("DATABASE_CA") && error.contains("expired") && error.contains("2010-03-31"),
        "{error}"
    );
}

#[test]
fn a_text_without_a_usable_certificate_is_refused_without_being_shown() {
    let damaged = authority(2099).replacen("MII", "canary", 1);
    for (pem, word) in [
        ("canary", "no certificate"),
        ("", "no certificate"),
        (damaged.as_str(), "certificate 1 cannot be read"),
        (
            "-----BEGIN CERTIFICATE-----\ncanary!\n-----END CERTIFICATE-----\n",
            "certificate 1 cannot be read",
        ),
    ] {
        let error = message(pem);
        assert!(
            error.contains("DATABASE_CA") && error.contains(word),
            "{error}"
        );
        assert!(!error.contains("canary"), "{error}");
    }
}
