#![doc = include_str!("../README.md")]

mod api;
mod process;

pub use api::{Extensions, FunctionError, InvokeError, RuntimeApi};
pub use process::FunctionProcess;
