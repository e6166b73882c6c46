//! Uploading the bytes of an object, in one request or in parts.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::bucket::Bucket;
use crate::error::VaultError;
use crate::write::condition::WriteCondition;
use crate::write::worker::{WorkerReceiver, WorkerSender};

/// The size of a part. S3 allows 10,000 parts, so an object may have 80 GB.
pub(crate) const PART_BYTES: usize = 8 * 1024 * 1024;

/// The member of an object's metadata that names the upload that wrote it.
const UPLOAD: &str = "upload";

/// When the parts of an object are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Uploading {
    /// As soon as they are full.
    AtOnce,
    /// When the object is complete, so that its key may change until then.
    AtTheEnd,
}

/// Where an upload goes.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) client: Client,
    pub(crate) bucket: Bucket,
    pub(crate) key: String,
    pub(crate) content_type: &'static str,
    /// Names this upload in the object's metadata. If the response to the last request is lost,
    /// this tells whether the object in the bucket is ours.
    pub(crate) upload: String,
    pub(crate) uploading: Uploading,
    /// Whether nobody else may write the key now. Then an unfinished upload of it is a dead one.
    pub(crate) is_only_writer: bool,
    /// Whether the content authenticates itself, as a token does. Then its bytes are sent with a
    /// CRC, but not signed: a signature costs a SHA-256 of all bytes on both sides, and proves
    /// nothing that the HMAC does not.
    pub(crate) is_authenticated: bool,
}

/// Sends a request that has a body, signed unless the content authenticates itself. It is a macro
/// because the SDK's request types share no trait for this.
macro_rules! send_body {
    ($target:expr, $request:expr) => {{
        let request = $request.customize();
        let request = if $target.is_authenticated {
            request.disable_payload_signing()
        } else {
            request
        };
        request
            .send()
            .await
            .map_err(|error| $target.bucket.error(&$target.key, error))
    }};
}

impl Target {
    /// What has become of the object if its last request failed. The response to an earlier
    /// attempt may be lost: then this one fails because that one was carried out.
    async fn outcome_after(
        &self,
        error: VaultError,
        condition: &WriteCondition,
    ) -> Result<Option<String>, VaultError> {
        match self.own_tag().await {
            Ok(Some(etag)) => Ok(Some(etag)),
            // Nobody knows whose object it is.
            Err(unseen) if unseen.is_transient() => Err(unseen),
            Ok(None) | Err(_) => Err(self.changed(error, condition)),
        }
    }

    /// The entity tag of the bucket's object, if this upload wrote it.
    async fn own_tag(&self) -> Result<Option<String>, VaultError> {
        let head = self
            .client
            .head_object()
            .bucket(self.bucket.name())
            .key(&self.key)
            .send()
            .await
            .map_err(|error| self.bucket.error(&self.key, error))?;
        let upload = head.metadata.as_ref().and_then(|it| it.get(UPLOAD));
        let is_own = upload == Some(&self.upload);
        Ok(head.e_tag.filter(|_| is_own))
    }

    /// Why a conditional request failed. S3 says "not found" if the object to replace is gone.
    fn changed(&self, error: VaultError, condition: &WriteCondition) -> VaultError {
        match (error, condition) {
            (VaultError::NotFound { key, .. }, WriteCondition::IfMatch(_)) => {
                VaultError::Changed { key }
            }
            (error, _) => error,
        }
    }
}

/// Uploads a whole object in one request and returns its entity tag.
///
/// The client repeats a request whose response is lost. If the first attempt was carried out, the
/// condition of the second one fails because of it.
pub(crate) async fn put(
    target: &Target,
    body: Bytes,
    condition: &WriteCondition,
) -> Result<Option<String>, VaultError> {
    let request = target
        .client
        .put_object()
        .bucket(target.bucket.name())
        .key(&target.key)
        .content_type(target.content_type)
        .metadata(UPLOAD, &target.upload)
        .set_if_match(condition.if_match())
        .set_if_none_match(condition.if_none_match())
        .body(ByteStream::from(body));
    match send_body!(target, request) {
        Ok(response) => Ok(response.e_tag),
        Err(error @ (VaultError::Changed { .. } | VaultError::NotFound { .. })) => {
            target.outcome_after(error, condition).await
        }
        Err(error) => Err(error),
    }
}

enum Piece {
    Part(Bytes),
    Last(Bytes, Closing),
}

/// How the object becomes visible.
struct Closing {
    condition: WriteCondition,
    /// Closed if the caller no longer waits for the object.
    caller: oneshot::Sender<()>,
}

/// A multipart upload that runs as a task. If it is dropped without [`Multipart::complete`], the
/// task aborts the upload.
pub(crate) struct Multipart {
    pieces: WorkerSender<Piece>,
    task: JoinHandle<Result<Option<String>, VaultError>>,
}

impl Multipart {
    pub(crate) fn start(target: Target, runtime: &Handle) -> Self {
        let (sender, receiver) = WorkerSender::new(&target.key, 1);
        let task = runtime.spawn(run(target, receiver));
        Self {
            pieces: sender,
            task,
        }
    }

    /// Queues a part; blocks this thread while one part is being sent and another one waits.
    pub(crate) fn part_blocking(&self, part: Bytes) -> Result<(), VaultError> {
        self.pieces.push_blocking(Piece::Part(part))
    }

    pub(crate) async fn part(&self, part: Bytes) -> Result<(), VaultError> {
        self.pieces.push(Piece::Part(part)).await
    }

