#![doc = include_str!("../README.md")]

mod active_from;
mod auth;
mod body;
mod client;
mod config;
mod endpoint;
mod error;
mod fetch_error;
mod fields;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hour_parameters;
mod interim;
mod link_header;
mod list;
mod list_request;
mod options;
mod pace;
mod page;
mod paging;
mod query;
mod report;
mod request;
mod sink;
mod token_request;
mod unreadable;
mod version;
mod window;
mod words;

pub use active_from::ActiveFrom;
pub use client::MdsClient;
pub use config::{AuthType, ProviderConfig, Withdrawals};
pub use error::{MdsError, ProviderBody, ProviderWords};
pub use fields::{BodyFormat, ProviderConfigError};
pub use options::ClientOptions;
pub use pace::{MAX_HOLD_OFF, Pace, PaceError, Slot, WaitLimits};
pub use paging::EMPTY_PAGES_PER_HOUR;
pub use report::{HourReport, HourResponse};
pub use sink::TripSink;
pub use token_request::TokenRequest;
pub use version::{MdsVersion, QueryStyle, TimeFormat, TimeUnit, UnknownVersion, VersionRules};
