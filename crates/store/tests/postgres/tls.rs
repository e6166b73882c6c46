//! TLS to a server whose certificate is signed by an authority of the test.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sandbox_postgres::Cluster;
use secrecy::SecretString;
use store::{Authorities, Store, StoreError, StoreOptions};
use tokio::time::sleep;

use crate::fixture::{ping, sql};

/// Creates an authority, and a server's certificate for `127.0.0.1` with its key, all as PEM.
fn certificates() -> (String, String, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    (authority_pem, server.pem(), key.serialize_pem())
}

/// Writes a file that belongs to the server's user. The server reads its key only if nobody else
/// can read it.
fn write_for_server(path: &Path, content: &str, data: &Path) {
    fs::write(path, content).unwrap();
    let owner = fs::metadata(data).unwrap();
    chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn connect(url: &str, authorities: Option<&str>) -> Store {
    let options = StoreOptions {
        authorities: authorities.map(|pem| Authorities::from_pem("DATABASE_CA", pem).unwrap()),
        ..StoreOptions::default()
    };
    let separator = if url.contains('?') { '&' } else { '?' };
    Store::connect(
        &SecretString::from(format!("{url}{separator}sslmode=verify-full")),
        &options,
    )
    .unwrap()
}

#[tokio::test]
async fn the_server_needs_a_trusted_certificate() {
    let cluster = Cluster::start().await.unwrap();
    let url = cluster.create_database().await.unwrap();

    let error = ping(&connect(&url, None)).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Refused(_)),
        "no TLS at all: {error}"
    );

    let (authority, certificate, key) = certificates();
    let data = cluster.folder().join("data");
    write_for_server(&data.join("server.crt"), &certificate, &data);
    write_for_server(&data.join("server.key"), &key, &data);
    let sql = sql(&url).await;
    sql.batch_execute("ALTER SYSTEM SET ssl = on")
        .await
        .unwrap();
    sql.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    sleep(Duration::from_millis(300)).await;

    let error = ping(&connect(&url, None)).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Refused(_)),
        "an unknown authority: {error}"
    );
    let message = error.to_string();
    assert!(
        message.contains("certificate") && message.contains("DATABASE_CA"),
        "{error}"
    );

    let store = connect(&url, Some(&authority));
    ping(&store).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle.pem");
    fs::write(&bundle, &authority).unwrap();
    let with_file = format!("{url}?sslrootcert={}", bundle.display());
    ping(&connect(&with_file, None)).await.unwrap();
    // Other authorities are trusted instead of these, not in addition.
    let (others, _, _) = certificates();
    let error = ping(&connect(&with_file, Some(&others))).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    let encrypted = sql
        .query_one("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'mds-etl'", &[])
        .await
        .unwrap();
    assert!(encrypted.get::<_, bool>(0));

    let other_name = url.replace("127.0.0.1", "localhost");
    let error = ping(&connect(&other_name, Some(&authority)))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Refused(_)),
        "another host's certificate: {error}"
    );
}