    /// Sends the last part and makes the object visible, if the condition holds. If the returned
    /// future is dropped, the upload is aborted as long as that is possible: a worker that is
    /// stopped must not replace an object later.
    pub(crate) async fn complete(
        self,
        part: Bytes,
        condition: WriteCondition,
    ) -> Result<Option<String>, VaultError> {
        let (caller, _waiting) = oneshot::channel();
        let closing = Closing { condition, caller };
        self.pieces.push(Piece::Last(part, closing)).await?;
        self.task
            .await
            .unwrap_or_else(|error| Err(VaultError::unavailable(self.pieces.key(), error)))
    }

    /// Aborts the upload and waits until S3 has deleted its parts.
    pub(crate) async fn abort(self) {
        let Self { pieces, task } = self;
        drop(pieces);
        // The result does not matter: the object was discarded.
        let _ = task.await;
    }
}

async fn run(
    target: Target,
    mut receiver: WorkerReceiver<Piece>,
) -> Result<Option<String>, VaultError> {
    let result = upload(&target, &mut receiver.pieces).await;
    receiver.end(result)
}

async fn upload(
    target: &Target,
    pieces: &mut mpsc::Receiver<Piece>,
) -> Result<Option<String>, VaultError> {
    let id = begin(target).await?;
    let outcome = match send_parts(target, &id, pieces).await {
        Ok(Some((parts, mut closing))) => {
            tokio::select! {
                biased;
                () = closing.caller.closed() => Ok(None),
                completed = complete(target, &id, parts, &closing.condition) => completed.map(Some),
            }
        }
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(Some(etag)) => Ok(etag),
        incomplete => {
            abort(target, &id).await;
            incomplete.map(|_| None)
        }
    }
}

async fn begin(target: &Target) -> Result<String, VaultError> {
    if target.is_only_writer {
        abort_dead(target).await;
    }
    let response = target
        .client
        .create_multipart_upload()
        .bucket(target.bucket.name())
        .key(&target.key)
        .content_type(target.content_type)
        .metadata(UPLOAD, &target.upload)
        .send()
        .await
        .map_err(|error| target.bucket.error(&target.key, error))?;
    response.upload_id.ok_or_else(|| {
        let cause = std::io::Error::other("S3 returned no id for the upload");
        VaultError::unavailable(&target.key, cause)
    })
}

/// Uploads the parts and returns them, or `None` if the writer was dropped before the last one.
async fn send_parts(
    target: &Target,
    id: &str,
    pieces: &mut mpsc::Receiver<Piece>,
) -> Result<Option<(Vec<CompletedPart>, Closing)>, VaultError> {
    let mut parts = Vec::new();
    for number in 1.. {
        match pieces.recv().await {
            Some(Piece::Part(body)) => parts.push(send_part(target, id, number, body).await?),
            Some(Piece::Last(body, closing)) => {
                parts.push(send_part(target, id, number, body).await?);
                return Ok(Some((parts, closing)));
            }
            None => break,
        }
    }
    Ok(None)
}

async fn send_part(
    target: &Target,
    id: &str,
    number: i32,
    body: Bytes,
) -> Result<CompletedPart, VaultError> {
    let request = target
        .client
        .upload_part()
        .bucket(target.bucket.name())
        .key(&target.key)
        .upload_id(id)
        .part_number(number)
        .body(ByteStream::from(body));
    let response = send_body!(target, request)?;
    Ok(CompletedPart::builder()
        .part_number(number)
        .set_e_tag(response.e_tag)
        .set_checksum_crc32(response.checksum_crc32)
        .set_checksum_crc64_nvme(response.checksum_crc64_nvme)
        .build())
}

async fn complete(
    target: &Target,
    id: &str,
    parts: Vec<CompletedPart>,
    condition: &WriteCondition,
) -> Result<Option<String>, VaultError> {
    let completed = target
        .client
        .complete_multipart_upload()
        .bucket(target.bucket.name())
        .key(&target.key)
        .upload_id(id)
        .set_if_match(condition.if_match())
        .set_if_none_match(condition.if_none_match())
        .multipart_upload(
            CompletedMultipartUpload::builder()
                .set_parts(Some(parts))
                .build(),
        )
        .send()
        .await
        .map_err(|error| target.bucket.error(&target.key, error));
    match completed {
        Ok(response) => Ok(response.e_tag),
        // If the response to an earlier attempt is lost, this one finds no upload, or the object
        // that it is to replace is replaced already.
        Err(error) => target.outcome_after(error, condition).await,
    }
}

/// Aborts the uploads that killed writers of the key have left. The bucket keeps their parts, and
/// bills them.
async fn abort_dead(target: &Target) {
    let listed = target
        .client
        .list_multipart_uploads()
        .bucket(target.bucket.name())
        .prefix(&target.key)
        .send()
        .await
        .map_err(|error| target.bucket.error(&target.key, error));
    match listed {
        Ok(listed) => {
            for upload in listed.uploads.unwrap_or_default() {
                if let (Some(key), Some(id)) = (upload.key, upload.upload_id)
                    && key == target.key
                {
                    abort(target, &id).await;
                }
            }
        }
        Err(error) => tracing::info!(
            s3.key = target.key,
            error.message = %error,
            "unfinished uploads of the key could not be listed; the bucket's lifecycle rule has to \
             delete their parts"
        ),
    }
}

async fn abort(target: &Target, id: &str) {
    let result = target
        .client
        .abort_multipart_upload()
        .bucket(target.bucket.name())
        .key(&target.key)
        .upload_id(id)
        .send()
        .await;
    if let Err(error) = result {
        let error = target.bucket.error(&target.key, error);
        tracing::warn!(
            s3.key = target.key,
            error.message = %error,
            "incomplete upload to S3 could not be aborted; the bucket's lifecycle rule has to \
             delete its parts"
        );
    }
}
