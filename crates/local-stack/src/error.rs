use std::io;

/// The part that did not start, and why.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The folder.
    #[error("the stack's folder: {0}")]
    Folder(#[from] io::Error),
    /// Postgres.
    #[error(transparent)]
    Postgres(#[from] sandbox_postgres::PostgresError),
    /// S3.
    #[error(transparent)]
    S3(#[from] sandbox_s3::S3Error),
    /// The portal.
    #[error(transparent)]
    Portal(#[from] sandbox_portal::PortalError),
    /// A provider.
    #[error(transparent)]
    Provider(#[from] sandbox_provider::ListenError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The bucket.
    #[error(transparent)]
    Vault(#[from] vault::VaultError),
    /// The database's tables.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The pipeline.
    #[error(transparent)]
    Pipeline(#[from] pipeline::PipelineError),
    /// A plan without a block.
    #[error("the plan has no block")]
    NoBlock,
}
