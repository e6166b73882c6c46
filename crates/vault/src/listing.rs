//! Listing the objects of the bucket.

use std::fmt;
use std::time::SystemTime;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::Object;

use crate::bucket::Bucket;
use crate::error::VaultError;

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// The object's key.
    pub key: String,
    /// Bytes in the bucket.
    pub size: u64,
    /// Its entity tag.
    pub etag: Option<String>,
    /// When it was last written.
    pub modified: Option<SystemTime>,
}

/// A listing, in pages of up to 1,000 objects.
pub struct ObjectPages {
    client: Client,
    bucket: Bucket,
    prefix: String,
    next: NextPage,
}

enum NextPage {
    First,
    After(String),
    None,
}

impl ObjectPages {
    pub(crate) fn new(client: Client, bucket: Bucket, prefix: String) -> Self {
        Self {
            client,
            bucket,
            prefix,
            next: NextPage::First,
        }
    }

    /// The next page, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// The error of the request. The next call requests the same page again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<ListedObject>>, VaultError> {
        let token = match &self.next {
            NextPage::First => None,
            NextPage::After(token) => Some(token.clone()),
            NextPage::None => return Ok(None),
        };
        let response = self
            .client
            .list_objects_v2()
            .bucket(self.bucket.name())
            .prefix(&self.prefix)
            .set_continuation_token(token)
            .send()
            .await
            .map_err(|error| self.bucket.error(&self.prefix, error))?;
        self.next = match response.next_continuation_token {
            Some(token) if response.is_truncated == Some(true) => NextPage::After(token),
            _ => NextPage::None,
        };
        let objects = response.contents.unwrap_or_default();
        Ok(Some(objects.into_iter().filter_map(listed).collect()))
    }
}

/// The names of the folders in the folder `prefix`, in their order.
pub(crate) async fn folders(
    client: &Client,
    bucket: &Bucket,
    prefix: &str,
) -> Result<Vec<String>, VaultError> {
    let request = client.list_objects_v2().bucket(bucket.name());
    let mut pages = request
        .prefix(prefix)
        .delimiter("/")
        .into_paginator()
        .send();
    let mut folders = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| bucket.error(prefix, error))?;
        let found = page.common_prefixes.unwrap_or_default();
        folders.extend(found.into_iter().filter_map(|folder| {
            let name = folder.prefix?;
            let name = name.strip_prefix(prefix)?.strip_suffix('/')?;
            Some(name.to_owned())
        }));
    }
    Ok(folders)
}

/// `None` for a folder, which consoles create as an object whose key ends with a slash.
fn listed(object: Object) -> Option<ListedObject> {
    let key = object.key.filter(|key| !key.ends_with('/'))?;
    Some(ListedObject {
        key,
        size: object
            .size
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or_default(),
        etag: object.e_tag,
        modified: object.last_modified.and_then(|at| at.try_into().ok()),
    })
}

impl fmt::Debug for ObjectPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectPages")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
