//! The end of an upload in several parts.
//!
//! `s3s-fs` reads, hashes and writes every part once more when an upload is completed, 64 KiB at a
//! time, which takes as long as the upload did. The parts are files and their hashes were known
//! when they came: so they are put together by the file system, and only what this server has not
//! seen (an upload begun before it started) is left to `s3s-fs`.

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

/// What S3 asks of every part but the last.
const MIN_PART_BYTES: u64 = 5 << 20;
const MD5_BYTES: usize = 16;

type Digest = [u8; MD5_BYTES];

/// The hashes of the parts that have come, by upload and number.
#[derive(Default)]
pub(super) struct Parts(Mutex<HashMap<String, BTreeMap<i32, Digest>>>);

impl Parts {
    pub(super) async fn came(&self, upload: &str, number: i32, etag: Option<&ETag>) {
        let mut uploads = self.0.lock().await;
        let parts = uploads.entry(upload.to_owned()).or_default();
        match etag.and_then(digest) {
            Some(digest) => parts.insert(number, digest),
            None => parts.remove(&number),
        };
    }

    pub(super) async fn forget(&self, upload: &str) {
        self.0.lock().await.remove(upload);
    }

    /// The object that the request makes, if it has no condition and names the parts that have
    /// come. Only the first who asks for an upload gets it: a client may send its request again
    /// while the first is under way.
    pub(super) async fn take_assembly(
        &self,
        root: &Path,
        request: &CompleteMultipartUploadInput,
    ) -> Option<Assembly> {
        let is_unconditional = request.if_match.is_none() && request.if_none_match.is_none();
        let stays_in_bucket = Path::new(&request.key)
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
        let came = self.0.lock().await.remove(&request.upload_id)?;
        let named = request.multipart_upload.as_ref()?.parts.as_ref()?;
        let digests: Option<Vec<Digest>> = (1..)
            .zip(named)
            .map(|(number, part)| {
                let digest = *came.get(&number)?;
                let is_same = part.part_number == Some(number)
                    && part.e_tag.as_ref().and_then(self::digest) == Some(digest);
                is_same.then_some(digest)
            })
            .collect();
        digests
            .filter(|digests| is_unconditional && stays_in_bucket && !digests.is_empty())
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

/// An object about to be made of its parts.
pub(super) struct Assembly {
    root: PathBuf,
    bucket: String,
    key: String,
    upload: String,
    digests: Vec<Digest>,
}

impl Assembly {
    /// The content, in a file that is not the object yet; `None` if a part is too small, which
    /// `s3s-fs` has an answer for.
    pub(super) fn join(&self) -> io::Result<Option<NamedTempFile>> {
        // The name of a file that `s3s-fs` removes when it starts and finds it left behind.
        let mut whole = tempfile::Builder::new()
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
            io::copy(&mut part, whole.as_file_mut())?;
        }
        Ok(Some(whole))
    }

    /// Puts the content into the object's place; answers its entity tag. Nothing else may write
    /// meanwhile.
    pub(super) fn place(&self, whole: NamedTempFile) -> io::Result<ETag> {
        let etag = self.etag();
        let object = self.root.join(&self.bucket).join(&self.key);
        if let Some(folder) = object.parent() {
            fs::create_dir_all(folder)?;
        }
        records::take_over_attributes(&self.root, &self.bucket, &self.key, &self.upload)?;
        whole.persist(object).map_err(|error| error.error)?;
        records::note_etag(&self.root, &self.bucket, &self.key, &etag)?;
        // Whoever is killed from here on leaves parts that belong to nothing, as one who is killed
        // while sending does.
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
        let all = Md5::checksum(&self.digests.concat());
        let hexadecimal: String = all.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hexadecimal}-{}", self.digests.len())
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
