//! What the four Lambda functions share: the loop over events, configuration and clients once an
//! environment, the invocation's deadline, errors under their names, log lines and metrics.

mod error;
mod kit;
mod logs;
mod metrics;
mod plan;
mod step;

pub use kit::{Invocation, serve};
pub use lambda_runtime::Error;
pub use plan::{plan, summarize};
pub use step::step;
