//! The errors of the stack.

use std::io;

/// Which part did not start, and why.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The folder cannot be used.
    #[error("cannot use the stack's folder: {0}")]
    Folder(#[from] io::Error),
    /// Postgres did not start.
    #[error(transparent)]
    Postgres(#[from] sandbox_postgres::PostgresError),
    /// S3 did not start.
    #[error(transparent)]
    S3(#[from] sandbox_s3::S3Error),
    /// The portal did not start.
    #[error(transparent)]
    Portal(#[from] sandbox_portal::PortalError),
    /// A provider did not start.
    #[error(transparent)]
    Provider(#[from] sandbox_provider::ListenError),
    /// The configuration cannot be read.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The bucket cannot be written.
    #[error(transparent)]
    Vault(#[from] vault::VaultError),
    /// The tables cannot be created.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The pipeline cannot connect to the parts.
    #[error(transparent)]
    Pipeline(#[from] pipeline::PipelineError),
    /// A plan without a block.
    #[error("the plan has no block")]
    NoBlock,
    /// A link to a part could not be opened.
    #[error("the network of the stack: {0}")]
    Network(String),
}
