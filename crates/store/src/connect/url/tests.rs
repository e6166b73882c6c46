use rstest::rstest;

use super::*;

#[rstest]
#[case("postgresql://u:p@localhost/d", SslMode::Disable)]
#[case("postgresql://u:p@127.0.0.1:5433/d", SslMode::Disable)]
#[case("postgresql://u:p@[::1]/d", SslMode::Disable)]
#[case("host=/run/postgresql user=u", SslMode::Disable)]
#[case("postgresql://u:p@localhost/d?sslmode=require", SslMode::Require)]
#[case("postgresql://u:p@db.example.org/d", SslMode::Require)]
#[case("postgresql://u:p@db.example.org/d?sslmode=disable", SslMode::Require)]
#[case(
    "postgresql://u:p@db.example.org/d?sslmode=verify-full",
    SslMode::Require
)]
#[case("postgresql://u:p@localhost,db.example.org/d", SslMode::Require)]
#[case("host=localhost hostaddr=10.0.0.1 user=u", SslMode::Require)]
fn tls_is_off_on_loopback_only(#[case] url: &str, #[case] mode: SslMode) {
    assert_eq!(parse(url).unwrap().config.get_ssl_mode(), mode);
}

#[test]
fn the_certificates_of_the_url_are_taken() {
    let url =
        "postgresql://u:p@h/d?sslmode=verify-ca&sslrootcert=%2Fetc%2Frds.pem&connect_timeout=3";
    let target = parse(url).unwrap();
    assert_eq!(target.ca_bundle, Some(PathBuf::from("/etc/rds.pem")));
}

#[rstest]
#[case("mysql://u:CANARY@h/d")]
#[case("postgresql://u:CANARY@h:notaport/d")]
#[case("postgresql://u:CANARY@h/d?color=CANARY")]
#[case("CANARY")]
#[case("user=u password=CANARY")]
fn a_bad_url_is_refused_without_showing_it(#[case] url: &str) {
    let error = parse(url).err().unwrap();
    assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
}
