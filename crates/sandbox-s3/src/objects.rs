//! `s3s-fs`, made safe for several clients at once and for clients that vanish.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::fs::File;
use tokio::sync::RwLock;
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use super::multipart::{Assembly, Parts};
use super::records;

/// Bytes of a body that are read and sent at a time: with the 4 KiB of `s3s-fs`, a large object
/// comes slower than from a real bucket.
const BODY_PIECE: usize = 256 * 1024;

type Answer<T> = S3Result<S3Response<T>>;

/// Clears the checksums of an object of several parts: it can carry those of the object that it
/// replaced, which `s3s-fs` keeps and a client would find wrong.
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
/// `s3s-fs` writes an object and the record of its checksums one after the other, and checks the
/// conditions of a write before it writes. So one write at a time, no reading of an object's head
/// meanwhile, and a write that has begun goes on to its end though the client is gone.
pub(super) struct Objects {
    root: PathBuf,
    files: Arc<FileSystem>,
    gate: Arc<RwLock<()>>,
    parts: Parts,
}

impl Objects {
    pub(super) fn open(root: &Path) -> s3s_fs::Result<Self> {
        let files = Arc::new(FileSystem::new(root)?);
        Ok(Self {
            root: root.to_owned(),
            files,
            gate: Arc::default(),
            parts: Parts::default(),
        })
    }

    /// `s3s-fs` would make the bucket that is missing.
    fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.root.join(bucket).is_dir() {
            Ok(())
        } else {
            Err(s3_error!(NoSuchBucket))
        }
    }

    async fn writing<T, F>(&self, write: impl FnOnce(Arc<FileSystem>) -> F) -> Answer<T>
    where
        F: Future<Output = Answer<T>> + Send + 'static,
        T: Send + 'static,
    {
        let gate = Arc::clone(&self.gate);
        let write = write(Arc::clone(&self.files));
        let task = tokio::spawn(async move {
            let _alone = gate.write().await;
            write.await
        });
        task.await
            .map_err(|error| s3_error!(error, InternalError))?
    }

    /// Its client may vanish, as with every write.
    async fn assemble(
        &self,
        assembly: Assembly,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let assembly = Arc::new(assembly);
        let joining = Arc::clone(&assembly);
        let Some(whole) = blocking(move || joining.join()).await? else {
            return self.complete_by_library(req).await;
        };
        let (bucket, key) = (req.input.bucket, req.input.key);
        self.writing(|_| async move {
            let etag = blocking(move || assembly.place(whole)).await?;
            Ok(S3Response::new(CompleteMultipartUploadOutput {
                bucket: Some(bucket),
                key: Some(key),
                e_tag: Some(etag),
                ..Default::default()
            }))
        })
        .await
    }

    async fn complete_by_library(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        self.writing(|files| async move { files.complete_multipart_upload(req).await })
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

#[async_trait]
impl S3 for Objects {
    async fn get_object(&self, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let conditions = Conditions::new(&req.input.if_match, &req.input.if_none_match);
        let path = self.root.join(&req.input.bucket).join(&req.input.key);
        let is_whole = req.input.range.is_none();
        let _shared = self.gate.read().await;
        let mut answer = self.files.get_object(req).await?;
        conditions.check(answer.output.e_tag.as_ref())?;
        drop_outdated_checksums!(answer.output);
        if is_whole && let Ok(file) = File::open(path).await {
            let body = ReaderStream::with_capacity(file, BODY_PIECE);
            answer.output.body = Some(StreamingBlob::wrap(body));
        }
        Ok(answer)
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let conditions = Conditions::new(&req.input.if_match, &req.input.if_none_match);
        let _shared = self.gate.read().await;
        let mut answer = self.files.head_object(req).await?;
        conditions.check(answer.output.e_tag.as_ref())?;
        drop_outdated_checksums!(answer.output);
        Ok(answer)
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        let bucket = req.input.bucket.clone();
        let _shared = self.gate.read().await;
        let mut answer = self.files.list_objects(req).await?;
        add_etags(&self.root, &bucket, answer.output.contents.as_deref_mut());
        Ok(answer)
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> Answer<ListObjectsV2Output> {
        let bucket = req.input.bucket.clone();
        let _shared = self.gate.read().await;
        let mut answer = self.files.list_objects_v2(req).await?;
        add_etags(&self.root, &bucket, answer.output.contents.as_deref_mut());
        Ok(answer)
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        self.check_bucket(&req.input.bucket)?;
        self.writing(|files| async move { files.put_object(req).await })
            .await
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        self.writing(|files| async move { files.copy_object(req).await })
            .await
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        self.writing(|files| async move { files.delete_object(req).await })
            .await
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> Answer<DeleteObjectsOutput> {
        self.writing(|files| async move { files.delete_objects(req).await })
            .await
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        self.check_bucket(&req.input.bucket)?;
        match self.parts.take_assembly(&self.root, &req.input).await {
            Some(assembly) => self.assemble(assembly, req).await,
            None => self.complete_by_library(req).await,
        }
    }

    // A part is a file of its own until the upload is completed: no gate.

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        self.check_bucket(&req.input.bucket)?;
        self.files.create_multipart_upload(req).await
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let (upload, number) = (req.input.upload_id.clone(), req.input.part_number);
        let answer = self.files.upload_part(req).await?;
        self.parts
            .came(&upload, number, answer.output.e_tag.as_ref())
            .await;
        Ok(answer)
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> Answer<UploadPartCopyOutput> {
        let (upload, number) = (req.input.upload_id.clone(), req.input.part_number);
        let answer = self.files.upload_part_copy(req).await?;
        let copied = answer.output.copy_part_result.as_ref();
        let etag = copied.and_then(|copied| copied.e_tag.as_ref());
        self.parts.came(&upload, number, etag).await;
        Ok(answer)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        self.files.list_parts(req).await
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        self.parts.forget(&req.input.upload_id).await;
        self.files.abort_multipart_upload(req).await
    }

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        self.writing(|files| async move { files.create_bucket(req).await })
            .await
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        self.writing(|files| async move { files.delete_bucket(req).await })
            .await
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.files.head_bucket(req).await
    }

    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        self.files.list_buckets(req).await
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        self.files.get_bucket_location(req).await
    }
}

/// The conditions of a read, which `s3s-fs` does not look at.
struct Conditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
}

impl Conditions {
    fn new(if_match: &Option<IfMatch>, if_none_match: &Option<IfNoneMatch>) -> Self {
        Self {
            if_match: if_match.clone(),
            if_none_match: if_none_match.clone(),
        }
    }

    fn check(&self, etag: Option<&ETag>) -> S3Result<()> {
        let Some(etag) = etag else { return Ok(()) };
        let holds = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(wanted) => etag.weak_cmp(wanted),
        };
        if self
            .if_match
            .as_ref()
            .is_some_and(|condition| !holds(condition))
        {
            return Err(s3_error!(PreconditionFailed));
        }
        if self.if_none_match.as_ref().is_some_and(holds) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }
}

/// Lists of `s3s-fs` lack the `ETag` that those of AWS have.
fn add_etags(root: &Path, bucket: &str, objects: Option<&mut [Object]>) {
    for object in objects.into_iter().flatten() {
        let etag = object
            .key
            .as_deref()
            .and_then(|key| records::etag(root, bucket, key));
        object.e_tag = etag.map(ETag::Strong);
    }
}
