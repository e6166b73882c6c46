use std::path::Path;

use super::*;

#[test]
fn a_bundle_that_is_missing_or_empty_is_named() {
    let missing = connector(&Trust::File("no/such/bundle.pem".into())).err();
    assert!(missing.unwrap().to_string().contains("no/such/bundle.pem"));
    let no_pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let empty = connector(&Trust::File(no_pem)).err();
    assert!(empty.unwrap().to_string().contains("no certificate"));
}

#[test]
fn every_authority_of_amazon_rds_that_is_built_in_can_be_trusted() {
    let mut roots = RootCertStore::empty();
    let authorities = Authorities::from_pem("RDS", RDS_BUNDLE).unwrap();
    authorities.add_to(&mut roots).unwrap();
    assert_eq!(roots.len(), RDS_BUNDLE.matches("BEGIN CERTIFICATE").count());
    assert!(roots.len() >= 80, "{}", roots.len());
    for kind in ["RSA2048", "RSA4096", "ECC384"] {
        let name = format!("Amazon RDS us-east-1 Root CA {kind} G1");
        assert!(RDS_BUNDLE.contains(&name), "{name}");
    }
}

#[test]
fn own_authorities_replace_those_of_the_machine_and_of_amazon_rds() {
    let built_in = trusted(&Trust::BuiltIn).unwrap();
    let rds = Authorities::from_pem("RDS", RDS_BUNDLE).unwrap();
    let only = trusted(&Trust::Only(&rds)).unwrap();
    assert_eq!(only.len(), RDS_BUNDLE.matches("BEGIN CERTIFICATE").count());
    assert!(built_in.len() >= only.len());
}
