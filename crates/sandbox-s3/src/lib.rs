//! S3 on loopback over a folder: a bucket is a folder in it, an object a file in that.
//!
//! The protocol is that of AWS as far as the pipeline needs it: signed requests, chunked bodies
//! with checksums behind them (the AWS SDK's defaults need no change but path style), multipart
//! uploads, `ListObjectsV2` with paging, copies, ranges, and `If-Match` and `If-None-Match` on
//! `GetObject`, `HeadObject`, `PutObject` and `CompleteMultipartUpload`. An `ETag` is the MD5 of
//! the content, or that of a multipart upload with the number of parts behind it, as AWS makes it;
//! it changes only with the content.

mod multipart;
mod objects;
mod records;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};

use objects::Objects;
use sandbox_server::{ListenError, Server};

/// The access key that every sandbox accepts.
pub const ACCESS_KEY: &str = "sandbox";
/// The secret key that goes with [`ACCESS_KEY`]: no secret, since only loopback reaches it.
pub const SECRET_KEY: &str = "sandbox-secret-key";
/// The region to sign for; any other is accepted as well.
pub const REGION: &str = "us-east-1";

/// An S3 server on a free port of loopback. Dropping it closes the port and every connection; the
/// objects stay in their folder.
#[derive(Debug)]
pub struct S3 {
    server: Server,
    folder: PathBuf,
}

impl S3 {
    /// Serves `folder`, which is made where it does not exist.
    ///
    /// The server runs on the runtime that calls this, and ends with it.
    ///
    /// # Errors
    ///
    /// [`S3Error`] where the folder can't be used or no port is free.
    pub async fn start(folder: impl AsRef<Path>) -> Result<Self, S3Error> {
        Self::start_on(folder, 0).await
    }

    /// As [`S3::start`], on a port of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`S3::start`]; the port may be in use.
    pub async fn start_on(folder: impl AsRef<Path>, port: u16) -> Result<Self, S3Error> {
        let folder = prepared(folder.as_ref())?;
        let service = service(&folder)?;
        let server = Server::start(port, move |_| service.clone()).await?;
        Ok(Self { server, folder })
    }

    /// What `AWS_ENDPOINT_URL_S3` is to hold: `http://127.0.0.1:PORT`. Requests are path style.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        self.server.url()
    }

    /// The access key of a client.
    #[must_use]
    pub fn access_key(&self) -> &'static str {
        ACCESS_KEY
    }

    /// The secret key of a client.
    #[must_use]
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// The folder that holds the buckets.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the bucket `name`, unless it is there.
    ///
    /// # Errors
    ///
    /// [`S3Error`] where the name is none that S3 allows, or the folder can't be made.
    pub fn create_bucket(&self, name: &str) -> Result<(), S3Error> {
        if !s3s::path::check_bucket_name(name) {
            return Err(S3Error::BucketName {
                name: name.to_owned(),
            });
        }
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).map_err(|source| S3Error::Folder { folder, source })
    }
}

/// Why there is no S3 to use.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// The folder can't be made or read.
    #[error("can't use {folder} as a store of objects: {source}")]
    Folder {
        /// The folder asked for.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The folder is there, but the server can't open it.
    #[error("can't open {folder} as a store of objects: are all its files this user's?")]
    Open {
        /// The folder asked for.
        folder: PathBuf,
    },
    /// No port to listen on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// S3 would refuse the bucket's name.
    #[error("{name:?} is no bucket name: 3 to 63 lower-case letters, digits, hyphens and dots")]
    BucketName {
        /// The name asked for.
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
    records::forget_outdated(&folder).map_err(error)?;
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
