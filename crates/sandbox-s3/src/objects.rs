//! `s3s-fs`, made safe for concurrent clients and for clients that disconnect.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::fs::File;
use tokio::sync::RwLock;
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use super::conditions::{Conditions, WriteConditions};
use super::multipart::{self, Assembly, MIN_PART_BYTES, Parts};
use super::records;
use super::versions::{Version, Versions};

/// How many bytes of a body are read and sent at a time. With the 4 KiB of `s3s-fs`, a large object
/// is slower than from a real bucket.
const BODY_CHUNK_BYTES: usize = 256 * 1024;

/// Versions in a page of a listing.
const MAX_VERSIONS: usize = 1000;

type Response<T> = S3Result<S3Response<T>>;

/// Clears the checksums of an object of several parts. `s3s-fs` can keep those of the object that
/// it replaced, which would fail the client's check.
macro_rules! drop_outdated_checksums {
    ($output:expr) => {
        if $output
            .e_tag
            .as_ref()
            .is_some_and(|etag| etag.value().contains('-'))
        {
            $output.checksum_crc32 = None;
            $output.checksum_crc32c = None;
            $output.checksum_crc64nvme = None;
            $output.checksum_sha1 = None;
            $output.checksum_sha256 = None;
        }
    };
}

/// The folder as an S3 service.
///
/// `s3s-fs` writes an object first and the record of its checksums afterwards, and it checks the
/// conditions of a write before the write. So this service runs one write at a time, starts no read
/// meanwhile, and finishes a write even if its client has disconnected.
pub(super) struct Objects {
    root: PathBuf,
    files: Arc<FileSystem>,
    lock: Arc<RwLock<()>>,
    parts: Parts,
    versions: Versions,
}

impl Objects {
    pub(super) fn open(root: &Path) -> s3s_fs::Result<Self> {
        let files = Arc::new(FileSystem::new(root)?);
        Ok(Self {
            root: root.to_owned(),
            files,
            lock: Arc::default(),
            parts: Parts::default(),
            versions: Versions::new(root),
        })
    }

