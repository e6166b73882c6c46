//! Client of the MDS Provider API: the trips of one provider, one clock hour at a time.
//!
//! [`MdsClient::fetch_hour`] asks for an hour in the way the provider's version of MDS wants it
//! ([`MdsVersion`] is the one place that knows the differences), follows the pages and hands every
//! trip, exactly as it was sent, to a [`TripSink`]. A response is read as a stream: memory does not
//! grow with the number of trips.
//!
//! Nothing that this crate prints or returns as an error holds a token, a header, a query of the
//! configured URL, a trip or any part of a body.

mod auth;
mod config;
mod error;
mod fetch;
mod fetch_error;
mod fields;
mod http;
mod interim;
mod list;
mod list_request;
mod options;
mod page;
mod paging;
mod query;
mod request;
mod retry;
mod sink;
mod token_request;
mod version;
mod window;

pub use config::{AuthType, ProviderConfig};
pub use error::MdsError;
pub use fetch::{HourReport, HourResponse, MdsClient};
pub use fields::ProviderConfigError;
pub use http::http_client;
pub use options::{ClientOptions, RetryPolicy};
pub use sink::TripSink;
pub use token_request::TokenRequest;
pub use version::{
    Envelope, MdsVersion, NotFound, QueryStyle, StatusMeaning, TimeFormat, TimeUnit,
    UnknownVersion, VersionRules,
};
