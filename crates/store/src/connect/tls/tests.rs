use super::*;

#[test]
fn a_bundle_that_is_missing_or_empty_is_named() {
    let missing = connector(Some(&PathBuf::from("no/such/bundle.pem"))).err();
    assert!(missing.unwrap().to_string().contains("no/such/bundle.pem"));
    let no_pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let empty = connector(Some(&no_pem)).err();
    assert!(empty.unwrap().to_string().contains("no certificate"));
}