    /// Refuses a bucket that does not exist. `s3s-fs` would create it.
    fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.root.join(bucket).is_dir() {
            Ok(())
        } else {
            Err(s3_error!(NoSuchBucket))
        }
    }

    /// Runs a write exclusively and to its end.
    async fn exclusively<T, F>(&self, write: impl FnOnce(Arc<FileSystem>) -> F) -> Response<T>
    where
        F: Future<Output = Response<T>> + Send + 'static,
        T: Send + 'static,
    {
        let lock = Arc::clone(&self.lock);
        let write = write(Arc::clone(&self.files));
        let task = tokio::spawn(async move {
            let _exclusive = lock.write().await;
            write.await
        });
        task.await
            .map_err(|error| s3_error!(error, InternalError))?
    }

    /// As [`Objects::exclusively`], for a write of one object. In a versioned bucket, what it
    /// replaces is kept.
    async fn replacing<T, F>(
        &self,
        bucket: &str,
        key: &str,
        write: impl FnOnce(Arc<FileSystem>) -> F,
    ) -> Response<T>
    where
        F: Future<Output = Response<T>> + Send + 'static,
        T: Send + 'static,
    {
        let versions = self.versions.clone();
        let (root, bucket, key) = (self.root.clone(), bucket.to_owned(), key.to_owned());
        self.exclusively(|files| {
            let write = write(files);
            async move {
                records::forget_if_outdated(&root, &bucket, &key).map_err(internal)?;
                let kept = versions.link(&bucket, &key).map_err(internal)?;
                let written = write.await;
                kept.end(written.is_ok()).map_err(internal)?;
                written
            }
        })
        .await
    }

    /// Deletes a version for good.
    async fn delete_version(
        &self,
        bucket: &str,
        key: &str,
        id: String,
        req: S3Request<DeleteObjectInput>,
    ) -> Response<DeleteObjectOutput> {
        let is_current = self.versions.is_current(bucket, key, &id);
        if is_current {
            self.exclusively(|files| async move { files.delete_object(req).await })
                .await?;
        }
        let _exclusive = self.lock.write().await;
        if !is_current {
            // As on AWS, deleting what is not there succeeds.
            self.versions.delete(bucket, key, &id).map_err(internal)?;
        }
        let restored = self.versions.restore_newest(bucket, key);
        if restored.map_err(internal)? {
            records::remove(&self.root, bucket, key).map_err(internal)?;
        }
        Ok(S3Response::new(DeleteObjectOutput {
            version_id: Some(id),
            ..Default::default()
        }))
    }

    /// A version that is not current; `None` if the request is for the current one.
    fn old_version(&self, input: &GetObjectInput) -> S3Result<Option<PathBuf>> {
        let Some(id) = &input.version_id else {
            return Ok(None);
        };
        match self.versions.find(&input.bucket, &input.key, id) {
            Some(path) => Ok(Some(path)),
            None if self.versions.is_current(&input.bucket, &input.key, id) => Ok(None),
            None => Err(s3_error!(NoSuchVersion)),
        }
    }

    /// The version that a copy names, if it is not current.
    fn source_version(&self, source: &CopySource) -> S3Result<Option<PathBuf>> {
        match source {
            CopySource::Bucket {
                bucket,
                key,
                version_id: Some(id),
            } if !self.versions.is_current(bucket, key, id) => {
                let version = self.versions.find(bucket, key, id);
                version.map(Some).ok_or_else(|| s3_error!(NoSuchVersion))
            }
            _ => Ok(None),
        }
    }

    /// Completes an upload from its parts.
    async fn assemble(
        &self,
        assembly: Assembly,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Response<CompleteMultipartUploadOutput> {
        let assembly = Arc::new(assembly);
        let joining = Arc::clone(&assembly);
        let Some(joined) = blocking(move || joining.join()).await? else {
            return self.complete_by_s3s_fs(req).await;
        };
        let conditions = WriteConditions::new(&req.input.if_match, &req.input.if_none_match);
        let (bucket, key) = (req.input.bucket, req.input.key);
        self.replacing(&bucket.clone(), &key.clone(), |_| async move {
            let replacing = Arc::clone(&assembly);
            let current = blocking(move || replacing.current_etag()).await?;
            conditions.check(current.as_ref())?;
            let etag = blocking(move || assembly.commit(joined)).await?;
            Ok(S3Response::new(CompleteMultipartUploadOutput {
                bucket: Some(bucket),
                key: Some(key),
                e_tag: Some(etag),
                ..Default::default()
            }))
        })
        .await
    }

    async fn complete_by_s3s_fs(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Response<CompleteMultipartUploadOutput> {
        self.replacing(
            &req.input.bucket.clone(),
            &req.input.key.clone(),
            |files| async move { files.complete_multipart_upload(req).await },
        )
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> S3Result<T> {
    spawn_blocking(work)
        .await
        .map_err(|error| s3_error!(error, InternalError))?
        .map_err(|error| s3_error!(error, InternalError))
}

/// The `ETag` of a version, if its bytes came in one part: the parts of another are forgotten.
async fn etag_of_version(path: PathBuf) -> S3Result<Option<ETag>> {
    blocking(move || {
        if path.metadata()?.len() >= MIN_PART_BYTES {
            return Ok(None);
        }
        Ok(Some(multipart::etag_of(&std::fs::read(path)?)))
    })
    .await
}

/// Copies a version that is not current to the place of an object.
fn copied(
    version: &Path,
    root: &Path,
    bucket: &str,
    key: &str,
) -> io::Result<S3Response<CopyObjectOutput>> {
    let object = root.join(bucket).join(key);
    if let Some(folder) = object.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // The file in this place may be linked as a version itself, so it is replaced as a whole.
    let copy = object.with_extension("copy");
    std::fs::copy(version, &copy)?;
    std::fs::rename(&copy, object)?;
    records::remove(root, bucket, key)?;
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult::default()),
        ..Default::default()
    }))
}

