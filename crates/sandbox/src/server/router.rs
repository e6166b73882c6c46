//! Routes that can also drop a connection, and that are logged.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::{LoggedRequest, RequestLog};

/// Marks an answer that is not to be sent.
#[derive(Clone, Copy)]
struct DropConnection;

/// In place of an answer: the connection closes without one.
pub(crate) fn drop_connection() -> Response {
    let mut response = ().into_response();
    response.extensions_mut().insert(DropConnection);
    response
}

/// As an item of a body: the connection closes amid it.
pub(crate) fn dropped_body_error() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionAborted)
}

/// A router with its log.
#[derive(Clone)]
pub(crate) struct Logged {
    router: TowerToHyperService<Router>,
    log: Arc<RequestLog>,
}

impl Logged {
    pub(crate) fn new(router: Router, log: Arc<RequestLog>) -> Self {
        Self {
            router: TowerToHyperService::new(router),
            log,
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
        let answer = self.router.call(request.map(Body::new));
        let log = Arc::clone(&self.log);
        Box::pin(async move {
            let Ok(response) = answer.await;
            if response.extensions().get::<DropConnection>().is_some() {
                log.add(entry);
                return Err(dropped_body_error());
            }
            entry.status = Some(response.status().as_u16());
            log.add(entry);
            Ok(response)
        })
    }
}
