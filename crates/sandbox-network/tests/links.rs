//! What a client sees of a server behind a link.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use sandbox_network::{Disturbance, Link, Reply};
use sandbox_server::{RequestLog, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANSWER: &str = "ten digits";

struct World {
    server: Server,
    log: Arc<RequestLog>,
}

/// A server that reads a whole request before it responds.
async fn world() -> World {
    let log = Arc::new(RequestLog::default());
    let router = Router::new().route("/", post(|_: String| async { ANSWER }));
    let server = Server::start_routes(0, router, Arc::clone(&log))
        .await
        .unwrap();
    World { server, log }
}

impl World {
    async fn link(&self, disturbance: Disturbance) -> Link {
        let disturb_first = move |exchange: &sandbox_network::Exchange<'_>| {
            if exchange.number == 0 {
                disturbance.clone()
            } else {
                Disturbance::Pass
            }
        };
        Link::start(self.address(), disturb_first).await.unwrap()
    }

    fn address(&self) -> SocketAddr {
        self.server
            .url()
            .trim_start_matches("http://")
            .parse()
            .unwrap()
    }
}

/// Sends a request over a new connection. Returns what arrives until the end, and how it ended.
async fn ask(link: &Link) -> (String, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(link.address()).await.unwrap();
    let request =
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await;
    (
        String::from_utf8_lossy(&bytes).into_owned(),
        end.err().map(|e| e.kind()),
    )
}

#[tokio::test]
async fn an_exchange_passes_and_is_counted() {
    let world = world().await;
    let link = world.link(Disturbance::Pass).await;
    let (answer, error) = ask(&link).await;
    assert!(answer.ends_with(ANSWER), "{answer}");
    assert_eq!((error, link.exchanges(), link.disturbed()), (None, 1, 0));
}

#[tokio::test]
async fn requests_on_one_connection_are_exchanges_of_their_own() {
    let world = world().await;
    let link = world.link(Disturbance::Pass).await;
    let mut stream = TcpStream::connect(link.address()).await.unwrap();
    let mut buffer = [0; 1024];
    for _ in 0..3 {
        // In two pieces, which are one request.
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: a\r\n")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        stream
            .write_all(b"Content-Length: 0\r\n\r\n")
            .await
            .unwrap();
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
    }
    assert_eq!(link.exchanges(), 3);
}

#[tokio::test]
async fn a_delay_comes_before_the_server_sees_the_request() {
    let world = world().await;
    let pause = Duration::from_millis(60);
    let link = world.link(Disturbance::Delay(pause)).await;
    let began = Instant::now();
    assert!(ask(&link).await.0.ends_with(ANSWER));
    assert!(began.elapsed() >= pause);
    assert_eq!(link.disturbed(), 0);
}

#[tokio::test]
async fn a_lost_request_never_reaches_the_server() {
    let world = world().await;
    let link = world.link(Disturbance::LoseRequest).await;
    assert_eq!(
        ask(&link).await,
        (String::new(), Some(ErrorKind::ConnectionReset))
    );
    assert_eq!((world.log.begun(), link.disturbed()), (0, 1));
}

#[tokio::test]
async fn a_lost_answer_is_lost_after_the_work() {
    let world = world().await;
    let link = world.link(Disturbance::LoseAnswer).await;
    assert_eq!(
        ask(&link).await,
        (String::new(), Some(ErrorKind::ConnectionReset))
    );
    assert_eq!(world.log.count(200), 1);
}

#[tokio::test]
async fn a_reset_and_a_proper_end_come_in_the_middle_of_the_response() {
    let world = world().await;
    let link = world.link(Disturbance::Reset { after: 12 }).await;
    // What had arrived may be discarded by the reset.
    assert_eq!(ask(&link).await.1, Some(ErrorKind::ConnectionReset));

    let link = world.link(Disturbance::Truncate { after: 12 }).await;
    assert_eq!(ask(&link).await, ("HTTP/1.1 200".to_owned(), None));
}

#[tokio::test]
async fn slow_responses_arrive_whole() {
    let world = world().await;
    let pause = Duration::from_millis(80);
    let slow = [
        Disturbance::Stall { after: 20, pause },
        Disturbance::Trickle {
            piece: 60,
            pause: pause / 2,
        },
    ];
    for disturbance in slow {
        let link = world.link(disturbance).await;
        let began = Instant::now();
        let (answer, error) = ask(&link).await;
        assert!(answer.ends_with(ANSWER), "{answer}");
        assert!(error.is_none() && began.elapsed() >= pause);
    }
}

#[tokio::test]
async fn a_flip_changes_one_byte() {
    let world = world().await;
    let (whole, _) = ask(&world.link(Disturbance::Pass).await).await;
    let byte = whole.len() - 1;
    let (flipped, _) = ask(&world.link(Disturbance::Flip { byte }).await).await;
    let differing = whole
        .bytes()
        .zip(flipped.bytes())
        .filter(|(a, b)| a != b)
        .count();
    assert_eq!((differing, flipped.ends_with("ten digitr")), (1, true));
}

#[tokio::test]
async fn the_link_can_respond_itself() {
    let world = world().await;
    let reply = Reply {
        status: 503,
        headers: "Retry-After: 1\r\n".to_owned(),
        body: "SlowDown".to_owned(),
    };
    let link = world.link(Disturbance::Answer(reply)).await;
    let (answer, error) = ask(&link).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.ends_with("SlowDown"),
        "{answer}"
    );
    assert_eq!((error, world.log.begun()), (None, 0));
}

#[tokio::test]
async fn a_cut_link_refuses_until_it_is_mended() {
    let world = world().await;
    let link = world.link(Disturbance::Pass).await;
    let mut open = TcpStream::connect(link.address()).await.unwrap();
    link.cut();
    assert_ne!(open.read(&mut [0; 8]).await.ok(), Some(8));
    let refused = async || TcpStream::connect(link.address()).await.is_err();
    while !refused().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    link.mend();
    while refused().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(ask(&link).await.0.ends_with(ANSWER));
}

#[tokio::test]
async fn a_server_that_is_away_resets_the_client() {
    let world = world().await;
    let link = world.link(Disturbance::Pass).await;
    drop(world.server);
    while TcpStream::connect(link.address()).await.is_ok() && ask_quietly(&link).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn ask_quietly(link: &Link) -> std::io::Result<usize> {
    let mut stream = TcpStream::connect(link.address()).await?;
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        .await?;
    stream.read(&mut [0; 64]).await
}
