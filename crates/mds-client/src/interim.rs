//! MDS 1.2 reports "the hour is not ready" with status 102. For HTTP that is an interim status:
//! libraries skip it and wait for a final response that never comes. So if a provider of 1.2 sends
//! no response, one plain request on a separate connection reads the first line.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Position, Url};

/// `HTTP/1.1 102`.
const STATUS_LINE_BYTES: usize = 12;

/// Whether the first status that the server sends is 102. False if the request fails.
pub(crate) async fn is_processing(url: &Url, headers: &HeaderMap, timeout: Duration) -> bool {
    let line = tokio::time::timeout(timeout, first_line(url, headers)).await;
    matches!(line, Ok(Ok(line)) if line.starts_with(b"HTTP/1.") && line.ends_with(b" 102"))
}

async fn first_line(url: &Url, headers: &HeaderMap) -> io::Result<[u8; STATUS_LINE_BYTES]> {
    let host = url.host().ok_or(io::ErrorKind::InvalidInput)?;
    let port = url
        .port_or_known_default()
        .ok_or(io::ErrorKind::InvalidInput)?;
    let stream = connect(&host, port).await?;
    let request = request(url, headers);
    if url.scheme() == "https" {
        exchange(encrypt(&host, stream).await?, &request).await
    } else {
        exchange(stream, &request).await
    }
}

async fn connect(host: &Host<&str>, port: u16) -> io::Result<TcpStream> {
    match host {
        Host::Domain(name) => TcpStream::connect((*name, port)).await,
        Host::Ipv4(address) => TcpStream::connect((*address, port)).await,
        Host::Ipv6(address) => TcpStream::connect((*address, port)).await,
    }
}

async fn encrypt(
    host: &Host<&str>,
    stream: TcpStream,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(roots::load());
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = match host {
        Host::Domain(name) => ServerName::try_from(*name).map_err(io::Error::other)?,
        Host::Ipv4(address) => ServerName::from(std::net::IpAddr::V4(*address)),
        Host::Ipv6(address) => ServerName::from(std::net::IpAddr::V6(*address)),
    };
    TlsConnector::from(Arc::new(config))
        .connect(name.to_owned(), stream)
        .await
}

fn request(url: &Url, headers: &HeaderMap) -> Vec<u8> {
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let authority = &url[Position::BeforeHost..Position::AfterPort];
    let mut request =
        format!("GET {target} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(name.as_str().as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

async fn exchange<T: AsyncRead + AsyncWrite + Unpin>(
    mut stream: T,
    request: &[u8],
) -> io::Result<[u8; STATUS_LINE_BYTES]> {
    stream.write_all(request).await?;
    stream.flush().await?;
    let mut line = [0; STATUS_LINE_BYTES];
    stream.read_exact(&mut line).await?;
    Ok(line)
}
