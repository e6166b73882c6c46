//! The outside world of the pipeline on loopback: a provider, a portal, S3, Postgres and Lambda's
//! Runtime API.
//!
//! Nothing here needs an account or a network. The tests of the other crates, `mds sandbox` and
//! `mds demo` run against these parts over the real protocols: MDS over HTTP, Socrata's SODA over
//! HTTP, S3 with signed requests, and Postgres itself.

pub mod city;
pub mod lambda;
pub mod portal;
pub mod postgres;
pub mod provider;
pub mod s3;
mod server;

pub use server::{ListenError, LoggedRequest, RequestLog};
