#![doc = include_str!("../README.md")]

mod body;
mod chunks;
mod client;
mod header;
mod looks;
mod origin;
mod retry;
mod retry_after;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod transport;

pub use body::{BodyError, read_body};
pub use chunks::{Chunks, is_gzip};
pub use client::{ClientError, client};
pub use header::{basic, bearer, sensitive};
pub use looks::{is_web_page, looks_like};
pub use origin::{host, is_secure, over_tls_as, same_origin, without_credentials};
pub use retry::{RetryBudget, RetryPolicy, Transient};
pub use retry_after::retry_after;
pub use transport::transport_cause;