/// The content of a version that is not current.
async fn whole_file(
    path: &Path,
    version_id: Option<String>,
    conditions: &Conditions,
) -> Response<GetObjectOutput> {
    let e_tag = etag_of_version(path.to_owned()).await?;
    conditions.check(e_tag.as_ref())?;
    let file = File::open(path).await.map_err(internal)?;
    let bytes = file.metadata().await.map_err(internal)?.len();
    let body = ReaderStream::with_capacity(file, BODY_CHUNK_BYTES);
    Ok(S3Response::new(GetObjectOutput {
        body: Some(StreamingBlob::wrap(body)),
        content_length: i64::try_from(bytes).ok(),
        e_tag,
        version_id,
        ..Default::default()
    }))
}

fn internal(error: io::Error) -> S3Error {
    s3_error!(error, InternalError)
}

/// The page of a listing that the request names.
fn page_of_versions(
    versions: Vec<Version>,
    input: ListObjectVersionsInput,
) -> ListObjectVersionsOutput {
    let size = input.max_keys.and_then(|keys| usize::try_from(keys).ok());
    let size = size.unwrap_or(MAX_VERSIONS).min(MAX_VERSIONS);
    let is_after = |version: &Version| match (&input.key_marker, &input.version_id_marker) {
        (None, _) => true,
        (Some(key), None) => version.key > *key,
        // The newest version of a key comes first.
        (Some(key), Some(id)) => version.key > *key || (version.key == *key && version.id < *id),
    };
    let mut rest = versions.into_iter().filter(is_after).peekable();
    let page: Vec<Version> = rest.by_ref().take(size).collect();
    let is_truncated = rest.peek().is_some();
    let last = page.last().filter(|_| is_truncated);
    let (next_key, next_id) = (last.map(|v| v.key.clone()), last.map(|v| v.id.clone()));
    let (markers, objects): (Vec<_>, Vec<_>) = page.into_iter().partition(|v| v.is_marker);
    ListObjectVersionsOutput {
        versions: Some(objects.into_iter().map(listed_version).collect()),
        delete_markers: Some(markers.into_iter().map(listed_marker).collect()),
        is_truncated: Some(is_truncated),
        next_key_marker: next_key,
        next_version_id_marker: next_id,
        key_marker: input.key_marker,
        version_id_marker: input.version_id_marker,
        name: Some(input.bucket),
        prefix: input.prefix,
        max_keys: i32::try_from(size).ok(),
        ..Default::default()
    }
}

fn listed_version(version: Version) -> ObjectVersion {
    ObjectVersion {
        key: Some(version.key),
        version_id: Some(version.id),
        is_latest: Some(version.is_latest),
        last_modified: Some(version.modified.into()),
        size: i64::try_from(version.bytes).ok(),
        ..Default::default()
    }
}

fn listed_marker(version: Version) -> DeleteMarkerEntry {
    DeleteMarkerEntry {
        key: Some(version.key),
        version_id: Some(version.id),
        is_latest: Some(version.is_latest),
        last_modified: Some(version.modified.into()),
        ..Default::default()
    }
}

