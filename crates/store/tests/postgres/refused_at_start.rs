//! Servers that end a connection while it is opened, for reasons of their own.

use std::path::Path;

use rstest::rstest;
use sandbox_postgres::Cluster;
use secrecy::SecretString;
use store::{Store, StoreError, StoreOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::fixture::{open, ping, sql};

/// The fields of an error as a server sends them: a letter and a text each.
type Fields<'a> = &'a [(char, &'a str)];

/// A server that answers every start of a connection with this error.
async fn refusing(fields: Fields<'_>) -> Store {
    let mut body = Vec::new();
    for (letter, text) in fields {
        body.extend([u8::try_from(*letter).unwrap()]);
        body.extend(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap();
    let message = [b"E", &length.to_be_bytes()[..], &body].concat();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut start = [0; 1024];
            let _ = socket.read(&mut start).await;
            let _ = socket.write_all(&message).await;
        }
    });
    let url = SecretString::from(format!("postgresql://mds:canary@{address}/mds"));
    Store::connect(&url, &StoreOptions::default()).unwrap()
}

async fn error_of(store: &Store) -> StoreError {
    ping(store).await.unwrap_err()
}

#[rstest]
#[case("XX000", "could not write init file")]
#[case("53100", "could not write lock file: No space left on device")]
#[case("58030", "could not read file \"global/pg_control\": I/O error")]
#[case("57P03", "the database system is in recovery mode")]
#[tokio::test]
async fn the_trouble_of_a_server_is_told_in_its_own_words(#[case] code: &str, #[case] text: &str) {
    let fields = [('S', "FATAL"), ('V', "FATAL"), ('C', code), ('M', text)];
    let error = error_of(&refusing(&fields).await).await;
    let message = error.to_string();
    assert!(matches!(error, StoreError::Unavailable(_)), "{message}");
    assert!(
        message.contains(text) && message.contains(code),
        "{message}"
    );
    assert!(!message.contains("canary"), "{message}");
}

/// The text of a function, of a statement or of a login may hold anything.
#[rstest]
#[case(&[('S', "FATAL"), ('V', "FATAL"), ('C', "XX000"), ('M', "canary"), ('W', "PL/pgSQL function f() line 1")])]
#[case(&[('S', "ERROR"), ('V', "ERROR"), ('C', "XX000"), ('M', "canary")])]
#[case(&[('S', "FATAL"), ('V', "FATAL"), ('C', "28P01"), ('M', "canary")])]
#[case(&[('S', "FATAL"), ('V', "FATAL"), ('C', "22023"), ('M', "canary")])]
#[tokio::test]
async fn a_text_that_may_hold_anything_is_left_out(#[case] fields: Fields<'_>) {
    let message = error_of(&refusing(fields).await).await.to_string();
    assert!(!message.contains("canary"), "{message}");
}

#[tokio::test]
async fn a_long_text_is_cut_and_stays_on_one_line() {
    let text = format!("could not\nopen \u{1b}[31m{}", "file ".repeat(200));
    let fields = [
        ('S', "FATAL"),
        ('V', "FATAL"),
        ('C', "58P01"),
        ('M', &*text),
    ];
    let message = error_of(&refusing(&fields).await).await.to_string();
    assert!(message.contains("could not open"), "{message}");
    assert!(message.len() < 500, "{message}");
    assert!(!message.contains(char::is_control), "{message:?}");
}

#[tokio::test]
async fn a_database_whose_files_are_gone_is_not_a_defect_of_this_program() {
    let cluster = Cluster::shared().await.unwrap();
    let url = cluster.create_database().await.unwrap();
    let client = sql(&url).await;
    let folder = "SELECT current_setting('data_directory') || '/base/' || oid FROM pg_database
                  WHERE datname = current_database()";
    let folder: String = client.query_one(folder, &[]).await.unwrap().get(0);
    std::fs::remove_file(Path::new(&folder).join("pg_filenode.map")).unwrap();
    let error = error_of(&open(&url, 2)).await;
    let message = error.to_string();
    assert!(matches!(error, StoreError::Unavailable(_)), "{message}");
    assert!(message.contains("pg_filenode.map"), "{message}");
}

#[tokio::test]
async fn a_database_that_takes_no_connections_is_not_available() {
    let cluster = Cluster::shared().await.unwrap();
    let url = cluster.create_database().await.unwrap();
    let other = sql(&cluster.create_database().await.unwrap()).await;
    let name = url.rsplit('/').next().unwrap();
    let statement = format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false");
    other.batch_execute(&statement).await.unwrap();
    let error = error_of(&open(&url, 2)).await;
    let message = error.to_string();
    assert!(matches!(error, StoreError::Unavailable(_)), "{message}");
    assert!(
        message.contains("not currently accepting connections"),
        "{message}"
    );
}
