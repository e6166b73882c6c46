//! The files that `s3s-fs` keeps for each object next to the buckets: a record with its `ETag` and
//! checksums, and its attributes.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::Deserialize;
use tempfile::NamedTempFile;

const RECORD_SUFFIX: &str = ".internal.json";
const ATTRIBUTES_SUFFIX: &str = ".metadata.json";

/// Removes records that are older than their objects, or whose objects do not exist.
///
/// An object is moved into place before its record is written. A server that is killed in between
/// leaves the record of the previous content, whose checksum would fail every client's check.
/// Without a record, the server computes the `ETag` from the content.
pub(super) fn remove_outdated(root: &Path) -> io::Result<()> {
    for entry in root.read_dir()? {
        let record = entry?.path();
        if let Some(object) = object_of(root, &record)
            && is_outdated(&record, &object)?
        {
            fs::remove_file(&record)?;
        }
    }
    Ok(())
}

/// The `ETag` in the record of an object, without quotes.
pub(super) fn etag(root: &Path, bucket: &str, key: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Record {
        e_tag: Option<String>,
    }
    let text = fs::read(root.join(name_of_record(bucket, key))).ok()?;
    serde_json::from_slice::<Record>(&text).ok()?.e_tag
}

/// Removes the record of an object whose file somebody has replaced since, without this server.
pub(super) fn forget_if_outdated(root: &Path, bucket: &str, key: &str) -> io::Result<()> {
    let record = root.join(name_of_record(bucket, key));
    if record.exists() && is_outdated(&record, &root.join(bucket).join(key))? {
        fs::remove_file(record)?;
    }
    Ok(())
}

/// Writes a record with the `ETag` of an object whose checksums are unknown.
pub(super) fn write_etag(root: &Path, bucket: &str, key: &str, etag: &str) -> io::Result<()> {
    let record = serde_json::to_vec(&serde_json::json!({"e_tag": etag}))?;
    let mut file = NamedTempFile::new_in(root)?;
    file.write_all(&record)?;
    file.persist(root.join(name_of_record(bucket, key)))?;
    Ok(())
}

/// Removes the record of an object whose content has come from a version.
pub(super) fn remove(root: &Path, bucket: &str, key: &str) -> io::Result<()> {
    match fs::remove_file(root.join(name_of_record(bucket, key))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The unfinished uploads of keys with this prefix, as keys and ids. Uploads without attributes are
/// not found: their files do not tell the key.
pub(super) fn uploads(
    root: &Path,
    bucket: &str,
    prefix: &str,
) -> io::Result<Vec<(String, String)>> {
    let start = format!(".bucket-{}.object-", BASE64.encode(bucket));
    let mut uploads = Vec::new();
    for entry in root.read_dir()? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some((key, id)) = name
            .strip_prefix(&start)
            .and_then(|rest| rest.strip_suffix(ATTRIBUTES_SUFFIX))
            .and_then(|rest| rest.split_once(".upload-"))
        else {
            continue;
        };
        let key = BASE64
            .decode(key)
            .ok()
            .and_then(|key| String::from_utf8(key).ok());
        if let Some(key) = key.filter(|key| key.starts_with(prefix))
            && root.join(format!(".upload-{id}.json")).exists()
        {
            uploads.push((key, id.to_owned()));
        }
    }
    uploads.sort();
    Ok(uploads)
}

/// Moves the attributes of an upload to its object.
pub(super) fn move_attributes(
    root: &Path,
    bucket: &str,
    key: &str,
    upload: &str,
) -> io::Result<()> {
    let of_object = format!("{}{ATTRIBUTES_SUFFIX}", name_of(bucket, key));
    let of_upload = format!(
        "{}.upload-{upload}{ATTRIBUTES_SUFFIX}",
        name_of(bucket, key)
    );
    match fs::rename(root.join(of_upload), root.join(of_object)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn name_of(bucket: &str, key: &str) -> String {
    format!(
        ".bucket-{}.object-{}",
        BASE64.encode(bucket),
        BASE64.encode(key)
    )
}

fn name_of_record(bucket: &str, key: &str) -> String {
    format!("{}{RECORD_SUFFIX}", name_of(bucket, key))
}

fn object_of(root: &Path, record: &Path) -> Option<PathBuf> {
    let name = record
        .file_name()?
        .to_str()?
        .strip_prefix(".bucket-")?
        .strip_suffix(RECORD_SUFFIX)?;
    let (bucket, key) = name.split_once(".object-")?;
    let decoded = |text| String::from_utf8(BASE64.decode(text).ok()?).ok();
    Some(root.join(decoded(bucket)?).join(decoded(key)?))
}

fn is_outdated(record: &Path, object: &Path) -> io::Result<bool> {
    match File::open(object).and_then(|file| file.metadata()?.modified()) {
        Ok(changed) => Ok(fs::metadata(record)?.modified()? < changed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
