#![doc = include_str!("../README.md")]

mod contexts;
mod error;
mod kit;
mod metrics;
mod page;
mod plan;
mod shutdown;
mod step;

pub use config::Scope;
pub use contexts::Contexts;
pub use error::FunctionError;
pub use kit::{Invocation, serve};
pub use lambda_runtime::Error;
pub use plan::{migrate, plan, summarize};
pub use step::step;
