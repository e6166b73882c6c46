#![doc = include_str!("../README.md")]

mod conditions;
mod multipart;
mod objects;
mod records;
mod versions;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};

use objects::Objects;
use sandbox_server::{ListenError, Server};
use versions::Versions;

/// The access key of every sandbox.
pub const ACCESS_KEY: &str = "sandbox";
/// The secret key for [`ACCESS_KEY`]. It is not a secret, since only loopback can reach the server.
pub const SECRET_KEY: &str = "sandbox-secret-key";

/// An S3 server on a port of loopback. Dropping it closes the port and every connection. The
/// objects stay in their folder.
#[derive(Debug)]
pub struct S3 {
    server: Server,
    folder: PathBuf,
}

impl S3 {
    /// Serves `folder` on a free port. The folder is created if it does not exist.
    ///
    /// The server runs on the runtime that calls this, and ends with it.
    ///
    /// # Errors
    ///
    /// [`S3Error`]: the folder cannot be used, or no port is free.
    pub async fn start(folder: impl AsRef<Path>) -> Result<Self, S3Error> {
        Self::start_on(folder, 0).await
    }

    /// The same as [`S3::start`], on a port of the caller's choice.
    ///
    /// # Errors
    ///
    /// As for [`S3::start`], or the port is in use.
    pub async fn start_on(folder: impl AsRef<Path>, port: u16) -> Result<Self, S3Error> {
        let folder = prepared(folder.as_ref())?;
        let service = service(&folder)?;
        let server = Server::start(port, move |_| service.clone()).await?;
        Ok(Self { server, folder })
    }

    /// The value for `AWS_ENDPOINT_URL_S3`: `http://127.0.0.1:PORT`. Clients have to use path
    /// style.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        self.server.url()
    }

    /// The access key for clients.
    #[must_use]
    pub fn access_key(&self) -> &'static str {
        ACCESS_KEY
    }

    /// The secret key for clients.
    #[must_use]
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// The folder with the buckets.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Creates the bucket `name` unless it exists.
    ///
    /// # Errors
    ///
    /// [`S3Error`]: S3 does not allow the name, or the folder cannot be created.
    pub fn create_bucket(&self, name: &str) -> Result<(), S3Error> {
        if !s3s::path::check_bucket_name(name) {
            return Err(S3Error::BucketName {
                name: name.to_owned(),
            });
        }
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).map_err(|source| S3Error::Folder { folder, source })
    }

    /// Keeps what is replaced and deleted in a bucket from now on, as `PutBucketVersioning` does.
    ///
    /// # Errors
    ///
    /// [`S3Error::Folder`]: the versions cannot be stored.
    pub fn keep_versions(&self, bucket: &str) -> Result<(), S3Error> {
        let kept = Versions::new(&self.folder).enable(bucket);
        kept.map_err(|source| S3Error::Folder {
            folder: self.folder.clone(),
            source,
        })
    }
}

/// Why S3 cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// The folder cannot be created or read.
    #[error("cannot use {folder} as a store of objects: {source}")]
    Folder {
        /// The requested folder.
        folder: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The folder exists, but the server cannot open it.
    #[error("cannot open {folder} as a store of objects: does this user own all its files?")]
    Open {
        /// The requested folder.
        folder: PathBuf,
    },
    /// The server cannot listen on a port.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// S3 does not allow the bucket's name.
    #[error("{name:?} is not a bucket name: 3 to 63 lower-case letters, digits, hyphens and dots")]
    BucketName {
        /// The requested name.
        name: String,
    },
}

fn prepared(folder: &Path) -> Result<PathBuf, S3Error> {
    let error = |source| S3Error::Folder {
        folder: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(error)?;
    let folder = folder.canonicalize().map_err(error)?;
    records::remove_outdated(&folder).map_err(error)?;
    Ok(folder)
}

fn service(folder: &Path) -> Result<S3Service, S3Error> {
    let objects = Objects::open(folder).map_err(|_| S3Error::Open {
        folder: folder.to_owned(),
    })?;
    let mut builder = S3ServiceBuilder::new(objects);
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    Ok(builder.build())
}
