use std::io;

/// The part that did not start, and why.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The folder.
    #[error("the stack's folder: {0}")]
    Folder(#[from] io::Error),
    /// Postgres.
    #[error(transparent)]
    Postgres(#[from] sandbox::postgres::PostgresError),
    /// S3.
    #[error(transparent)]
    S3(#[from] sandbox::s3::S3Error),
    /// The portal.
    #[error(transparent)]
    Portal(#[from] sandbox::portal::PortalError),
    /// A provider.
    #[error(transparent)]
    Provider(#[from] sandbox::ListenError),
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
}
