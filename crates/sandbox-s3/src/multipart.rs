//! The completion of an upload in several parts.
//!
//! To complete an upload, `s3s-fs` reads, hashes and writes every part again, 64 KiB at a time,
//! which takes as long as the upload did. But the parts are files, and their hashes are known since
//! they arrived. So this module lets the file system join them. It leaves to `s3s-fs` only what it
//! has not seen: uploads that began before this server started.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{CompleteMultipartUploadInput, ETag};
use tempfile::NamedTempFile;
use tokio::sync::Mutex;

use super::records;

/// The size that S3 requires of every part except the last.
pub(super) const MIN_PART_BYTES: u64 = 5 << 20;
const MD5_BYTES: usize = 16;

type Digest = [u8; MD5_BYTES];

/// The hashes of the parts that have arrived, by upload and number.
#[derive(Default)]
pub(super) struct Parts(Mutex<HashMap<String, BTreeMap<i32, Digest>>>);

impl Parts {
    pub(super) async fn add(&self, upload: &str, number: i32, etag: Option<&ETag>) {
        let mut uploads = self.0.lock().await;
        let parts = uploads.entry(upload.to_owned()).or_default();
        match etag.and_then(digest) {
            Some(digest) => parts.insert(number, digest),
            None => parts.remove(&number),
        };
    }

    pub(super) async fn remove(&self, upload: &str) {
        self.0.lock().await.remove(upload);
    }

    /// The object that the request completes, if the request names exactly the parts that have
    /// arrived. Only the first request for an upload gets it, since a client can repeat its request
    /// while the first one is being processed.
    pub(super) async fn take_assembly(
        &self,
        root: &Path,
        request: &CompleteMultipartUploadInput,
    ) -> Option<Assembly> {
        let stays_in_bucket = Path::new(&request.key)
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
        let arrived = self.0.lock().await.remove(&request.upload_id)?;
        let named = request.multipart_upload.as_ref()?.parts.as_ref()?;
        let digests: Option<Vec<Digest>> = (1..)
            .zip(named)
            .map(|(number, part)| {
                let digest = *arrived.get(&number)?;
                let is_match = part.part_number == Some(number)
                    && part.e_tag.as_ref().and_then(self::digest) == Some(digest);
                is_match.then_some(digest)
            })
            .collect();
        digests
            .filter(|digests| stays_in_bucket && !digests.is_empty())
            .map(|digests| Assembly {
                root: root.to_owned(),
                bucket: request.bucket.clone(),
                key: request.key.clone(),
                upload: request.upload_id.clone(),
                digests,
            })
    }
}

fn digest(etag: &ETag) -> Option<Digest> {
    let text = etag.value();
    if text.len() != 2 * MD5_BYTES || !text.is_ascii() {
        return None;
    }
    let mut digest = Digest::default();
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(digest)
}

/// An object that is about to be assembled from its parts.
pub(super) struct Assembly {
    root: PathBuf,
    bucket: String,
    key: String,
    upload: String,
    digests: Vec<Digest>,
}

impl Assembly {
    /// Joins the parts into a temporary file. Returns `None` if a part is too small, since `s3s-fs`
    /// has the error response for that.
    pub(super) fn join(&self) -> io::Result<Option<NamedTempFile>> {
        // `s3s-fs` removes leftover files with such a name when it starts.
        let mut joined = tempfile::Builder::new()
            .prefix(".tmp.")
            .suffix(".internal.part")
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(&self.root)?;
        for number in 1..=self.digests.len() {
            let mut part = File::open(self.part(number))?;
            let is_last = number == self.digests.len();
            if part.metadata()?.len() < MIN_PART_BYTES && !is_last {
                return Ok(None);
            }
            io::copy(&mut part, joined.as_file_mut())?;
        }
        Ok(Some(joined))
    }

    /// The entity tag of the object that is about to be replaced.
    pub(super) fn current_etag(&self) -> io::Result<Option<ETag>> {
        let object = self.root.join(&self.bucket).join(&self.key);
        if !object.try_exists()? {
            return Ok(None);
        }
        Ok(Some(
            match records::etag(&self.root, &self.bucket, &self.key) {
                Some(etag) => ETag::Strong(etag),
                None => etag_of(&fs::read(object)?),
            },
        ))
    }

    /// Makes the temporary file the object. Returns its entity tag. Nothing else may write at the
    /// same time.
    pub(super) fn commit(&self, joined: NamedTempFile) -> io::Result<ETag> {
        let etag = self.etag();
        let object = self.root.join(&self.bucket).join(&self.key);
        if let Some(folder) = object.parent() {
            fs::create_dir_all(folder)?;
        }
        records::move_attributes(&self.root, &self.bucket, &self.key, &self.upload)?;
        joined.persist(object).map_err(|error| error.error)?;
        records::write_etag(&self.root, &self.bucket, &self.key, &etag)?;
        // A server that is killed from here on leaves parts without an upload, just as one that is
        // killed during an upload.
        for number in 1..=self.digests.len() {
            remove(&self.part(number))?;
        }
        remove(&self.root.join(format!(".upload-{}.json", self.upload)))?;
        Ok(ETag::Strong(etag))
    }

    fn part(&self, number: usize) -> PathBuf {
        self.root
            .join(format!(".upload_id-{}.part-{number}", self.upload))
    }

    fn etag(&self) -> String {
        let hash = Md5::checksum(&self.digests.concat());
        format!("{}-{}", hexadecimal(&hash), self.digests.len())
    }
}

/// The `ETag` of an object that came in one part.
pub(super) fn etag_of(content: &[u8]) -> ETag {
    ETag::Strong(hexadecimal(&Md5::checksum(content)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
