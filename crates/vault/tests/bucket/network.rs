//! What the client does when S3 fails, against a server that plays a script: one response to each
//! connection.

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use vault::{
    AwsOptions, Compression, FernetKeys, ObjectVersion, Seal, Vault, VaultError, s3_client,
};

const WHOLE: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nETag: \"a\"\r\nConnection: close\r\n\r\n{\"a\": 12}";
const INCOMPLETE: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nETag: \"a\"\r\nConnection: close\r\n\r\n{\"a\"";
const SLOW_DOWN: &str = "HTTP/1.1 503 Slow Down\r\nContent-Length: 57\r\nConnection: close\r\n\r\n\
    <Error><Code>SlowDown</Code><Message>m</Message></Error>\n";
const DENIED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 61\r\nConnection: close\r\n\r\n\
    <Error><Code>AccessDenied</Code><Message>no</Message></Error>";

/// Starts a server that sends one response to each connection. Its task returns how many it sent.
async fn play(script: Vec<&'static str>) -> (Vault, JoinHandle<usize>) {
    let script = script.into_iter().map(str::to_owned).collect();
    play_under(&FernetKeys::generate(), script).await
}

/// As [`play`], for a vault with this key.
async fn play_under(key: &SecretString, script: Vec<String>) -> (Vault, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let count = script.len();
        for response in script {
            let (stream, _) = listener.accept().await.unwrap();
            reply(stream, &response).await;
        }
        count
    });
    (vault_under(key, &endpoint).await, server)
}

async fn vault(endpoint: &str) -> Vault {
    vault_under(&FernetKeys::generate(), endpoint).await
}

async fn vault_under(key: &SecretString, endpoint: &str) -> Vault {
    let options = AwsOptions::from_lookup(|name| match name {
        "AWS_ENDPOINT_URL_S3" => Some(endpoint.to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
        _ => None,
    });
    let client = s3_client(&options.load().await, &options);
    let keys = FernetKeys::parse(key).unwrap();
    Vault::new(client, "bucket", keys, Compression::Zstd)
}

/// Reads the head of a request, and perhaps a part of its body.
async fn head(stream: &mut TcpStream) -> Vec<u8> {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "the request ended early");
        request.extend_from_slice(&piece[..count]);
    }
    request
}

async fn reply(mut stream: TcpStream, response: &str) {
    let request = head(&mut stream).await;
    assert!(
        request.starts_with(b"GET /bucket/some/key"),
        "the bucket should be in the path"
    );
    stream.write_all(response.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_body_that_breaks_off_is_asked_for_again() {
    let (vault, server) = play(vec![INCOMPLETE, INCOMPLETE, WHOLE]).await;
    assert_eq!(vault.get_bytes("some/key").await.unwrap(), b"{\"a\": 12}");
    assert_eq!(server.await.unwrap(), 3);
}

#[tokio::test]
async fn a_body_that_keeps_breaking_off_is_unavailable() {
    let (vault, server) = play(vec![INCOMPLETE; 4]).await;
    let error = vault.get_bytes("some/key").await.unwrap_err();
    assert!(matches!(error, VaultError::Unavailable { .. }), "{error}");
    assert_eq!(server.await.unwrap(), 4);
}

/// A response with a token, and the same with one bit of its body flipped on the way.
fn sound_and_damaged(key: &SecretString) -> (String, String) {
    let token = fernet::Fernet::new(key.expose_secret())
        .unwrap()
        .encrypt(b"{\"a\": 12}");
    let mut flipped = token.clone().into_bytes();
    flipped[60] = if flipped[60] == b'A' { b'C' } else { b'A' };
    let response = |body: &str| {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    };
    (
        response(&token),
        response(&String::from_utf8(flipped).unwrap()),
    )
}

#[tokio::test]
async fn a_body_that_fails_its_check_is_read_once_more() {
    let key = FernetKeys::generate();
    let (sound, damaged) = sound_and_damaged(&key);
    let (vault, server) = play_under(&key, vec![damaged, sound]).await;
    assert_eq!(vault.get_bytes("some/key").await.unwrap(), b"{\"a\": 12}");
    assert_eq!(server.await.unwrap(), 2);
}

#[tokio::test]
async fn a_body_that_fails_its_check_twice_counts() {
    let key = FernetKeys::generate();
    let (_, damaged) = sound_and_damaged(&key);
    let (vault, server) = play_under(&key, vec![damaged.clone(), damaged]).await;
    let error = vault.get_bytes("some/key").await.unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains(
            "was not sealed with one of the 1 configured keys, or its bytes have changed"
        ),
        "{message}"
    );
    assert_eq!(server.await.unwrap(), 2);
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let (vault, server) = play(vec![SLOW_DOWN, SLOW_DOWN, WHOLE]).await;
    vault.get_bytes("some/key").await.unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_final_and_says_what_s3_said() {
    let (vault, server) = play(vec![DENIED]).await;
    let error = vault.get_bytes("some/key").await.unwrap_err();
    assert!(
        matches!(&error, VaultError::Refused { code, .. } if code == "AccessDenied"),
        "{error}"
    );
    assert!(!error.is_transient());
    server.await.unwrap();
}

/// Returns what the request to write an object says about the hash of its body.
async fn signature_over_body(seal: Seal) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let vault = vault(&format!("http://{}", listener.local_addr().unwrap())).await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = head(&mut stream).await;
        stream.write_all(DENIED.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&request).to_ascii_lowercase()
    });
    let written = vault.put_json("some/key", &[1, 2], seal).await;
    assert!(written.is_err(), "the server should deny it");
    let request = server.await.unwrap();
    let header = request
        .lines()
        .find_map(|line| line.strip_prefix("x-amz-content-sha256: "));
    header.unwrap().to_owned()
}

#[tokio::test]
async fn a_body_is_signed_unless_it_authenticates_itself() {
    assert_eq!(signature_over_body(Seal::Encrypt).await, "unsigned-payload");
    let of_plain = signature_over_body(Seal::Plain).await;
    assert_eq!(of_plain.len(), 64, "{of_plain}");
}

#[tokio::test]
async fn another_version_than_the_wanted_one_is_refused_though_the_server_sends_it() {
    let (vault, server) = play(vec![WHOLE, WHOLE, WHOLE]).await;
    let version = |etag: &str, id: Option<&str>| ObjectVersion {
        etag: etag.to_owned(),
        version_id: id.map(str::to_owned),
    };
    let same = version("\"a\"", None);
    vault.get_version("some/key", Some(&same)).await.unwrap();
    let other = version("\"b\"", Some("1"));
    let error = vault.get_version("some/key", Some(&other)).await;
    assert!(matches!(error.unwrap_err(), VaultError::Changed { .. }));
    assert_eq!(server.await.unwrap(), 3);
}
