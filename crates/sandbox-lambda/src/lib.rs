//! AWS Lambda's Runtime API on loopback, and a function's own binary that asks it for events.
//!
//! The API is the one that Lambda documents ("Using the Lambda runtime API for custom runtimes"):
//! `next` waits for an event, `response` and `error` end it. Extensions may register and are never
//! called.

mod api;
mod process;

pub use api::{FunctionError, InvokeError, RuntimeApi};
pub use process::FunctionProcess;
