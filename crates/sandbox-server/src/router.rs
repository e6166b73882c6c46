//! A router that logs requests, and whose handlers can drop the connection.

use std::future::Future;
use std::io::{self, Write};
use std::net;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

use super::{LoggedRequest, RequestLog};

/// Marks a response that must not be sent, with the status that the client has seen, if any.
#[derive(Clone, Copy)]
struct DropConnection {
    seen: Option<u16>,
}

/// A marker that a handler returns instead of a response: the connection closes without one.
#[must_use]
pub fn drop_connection() -> Response {
    dropped(None)
}

fn dropped(seen: Option<u16>) -> Response {
    let mut response = ().into_response();
    response.extensions_mut().insert(DropConnection { seen });
    response
}

/// An error that a body returns instead of its next chunk: the connection closes.
#[must_use]
pub fn dropped_body_error() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionAborted)
}

/// The connection of a request, for bytes that an HTTP library would not send.
#[derive(Clone, Debug)]
pub struct RawConnection(Option<Arc<net::TcpStream>>);

impl RawConnection {
    fn of(stream: &TcpStream) -> Self {
        let copy = stream.as_fd().try_clone_to_owned().ok();
        Self(copy.map(|copy| Arc::new(net::TcpStream::from(copy))))
    }

    /// Sends `102 Processing` as if it were a final status, as MDS 1.2 has it, and closes the
    /// connection.
    #[must_use]
    pub fn processing(&self) -> Response {
        if let Some(stream) = &self.0 {
            // If this fails, the client has disconnected.
            let _ = (&**stream).write_all(b"HTTP/1.1 102 Processing\r\n\r\n");
        }
        dropped(Some(102))
    }
}

/// A router with its log, as a service for one connection.
#[derive(Clone)]
pub(crate) struct Logged {
    router: TowerToHyperService<Router>,
    log: Arc<RequestLog>,
    connection: RawConnection,
}

impl Logged {
    pub(crate) fn new(router: Router, log: Arc<RequestLog>) -> Self {
        Self {
            router: TowerToHyperService::new(router),
            log,
            connection: RawConnection(None),
        }
    }
}

impl Logged {
    pub(crate) fn for_connection(&self, stream: &TcpStream) -> Self {
        Self {
            connection: RawConnection::of(stream),
            ..self.clone()
        }
    }
}

impl Service<Request<Incoming>> for Logged {
    type Response = Response;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut entry = LoggedRequest {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            status: None,
        };
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.connection.clone());
        self.log.begin();
        let response = self.router.call(request);
        let log = Arc::clone(&self.log);
        Box::pin(async move {
            let Ok(response) = response.await;
            let dropped = response.extensions().get::<DropConnection>().copied();
            entry.status = dropped.map_or(Some(response.status().as_u16()), |dropped| dropped.seen);
            log.add(entry);
            if dropped.is_some() {
                Err(dropped_body_error())
            } else {
                Ok(response)
            }
        })
    }
}
