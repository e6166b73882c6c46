//! A server that sends exactly the bytes that a test wants, one script per connection.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens on a connection after the request has arrived.
#[derive(Clone, Debug)]
pub enum Step {
    /// These bytes are sent.
    Send(Vec<u8>),
    /// Nothing is sent for this time.
    Pause(Duration),
}

/// Plays scripts on loopback.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl ScriptedServer {
    /// Plays one script for each connection, the last one again and again, and then closes the
    /// connection. A script without steps drops it.
    #[expect(clippy::expect_used, reason = "a test may panic")]
    pub async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            let mut connections = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let script = scripts.get(connections).or(scripts.last());
                let script = script.cloned().unwrap_or_default();
                connections += 1;
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    // The client may have left.
                    let _ = play(stream, script, &seen).await;
                });
            }
        });
        Self { address, heads }
    }

    /// Its URL, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of the requests so far.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        let heads = self.heads.lock();
        heads.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn play(
    mut stream: TcpStream,
    script: Vec<Step>,
    heads: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let head = read_request(&mut stream).await?;
    heads
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(head);
    for step in script {
        match step {
            Step::Send(bytes) => {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
            }
            Step::Pause(time) => tokio::time::sleep(time).await,
        }
    }
    stream.shutdown().await
}

/// Reads a request to its end and returns its head: a connection that is closed with unread bytes
/// may lose the response.
async fn read_request(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    Ok(head)
}

/// A whole response with status 200.
#[must_use]
pub fn whole(body: &str) -> Vec<Step> {
    cut_off(body, body.len())
}

/// A response that ends before the length it announced.
#[must_use]
pub fn cut_off(body: &str, at: usize) -> Vec<Step> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let (sent, _) = body.as_bytes().split_at(at);
    vec![Step::Send([head.as_bytes(), sent].concat())]
}

/// A response without a body; `line` is status and reason, such as `302 Found`.
#[must_use]
pub fn status(line: &str) -> Vec<Step> {
    vec![Step::Send(
        format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes(),
    )]
}
