#![doc = include_str!("../README.md")]

mod filter;
mod json;
mod logs;
mod metrics;

pub use logs::{LogFormat, init_logs};
pub use metrics::{Dimension, Metric, Metrics};
