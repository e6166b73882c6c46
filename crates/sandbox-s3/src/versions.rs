//! Buckets that keep what is replaced and deleted, as `PutBucketVersioning` turns it on.
//!
//! A version is a file in `.versions/{bucket}/{key}`, with the key in base64. Its name is the
//! version's id, which comes from the time of the last change. A delete marker is an empty file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

const FOLDER: &str = ".versions";
const MARKER_SUFFIX: &str = ".deleted";
/// The link to an object while it is being replaced.
const PENDING: &str = "pending";

/// The versions of all buckets.
#[derive(Debug, Clone)]
pub(super) struct Versions {
    root: PathBuf,
}

/// A version of an object, or a delete marker.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) key: String,
    pub(super) id: String,
    pub(super) is_latest: bool,
    pub(super) is_marker: bool,
    pub(super) modified: SystemTime,
    pub(super) bytes: u64,
}

/// A link to an object that is being replaced, and its name afterwards.
pub(super) struct Kept(Option<(PathBuf, PathBuf)>);

impl Kept {
    /// Keeps the link as a version if the object has been replaced.
    pub(super) fn end(self, is_replaced: bool) -> io::Result<()> {
        match self.0 {
            Some((pending, version)) if is_replaced => fs::rename(pending, version),
            Some((pending, _)) => fs::remove_file(pending),
            None => Ok(()),
        }
    }
}

impl Versions {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub(super) fn enable(&self, bucket: &str) -> io::Result<()> {
        fs::create_dir_all(self.of_bucket(bucket))
    }

    pub(super) fn are_enabled(&self, bucket: &str) -> bool {
        self.of_bucket(bucket).is_dir()
    }

    /// Notes that an object has been deleted.
    pub(super) fn mark_deleted(&self, bucket: &str, key: &str) -> io::Result<String> {
        let id = id(SystemTime::now());
        let folder = self.of_key(bucket, key);
        fs::create_dir_all(&folder)?;
        File::create(folder.join(format!("{id}{MARKER_SUFFIX}")))?;
        Ok(id)
    }

    /// The file of a version that is not current.
    pub(super) fn find(&self, bucket: &str, key: &str, id: &str) -> Option<PathBuf> {
        let is_id = id.chars().all(|c| c.is_ascii_hexdigit());
        let path = self.of_key(bucket, key).join(id);
        (is_id && path.is_file()).then_some(path)
    }

    /// Deletes a version or a delete marker. Returns whether there was one.
    pub(super) fn delete(&self, bucket: &str, key: &str, id: &str) -> io::Result<bool> {
        let marker = self
            .of_key(bucket, key)
            .join(format!("{id}{MARKER_SUFFIX}"));
        let path = match self.find(bucket, key, id) {
            Some(path) => path,
            None if marker.is_file() => marker,
            None => return Ok(false),
        };
        fs::remove_file(path)?;
        Ok(true)
    }

    /// Makes the newest version current after the object, or its delete marker, was deleted for
    /// good. Returns whether there was one.
    pub(super) fn restore_newest(&self, bucket: &str, key: &str) -> io::Result<bool> {
        let object = self.root.join(bucket).join(key);
        let folder = self.of_key(bucket, key);
        if object.is_file() || !folder.is_dir() {
            return Ok(false);
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.retain(|name| name != PENDING);
        match names.iter().max() {
            Some(newest) if !newest.ends_with(MARKER_SUFFIX) => {
                if let Some(parent) = object.parent() {
                    fs::create_dir_all(parent)?;
                }
                fs::rename(folder.join(newest), object)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether this is the id of the current object.
    pub(super) fn is_current(&self, bucket: &str, key: &str, id: &str) -> bool {
        self.id_of_object(bucket, key).as_deref() == Some(id)
    }

    /// The id of the current object, if the bucket keeps versions.
    pub(super) fn current(&self, bucket: &str, key: &str) -> Option<String> {
        if self.are_enabled(bucket) {
            self.id_of_object(bucket, key)
        } else {
            None
        }
    }

    fn id_of_object(&self, bucket: &str, key: &str) -> Option<String> {
        let object = fs::metadata(self.root.join(bucket).join(key));
        object.and_then(|metadata| metadata.modified()).ok().map(id)
    }

    /// Every version under a prefix, in the order of the keys, the newest of each first.
    pub(super) fn list(&self, bucket: &str, prefix: &str) -> io::Result<Vec<Version>> {
        let mut versions = Vec::new();
        let objects = self.root.join(bucket);
        let mut folders = vec![objects.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Some(key) = path.strip_prefix(&objects).ok().and_then(Path::to_str) {
                    versions.push(version(key, &path)?);
                }
            }
        }
        if self.are_enabled(bucket) {
            for entry in fs::read_dir(self.of_bucket(bucket))? {
                let folder = entry?.path();
                if let Some(key) = key_of(&folder) {
                    for entry in fs::read_dir(&folder)? {
                        versions.push(version(&key, &entry?.path())?);
                    }
                }
            }
        }
        versions.retain(|version| version.key.starts_with(prefix) && version.id != PENDING);
        versions.sort_by(|a, b| a.key.cmp(&b.key).then(b.id.cmp(&a.id)));
        let mut last = None;
        for version in &mut versions {
            version.is_latest = last.replace(version.key.clone()).as_ref() != Some(&version.key);
        }
        Ok(versions)
    }

    /// Links the object that is about to be replaced. Nothing else may write meanwhile.
    pub(super) fn link(&self, bucket: &str, key: &str) -> io::Result<Kept> {
        let object = self.root.join(bucket).join(key);
        if !self.are_enabled(bucket) || !object.is_file() {
            return Ok(Kept(None));
        }
        let folder = self.of_key(bucket, key);
        fs::create_dir_all(&folder)?;
        let pending = folder.join(PENDING);
        match fs::remove_file(&pending) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::hard_link(&object, &pending)?,
        }
        let version = folder.join(id(object.metadata()?.modified()?));
        Ok(Kept(Some((pending, version))))
    }

    fn of_bucket(&self, bucket: &str) -> PathBuf {
        self.root.join(FOLDER).join(bucket)
    }

    fn of_key(&self, bucket: &str, key: &str) -> PathBuf {
        self.of_bucket(bucket).join(BASE64.encode(key))
    }
}

fn version(key: &str, path: &Path) -> io::Result<Version> {
    let metadata = path.metadata()?;
    let modified = metadata.modified()?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_marker = name.ends_with(MARKER_SUFFIX);
    Ok(Version {
        key: key.to_owned(),
        id: match name.strip_suffix(MARKER_SUFFIX) {
            Some(id) => id.to_owned(),
            None if name == PENDING => PENDING.to_owned(),
            None => id(modified),
        },
        is_latest: false,
        is_marker,
        modified,
        bytes: metadata.len(),
    })
}

fn key_of(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_str()?;
    String::from_utf8(BASE64.decode(name).ok()?).ok()
}

/// Ids of one key sort by time.
fn id(modified: SystemTime) -> String {
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:032x}", since.as_nanos())
}
