#![doc = include_str!("../README.md")]

mod body;
pub mod city;
mod distort;
mod fault;
mod feed;
mod fleet;
mod handlers;
mod login;
mod options;
mod query;
mod quirk;
mod rhythm;
mod route;
mod sketch;
mod telemetry;
mod trip;
mod version;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use sandbox_server::Server;
pub use sandbox_server::{ListenError, LoggedRequest, RequestLog};
use serde_json::{Value, json};

use fault::Faults;
pub use fault::{Fault, Times};
pub use feed::{Expected, Feed};
use fleet::Register;
use handlers::{BASE_PATH, State};
use login::Tokens;
pub use options::{AcceptPolicy, OAuthLogin, ProviderOptions, Rates, Rhythm};
pub use quirk::{Quirk, Quirks, UnknownQuirk};
pub use version::{MdsVersion, UnknownVersion};

/// A provider on loopback. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Provider {
    server: Server,
    state: Arc<State>,
    log: Arc<RequestLog>,
}

impl Provider {
    /// Starts a provider on the runtime that calls this.
    ///
    /// # Errors
    ///
    /// [`ListenError`]: the port is in use.
    pub async fn start(options: ProviderOptions) -> Result<Self, ListenError> {
        let port = options.port;
        let state = Arc::new(State {
            feed: Feed::new(options),
            faults: Faults::default(),
            tokens: Tokens::default(),
            register: Register::default(),
            has_sent_telemetry: AtomicBool::default(),
        });
        for (time, fault, times) in &state.feed.options().faults {
            state
                .faults
                .add(feed::hour_of(*time), fault.clone(), *times);
        }
        let log = Arc::new(RequestLog::default());
        let router = handlers::router(Arc::clone(&state));
        Ok(Self {
            server: Server::start_routes(port, router, Arc::clone(&log)).await?,
            state,
            log,
        })
    }

    /// The value for `mds_api_url`. Trips are at `{base_url}/trips`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}{BASE_PATH}", self.server.url())
    }

    /// The entry for this provider in the providers file.
    #[must_use]
    pub fn entry(&self) -> Value {
        let options = self.options();
        let mut entry = json!({
            "mds_api_url": self.base_url(),
            "provider_id": options.provider_id,
            "version": options.version.short(),
            "paging": options.page_size.is_some(),
        });
        if let Some(login) = &options.oauth {
            entry["auth_type"] = "OAuth".into();
            entry["token_url"] = format!("{}/token", self.base_url()).into();
            entry["auth_data"] = json!({
                "grant_type": "client_credentials",
                "client_id": login.client_id,
                "client_secret": login.client_secret,
            });
        } else if let Some(token) = &options.token {
            entry["auth_type"] = "Bearer".into();
            entry["token"] = token.as_str().into();
        }
        entry
    }

    /// The options that the provider was started with.
    #[must_use]
    pub fn options(&self) -> &ProviderOptions {
        self.state.feed.options()
    }

    /// The trips that the provider serves.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.state.feed
    }

    /// The content of a response without faults for the clock hour that contains `time`.
    #[must_use]
    pub fn expected(&self, time: DateTime<Utc>) -> Expected {
        self.state.feed.expected(time)
    }

    /// Adds a fault for requests of the clock hour that contains `time`. It happens after the
    /// faults that the hour already has.
    pub fn fail_hour(&self, time: DateTime<Utc>, fault: Fault, times: Times) {
        self.state.faults.add(feed::hour_of(time), fault, times);
    }

    /// 2.0: lists every vehicle from now on, including those that were unknown.
    pub fn register_vehicles(&self) {
        self.state.register.list_all();
    }

    /// How many tokens were granted.
    #[must_use]
    pub fn tokens_granted(&self) -> usize {
        self.state.tokens.count()
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// The requests so far.
    #[must_use]
    pub fn log(&self) -> &RequestLog {
        &self.log
    }
}
