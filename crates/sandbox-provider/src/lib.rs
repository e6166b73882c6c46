//! An MDS provider on loopback: `GET {base_url}/trips` of the versions 0.2 to 2.0, and what 2.0 has
//! beside.
//!
//! Its trips take place in [`crate::city`]. They are the same for the same options, at any hour of
//! any year up to now, and are made while they are sent, so that an hour may have hundreds of
//! thousands.

mod answer;
mod body;
pub mod city;
mod distort;
mod fault;
mod feed;
mod fleet;
mod login;
mod oddity;
mod options;
mod query;
mod rhythm;
mod route;
mod sketch;
mod telemetry;
mod trip;
mod version;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sandbox_server::Server;
pub use sandbox_server::{ListenError, LoggedRequest, RequestLog};
use serde_json::{Value, json};

use answer::{BASE_PATH, State};
use fault::Faults;
pub use fault::{Fault, Times};
pub use feed::{Expected, Feed};
use fleet::Register;
use login::Tokens;
pub use oddity::{Oddities, Oddity, UnknownOddity};
pub use options::{AcceptPolicy, OAuthLogin, ProviderOptions, Rates, Rhythm};
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
    /// The port is taken.
    pub async fn start(options: ProviderOptions) -> Result<Self, ListenError> {
        let port = options.port;
        let state = Arc::new(State {
            feed: Feed::new(options),
            faults: Faults::default(),
            tokens: Tokens::default(),
            register: Register::default(),
        });
        for (time, fault, times) in &state.feed.options().faults {
            state
                .faults
                .add(feed::hour_of(*time), fault.clone(), *times);
        }
        let log = Arc::new(RequestLog::default());
        let router = answer::router(Arc::clone(&state));
        Ok(Self {
            server: Server::start_routes(port, router, Arc::clone(&log)).await?,
            state,
            log,
        })
    }

    /// What `mds_api_url` is to hold; trips are at `{base_url}/trips`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}{BASE_PATH}", self.server.url())
    }

    /// The entry for this provider in the file of providers.
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

    /// The options that it was started with.
    #[must_use]
    pub fn options(&self) -> &ProviderOptions {
        self.state.feed.options()
    }

    /// The trips that it serves.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.state.feed
    }

    /// What the answer for the clock hour that holds `time` has in it, faults apart.
    #[must_use]
    pub fn expected(&self, time: DateTime<Utc>) -> Expected {
        self.state.feed.expected(time)
    }

    /// Lets requests for the clock hour that holds `time` go wrong, after the faults that the hour
    /// has already.
    pub fn fail_hour(&self, time: DateTime<Utc>, fault: Fault, times: Times) {
        self.state.faults.add(feed::hour_of(time), fault, times);
    }

    /// 2.0: from now on every vehicle is listed, also those that were not known.
    pub fn register_vehicles(&self) {
        self.state.register.complete();
    }

    /// How many tokens were given out.
    #[must_use]
    pub fn tokens_granted(&self) -> usize {
        self.state.tokens.count()
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// What was asked so far.
    #[must_use]
    pub fn log(&self) -> &RequestLog {
        &self.log
    }
}