#[async_trait]
impl S3 for Objects {
    async fn get_object(&self, req: S3Request<GetObjectInput>) -> Response<GetObjectOutput> {
        let conditions = Conditions::new(&req.input.if_match, &req.input.if_none_match);
        let path = self.root.join(&req.input.bucket).join(&req.input.key);
        let is_whole = req.input.range.is_none();
        let _shared = self.lock.read().await;
        if let Some(version) = self.old_version(&req.input)? {
            return whole_file(&version, req.input.version_id, &conditions).await;
        }
        let version_id = self.versions.current(&req.input.bucket, &req.input.key);
        records::forget_if_outdated(&self.root, &req.input.bucket, &req.input.key)
            .map_err(internal)?;
        let mut response = self.files.get_object(req).await?;
        conditions.check(response.output.e_tag.as_ref())?;
        response.output.version_id = version_id;
        drop_outdated_checksums!(response.output);
        if is_whole && let Ok(file) = File::open(path).await {
            let body = ReaderStream::with_capacity(file, BODY_CHUNK_BYTES);
            response.output.body = Some(StreamingBlob::wrap(body));
        }
        Ok(response)
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> Response<HeadObjectOutput> {
        let conditions = Conditions::new(&req.input.if_match, &req.input.if_none_match);
        let _shared = self.lock.read().await;
        let version_id = self.versions.current(&req.input.bucket, &req.input.key);
        records::forget_if_outdated(&self.root, &req.input.bucket, &req.input.key)
            .map_err(internal)?;
        let mut response = self.files.head_object(req).await?;
        conditions.check(response.output.e_tag.as_ref())?;
        response.output.version_id = version_id;
        drop_outdated_checksums!(response.output);
        Ok(response)
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> Response<ListObjectsOutput> {
        let bucket = req.input.bucket.clone();
        let _shared = self.lock.read().await;
        let mut response = self.files.list_objects(req).await?;
        add_etags(&self.root, &bucket, response.output.contents.as_deref_mut());
        Ok(response)
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> Response<ListObjectsV2Output> {
        let bucket = req.input.bucket.clone();
        let _shared = self.lock.read().await;
        let mut response = self.files.list_objects_v2(req).await?;
        add_etags(&self.root, &bucket, response.output.contents.as_deref_mut());
        Ok(response)
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> Response<PutObjectOutput> {
        self.check_bucket(&req.input.bucket)?;
        self.replacing(
            &req.input.bucket.clone(),
            &req.input.key.clone(),
            |files| async move { files.put_object(req).await },
        )
        .await
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> Response<CopyObjectOutput> {
        let source = self.source_version(&req.input.copy_source)?;
        let (root, bucket, key) = (
            self.root.clone(),
            req.input.bucket.clone(),
            req.input.key.clone(),
        );
        self.replacing(
            &req.input.bucket.clone(),
            &req.input.key.clone(),
            |files| async move {
                match source {
                    Some(version) => blocking(move || copied(&version, &root, &bucket, &key)).await,
                    None => files.copy_object(req).await,
                }
            },
        )
        .await
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> Response<DeleteObjectOutput> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        if let Some(id) = req.input.version_id.clone() {
            return self.delete_version(&bucket, &key, id, req).await;
        }
        let mut response = self
            .replacing(&bucket, &key, |files| async move {
                files.delete_object(req).await
            })
            .await?;
        if self.versions.are_enabled(&bucket) {
            let id = self
                .versions
                .mark_deleted(&bucket, &key)
                .map_err(internal)?;
            response.output.version_id = Some(id);
            response.output.delete_marker = Some(true);
        }
        Ok(response)
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> Response<DeleteObjectsOutput> {
        let bucket = req.input.bucket.clone();
        if !self.versions.are_enabled(&bucket) {
            return self
                .exclusively(|files| async move { files.delete_objects(req).await })
                .await;
        }
        let mut deleted = Vec::new();
        for object in req.input.delete.objects.clone() {
            let input = DeleteObjectInput {
                bucket: bucket.clone(),
                key: object.key.clone(),
                version_id: object.version_id,
                ..Default::default()
            };
            let response = self.delete_object(req.clone().map_input(|_| input)).await?;
            deleted.push(DeletedObject {
                key: Some(object.key),
                version_id: response.output.version_id,
                delete_marker: response.output.delete_marker,
                ..Default::default()
            });
        }
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: Some(deleted),
            ..Default::default()
        }))
    }

    async fn list_object_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> Response<ListObjectVersionsOutput> {
        self.check_bucket(&req.input.bucket)?;
        let input = req.input;
        let (versions, bucket) = (self.versions.clone(), input.bucket.clone());
        let prefix = input.prefix.clone().unwrap_or_default();
        let _shared = self.lock.read().await;
        let found = blocking(move || versions.list(&bucket, &prefix)).await?;
        Ok(S3Response::new(page_of_versions(found, input)))
    }

    async fn put_bucket_versioning(
        &self,
        req: S3Request<PutBucketVersioningInput>,
    ) -> Response<PutBucketVersioningOutput> {
        let PutBucketVersioningInput {
            bucket,
            versioning_configuration,
            ..
        } = req.input;
        self.check_bucket(&bucket)?;
        let status = versioning_configuration.status;
        if status.is_none_or(|status| status.as_str() != BucketVersioningStatus::ENABLED) {
            return Err(s3_error!(NotImplemented, "versioning can only be enabled"));
        }
        self.versions.enable(&bucket).map_err(internal)?;
        Ok(S3Response::new(PutBucketVersioningOutput::default()))
    }

    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> Response<GetBucketVersioningOutput> {
        self.check_bucket(&req.input.bucket)?;
        let is_enabled = self.versions.are_enabled(&req.input.bucket);
        let enabled = BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED);
        Ok(S3Response::new(GetBucketVersioningOutput {
            status: is_enabled.then_some(enabled),
            ..Default::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Response<CompleteMultipartUploadOutput> {
        self.check_bucket(&req.input.bucket)?;
        match self.parts.take_assembly(&self.root, &req.input).await {
            Some(assembly) => self.assemble(assembly, req).await,
            None => self.complete_by_s3s_fs(req).await,
        }
    }

    // The following need no lock: until an upload is completed, each part is a separate file.

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Response<CreateMultipartUploadOutput> {
        self.check_bucket(&req.input.bucket)?;
        self.files.create_multipart_upload(req).await
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> Response<UploadPartOutput> {
        let (upload, number) = (req.input.upload_id.clone(), req.input.part_number);
        let response = self.files.upload_part(req).await?;
        self.parts
            .add(&upload, number, response.output.e_tag.as_ref())
            .await;
        Ok(response)
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> Response<UploadPartCopyOutput> {
        let (upload, number) = (req.input.upload_id.clone(), req.input.part_number);
        let response = self.files.upload_part_copy(req).await?;
        let copied = response.output.copy_part_result.as_ref();
        let etag = copied.and_then(|copied| copied.e_tag.as_ref());
        self.parts.add(&upload, number, etag).await;
        Ok(response)
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> Response<ListMultipartUploadsOutput> {
        let ListMultipartUploadsInput { bucket, prefix, .. } = req.input;
        self.check_bucket(&bucket)?;
        let found = records::uploads(&self.root, &bucket, prefix.as_deref().unwrap_or_default());
        let uploads = found
            .map_err(internal)?
            .into_iter()
            .map(|(key, id)| MultipartUpload {
                key: Some(key),
                upload_id: Some(id),
                ..Default::default()
            });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(bucket),
            prefix,
            uploads: Some(uploads.collect()),
            is_truncated: Some(false),
            ..Default::default()
        }))
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> Response<ListPartsOutput> {
        self.files.list_parts(req).await
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Response<AbortMultipartUploadOutput> {
        self.parts.remove(&req.input.upload_id).await;
        self.files.abort_multipart_upload(req).await
    }

    async fn create_bucket(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> Response<CreateBucketOutput> {
        self.exclusively(|files| async move { files.create_bucket(req).await })
            .await
    }

    async fn delete_bucket(
        &self,
        req: S3Request<DeleteBucketInput>,
    ) -> Response<DeleteBucketOutput> {
        self.exclusively(|files| async move { files.delete_bucket(req).await })
            .await
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> Response<HeadBucketOutput> {
        self.files.head_bucket(req).await
    }

    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> Response<ListBucketsOutput> {
        self.files.list_buckets(req).await
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> Response<GetBucketLocationOutput> {
        self.files.get_bucket_location(req).await
    }
}

/// Adds the `ETag`s to a list, as AWS does. Lists of `s3s-fs` have none.
fn add_etags(root: &Path, bucket: &str, objects: Option<&mut [Object]>) {
    for object in objects.into_iter().flatten() {
        let etag = object
            .key
            .as_deref()
            .and_then(|key| records::etag(root, bucket, key));
        object.e_tag = etag.map(ETag::Strong);
    }
}
