#![doc = include_str!("../README.md")]

mod log;
mod router;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use router::Logged;

pub use log::{LoggedRequest, RequestLog};
pub use router::{RawConnection, drop_connection, dropped_body_error};

/// The pause after a failed `accept`, for instance because of too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The server cannot listen on a port.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on 127.0.0.1:{port}: {source}; choose another port, or 0 for any")]
pub struct ListenError {
    /// The requested port; 0 for any.
    pub port: u16,
    /// The operating system's error.
    source: io::Error,
}

/// A server on loopback. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Server {
    /// Serves routes on `port` (0 for any free one) on the runtime that calls this. `log` records
    /// every request.
    ///
    /// A handler may take an `Extension<RawConnection>`.
    ///
    /// # Errors
    ///
    /// [`ListenError`]: the port is in use.
    pub async fn start_routes(
        port: u16,
        router: Router,
        log: Arc<RequestLog>,
    ) -> Result<Self, ListenError> {
        let service = Logged::new(router, log);
        Self::start(port, move |stream| service.for_connection(stream)).await
    }

    /// Serves every connection with a service that `service_for` makes, on `port` (0 for any free
    /// one) and on the runtime that calls this.
    ///
    /// # Errors
    ///
    /// [`ListenError`]: the port is in use.
    pub async fn start<F, S, B>(port: u16, service_for: F) -> Result<Self, ListenError>
    where
        F: Fn(&TcpStream) -> S + Send + 'static,
        S: HttpService<B>,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let error = |source| ListenError { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        let accepting = tokio::spawn(accept(listener, service_for)).abort_handle();
        Ok(Self { address, accepting })
    }

    /// The server's URL, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A service for the requests of one connection.
pub trait HttpService<B>:
    Service<Request<Incoming>, Response = Response<B>> + Send + 'static
{
}

impl<S, B> HttpService<B> for S where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static
{
}

/// Accepts connections until this task is aborted, which ends all of them.
async fn accept<F, S, B>(listener: TcpListener, service_for: F) -> Infallible
where
    F: Fn(&TcpStream) -> S,
    S: HttpService<B>,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let service = service_for(&stream);
                    connections.spawn(serve(stream, service));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve<S, B>(stream: TcpStream, service: S)
where
    S: HttpService<B>,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    // Without it, every response of more than one packet waits for the client's delayed
    // acknowledgement.
    let _ = stream.set_nodelay(true);
    // The client notices a broken connection.
    let _ = Builder::new(TokioExecutor::new())
        .http1_only()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
