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

#[rstest]
#[case("postgresql+psycopg2://u:p@localhost/d", "p")]
#[case("postgres+asyncpg://u:p@localhost/d", "p")]
#[case("PostgreSQL://u:p@localhost/d", "p")]
#[case(
    "postgresql://u:4k]-%hA|RI*[?j(-(l]{(@localhost/d?sslmode=verify-full",
    "4k]-%hA|RI*[?j(-(l]{("
)]
#[case("postgresql://u:a?b=c@localhost/d?sslrootcert=/x.pem", "a?b=c")]
#[case("postgresql://u:a#b/c%@localhost:5433/d", "a#b/c%")]
#[case("postgresql://u:a@b@localhost/d", "a@b")]
#[case("postgresql://u:a@b?c@localhost/d?connect_timeout=3", "a@b?c")]
#[case("postgresql://u:a%40b%25@localhost/d", "a@b%")]
#[case("postgresql://u:a:b@localhost/d", "a:b")]
#[case("postgresql://u:p@localhost/d?application_name=a@b", "p")]
#[case("postgresql://u:p@[::1]:5433,127.0.0.1/d?sslmode=allow", "p")]
#[case("postgresql://u:p@%2Frun%2Fpostgresql/d", "p")]
fn a_password_is_taken_as_it_is_written(#[case] url: &str, #[case] password: &str) {
    let config = parse(url).unwrap().config;
    assert_eq!(config.get_user(), Some("u"));
    assert_eq!(config.get_password(), Some(password.as_bytes()));
    assert_eq!(config.get_dbname(), Some("d"));
}

#[rstest]
#[case("allow", SslMode::Disable)]
#[case("prefer", SslMode::Disable)]
#[case("no-verify", SslMode::Disable)]
#[case("verify-full", SslMode::Require)]
fn every_mode_of_tls_is_known(#[case] mode: &str, #[case] on_loopback: SslMode) {
    let local = parse(&format!("postgresql://u:p@localhost/d?sslmode={mode}")).unwrap();
    assert_eq!(local.config.get_ssl_mode(), on_loopback);
    let remote = parse(&format!("postgresql://u:p@db.example.org/d?sslmode={mode}")).unwrap();
    assert_eq!(remote.config.get_ssl_mode(), SslMode::Require);
}

#[rstest]
#[case("mysql://u:CANARY@h/d", "scheme")]
#[case("postgresql://u:p@h/d?sslmode=CANARY", "sslmode")]
#[case("postgresql://u:CANARY@h:notaport/d", "port")]
#[case("postgresql://u:CANARY@h/d?color=CANARY", "one of its options")]
#[case("postgresql://u:CANARY@h/d?connect_timeout=CANARY", "connect_timeout")]
#[case("postgresql://u:CANARY@h h/d", "password")]
#[case("postgresql:///d", "host")]
fn the_part_that_is_wrong_is_named(#[case] url: &str, #[case] part: &str) {
    let error = parse(url).err().unwrap().to_string();
    assert!(error.contains(part) && !error.contains("CANARY"), "{error}");
}

#[test]
fn the_certificates_of_the_url_are_taken() {
    let url =
        "postgresql://u:p@h/d?sslmode=verify-ca&sslrootcert=%2Fetc%2Frds.pem&connect_timeout=3";
    let target = parse(url).unwrap();
    assert_eq!(
        target.root_certificates,
        RootCertificates::File(PathBuf::from("/etc/rds.pem"))
    );
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

#[test]
fn the_address_of_a_secret_wins_member_by_member_and_the_url_fills_in_the_rest() {
    let whole = Address {
        host: Some("db.example.org".to_owned()),
        port: Some(6432),
        database: Some("mobility?".to_owned()),
    };
    let host_alone = Address {
        host: Some("db.example.org".to_owned()),
        ..Address::default()
    };
    for (url, address, host, port, database) in [
        (
            "postgresql:///",
            &whole,
            "db.example.org",
            6432,
            "mobility?",
        ),
        (
            "postgres://u:p@other:1/x?sslrootcert=/etc/rds.pem",
            &whole,
            "db.example.org",
            6432,
            "mobility?",
        ),
        (
            "postgres://other:7777/x",
            &host_alone,
            "db.example.org",
            7777,
            "x",
        ),
        (
            "postgres://other/x",
            &host_alone,
            "db.example.org",
            5432,
            "x",
        ),
        (
            "postgres://other:7777/x",
            &Address::default(),
            "other",
            7777,
            "x",
        ),
    ] {
        let target = parse_with_address(url, address).unwrap();
        assert_eq!(
            target.config.get_hosts(),
            [Host::Tcp(host.to_owned())],
            "{url}"
        );
        assert_eq!(target.config.get_ports(), [port], "{url}");
        assert_eq!(target.config.get_dbname(), Some(database), "{url}");
        let is_given = url.contains("sslrootcert");
        assert_eq!(
            target.root_certificates != RootCertificates::NotGiven,
            is_given,
            "{url}"
        );
    }
    // A secret cannot lead the connection away from TLS.
    let away = parse_with_address("postgres://localhost/x", &whole).unwrap();
    assert_eq!(away.config.get_ssl_mode(), SslMode::Require);
}
