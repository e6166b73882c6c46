//! The errors of the stack.

use std::io;
use std::path::PathBuf;

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
    /// The configuration that the folder keeps does not start.
    #[error(
        "the sandbox cannot start on the configuration that its folder keeps; delete {}, or {} if the error is one of \
         providers (the next start writes it anew), or write a corrected file in its place, as plain JSON",
        settings.display(),
        providers.display()
    )]
    Kept {
        /// The settings file.
        settings: PathBuf,
        /// The providers file.
        providers: PathBuf,
        /// Why it does not start.
        source: Box<StackError>,
    },
    /// No key opens what the folder keeps.
    #[error(
        "the sandbox reads its keys from {} alone; write the key that encrypted its objects into this file, as by \
         `mds config rotate-key` (several have commas between them, the newest comes first)",
        key.display()
    )]
    Key {
        /// The file of the keys.
        key: PathBuf,
        /// Why nothing can be read.
        source: Box<StackError>,
    },
}
