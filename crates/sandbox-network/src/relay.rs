//! One connection through a link.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

use crate::Decide;
use crate::disturbance::{Disturbance, Exchange, Reply};

const BUFFER: usize = 64 * 1024;
/// How long the rest of a request is read after the proxy's own response, so that the client reads
/// that response before it notices the closed connection.
const DRAIN: Duration = Duration::from_millis(500);

/// What the connections of a link have in common.
#[derive(Clone)]
pub(crate) struct Relay {
    pub(crate) server: SocketAddr,
    pub(crate) decide: Decide,
    pub(crate) exchanges: Arc<AtomicU64>,
    pub(crate) disturbed: Arc<AtomicU64>,
}

/// Whose turn it is to send.
#[derive(PartialEq)]
enum Turn {
    /// No exchange is under way, or the server's last one may be over.
    Server,
    /// The client sends its request.
    Client,
}

/// A connection with its exchange.
struct Connection {
    to_client: OwnedWriteHalf,
    to_server: OwnedWriteHalf,
    turn: Turn,
    disturbance: Disturbance,
    /// Bytes of the response that have passed.
    passed: usize,
}

type Flow = io::Result<ControlFlow<End>>;

/// How a connection ends.
enum End {
    /// Properly.
    Closed,
    /// With a reset of both sides.
    Reset,
}

impl Relay {
    pub(crate) async fn run(self, client: TcpStream) {
        let Ok(server) = TcpStream::connect(self.server).await else {
            reset(&client);
            return;
        };
        // Without it, small messages wait for each other's acknowledgements.
        let _ = client.set_nodelay(true);
        let _ = server.set_nodelay(true);
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let mut connection = Connection {
            to_client,
            to_server,
            turn: Turn::Server,
            disturbance: Disturbance::Pass,
            passed: 0,
        };
        // An error is the other side's end, which both sides notice by this task's.
        if let Ok(End::Reset) = self.relay(from_client, from_server, &mut connection).await {
            for half in [connection.to_client, connection.to_server] {
                reset(half.as_ref());
                // Dropping it would end the connection properly first.
                half.forget();
            }
        }
    }

    async fn relay(
        &self,
        mut from_client: OwnedReadHalf,
        mut from_server: OwnedReadHalf,
        connection: &mut Connection,
    ) -> io::Result<End> {
        let mut request = vec![0; BUFFER];
        let mut response = vec![0; BUFFER];
        let mut is_client_done = false;
        loop {
            let flow = tokio::select! {
                read = from_client.read(&mut request), if !is_client_done => match read? {
                    0 => {
                        is_client_done = true;
                        connection.to_server.shutdown().await?;
                        ControlFlow::Continue(())
                    }
                    n => self.request(connection, &mut from_client, &request[..n]).await?,
                },
                read = from_server.read(&mut response) => match read? {
                    0 => ControlFlow::Break(End::Closed),
                    n => connection.response(&mut response[..n]).await?,
                },
            };
            if let ControlFlow::Break(end) = flow {
                return Ok(end);
            }
        }
    }

    /// Passes bytes of a request on.
    async fn request(
        &self,
        connection: &mut Connection,
        from_client: &mut OwnedReadHalf,
        bytes: &[u8],
    ) -> Flow {
        if connection.turn == Turn::Server {
            connection.turn = Turn::Client;
            connection.passed = 0;
            connection.disturbance = self.begin(bytes);
            match &connection.disturbance {
                Disturbance::Delay(pause) => sleep(*pause).await,
                Disturbance::LoseRequest => return Ok(ControlFlow::Break(End::Reset)),
                Disturbance::Answer(reply) => {
                    answer(&mut connection.to_client, from_client, reply).await?;
                    return Ok(ControlFlow::Break(End::Closed));
                }
                _ => {}
            }
        }
        connection.to_server.write_all(bytes).await?;
        Ok(ControlFlow::Continue(()))
    }

    fn begin(&self, head: &[u8]) -> Disturbance {
        let number = self.exchanges.fetch_add(1, Ordering::Relaxed);
        let disturbance = (self.decide)(&Exchange { number, head });
        if !matches!(disturbance, Disturbance::Pass | Disturbance::Delay(_)) {
            self.disturbed.fetch_add(1, Ordering::Relaxed);
        }
        disturbance
    }
}

impl Connection {
    /// Passes bytes of a response on.
    async fn response(&mut self, bytes: &mut [u8]) -> Flow {
        self.turn = Turn::Server;
        let before = self.passed;
        self.passed += bytes.len();
        // The bytes of this piece that lie before a place in the response.
        let until = |place: usize| place.saturating_sub(before).min(bytes.len());
        match self.disturbance {
            Disturbance::LoseAnswer => return Ok(ControlFlow::Break(End::Reset)),
            Disturbance::Reset { after } if after <= self.passed => {
                self.to_client.write_all(&bytes[..until(after)]).await?;
                return Ok(ControlFlow::Break(End::Reset));
            }
            Disturbance::Truncate { after } if after <= self.passed => {
                self.to_client.write_all(&bytes[..until(after)]).await?;
                return Ok(ControlFlow::Break(End::Closed));
            }
            Disturbance::Stall { after, pause } if (before..=self.passed).contains(&after) => {
                let (first, rest) = bytes.split_at(until(after));
                self.to_client.write_all(first).await?;
                self.disturbance = Disturbance::Pass;
                sleep(pause).await;
                self.to_client.write_all(rest).await?;
            }
            Disturbance::Trickle { piece, pause } => {
                for piece in bytes.chunks(piece.max(1)) {
                    sleep(pause).await;
                    self.to_client.write_all(piece).await?;
                }
            }
            Disturbance::Flip { byte } if (before..self.passed).contains(&byte) => {
                bytes[byte - before] ^= 1;
                self.to_client.write_all(bytes).await?;
            }
            _ => self.to_client.write_all(bytes).await?,
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Responds instead of the server, and reads what the client still sends.
async fn answer(
    to_client: &mut OwnedWriteHalf,
    from_client: &mut OwnedReadHalf,
    reply: &Reply,
) -> io::Result<()> {
    to_client.write_all(&reply.bytes()).await?;
    to_client.shutdown().await?;
    let mut rest = vec![0; BUFFER];
    let drained = async {
        while from_client.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    // A client that goes on for longer is cut off.
    let _ = timeout(DRAIN, drained).await;
    Ok(())
}

/// Lets the connection end with a reset when it is dropped.
fn reset(stream: &TcpStream) {
    // If this fails, the connection is gone already.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
