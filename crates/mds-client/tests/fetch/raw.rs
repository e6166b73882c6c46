//! A server that says exactly what a test wants, byte by byte, a script for each connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) enum Step {
    Send(Vec<u8>),
    Pause(Duration),
}

pub(crate) struct Raw {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    /// Plays one script a connection, the last one again and again, and closes the connection.
    pub(crate) async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let scripts = Arc::new(scripts);
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (scripts, seen) = (Arc::clone(&scripts), Arc::clone(&seen));
                tokio::spawn(async move {
                    let script = scripts.get(connection).or(scripts.last()).unwrap();
                    let _ = play(stream, script, &seen).await;
                });
            }
        });
        Self { address, heads }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of the requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn play(
    mut stream: TcpStream,
    script: &[Step],
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    heads
        .lock()
        .unwrap()
        .push(String::from_utf8_lossy(&head).into_owned());
    for step in script {
        match step {
            Step::Send(bytes) => {
                stream.write_all(bytes).await?;
                stream.flush().await?;
            }
            Step::Pause(time) => tokio::time::sleep(*time).await,
        }
    }
    stream.shutdown().await
}

/// A whole response with a length.
pub(crate) fn whole(body: &str) -> Vec<Step> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    vec![Step::Send([head.as_bytes(), body.as_bytes()].concat())]
}

/// A response that ends before the length it announced.
pub(crate) fn cut_off(body: &str, at: usize) -> Vec<Step> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    vec![Step::Send(
        [head.as_bytes(), &body.as_bytes()[..at]].concat(),
    )]
}

/// An answer without a body.
pub(crate) fn status(line: &str) -> Vec<Step> {
    vec![Step::Send(
        format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes(),
    )]
}
