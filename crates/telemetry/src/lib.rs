//! What the process says about its work, in the Lambda functions and on the command line alike:
//! whose log lines are written, and metrics in CloudWatch's embedded format.

mod filter;
mod metrics;

pub use filter::our_lines;
pub use metrics::{Dimension, Metric, Metrics, NAMESPACE, Unit};
