#![doc = include_str!("../README.md")]

mod disturbance;
mod relay;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

pub use disturbance::{Disturbance, Exchange, Reply};
use relay::Relay;

/// The pause before another attempt to listen on the port of a link, or to accept.
const LISTEN_PAUSE: Duration = Duration::from_millis(20);

/// The link cannot listen on a port.
#[derive(Debug)]
pub struct LinkError(io::Error);

impl std::fmt::Display for LinkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a link cannot listen on loopback: {}", self.0)
    }
}

impl std::error::Error for LinkError {}

/// What decides over each exchange.
pub(crate) type Decide = Arc<dyn Fn(&Exchange<'_>) -> Disturbance + Send + Sync>;

/// A way to a server. Dropping it closes its port and cuts every connection.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    exchanges: Arc<AtomicU64>,
    disturbed: Arc<AtomicU64>,
    is_up: watch::Sender<bool>,
    serving: AbortHandle,
}

impl Link {
    /// Opens a way to `server` on a free port of loopback. `decide` says what happens to each
    /// exchange; it must not block.
    ///
    /// # Errors
    ///
    /// [`LinkError`]: no port is free.
    pub async fn start(
        server: SocketAddr,
        decide: impl Fn(&Exchange<'_>) -> Disturbance + Send + Sync + 'static,
    ) -> Result<Self, LinkError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(LinkError)?;
        let address = listener.local_addr().map_err(LinkError)?;
        let (is_up, up) = watch::channel(true);
        let relay = Relay {
            server,
            decide: Arc::new(decide),
            exchanges: Arc::default(),
            disturbed: Arc::default(),
        };
        Ok(Self {
            address,
            exchanges: Arc::clone(&relay.exchanges),
            disturbed: Arc::clone(&relay.disturbed),
            is_up,
            serving: tokio::spawn(serve(listener, address, relay, up)).abort_handle(),
        })
    }

    /// The address for the client.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many exchanges have begun.
    #[must_use]
    pub fn exchanges(&self) -> u64 {
        self.exchanges.load(Ordering::Relaxed)
    }

    /// How many exchanges did not simply pass, delays apart.
    #[must_use]
    pub fn disturbed(&self) -> u64 {
        self.disturbed.load(Ordering::Relaxed)
    }

    /// Closes the port and cuts every connection. The system refuses new ones until [`Link::mend`].
    pub fn cut(&self) {
        self.is_up.send_replace(false);
    }

    /// Opens the port again.
    pub fn mend(&self) {
        self.is_up.send_replace(true);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Relays connections while the link is up, on the same port after each cut.
async fn serve(
    first: TcpListener,
    address: SocketAddr,
    relay: Relay,
    mut is_up: watch::Receiver<bool>,
) {
    let mut listener = Some(first);
    loop {
        // The sender lives as long as this task.
        if is_up.wait_for(|is_up| *is_up).await.is_err() {
            return;
        }
        let open = match listener.take() {
            Some(open) => open,
            None => listen_again(address).await,
        };
        tokio::select! {
            () = accept(&open, &relay) => {}
            _ = is_up.wait_for(|is_up| !is_up) => {}
        }
    }
}

async fn listen_again(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(LISTEN_PAUSE).await,
        }
    }
}

/// Accepts connections until it is dropped, which cuts all of them.
async fn accept(listener: &TcpListener, relay: &Relay) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => { connections.spawn(relay.clone().run(client)); }
                Err(_) => tokio::time::sleep(LISTEN_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
