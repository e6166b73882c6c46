//! S3 through the AWS SDK, with the SDK's default options.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::fmt::Debug;
use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadError;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumMode, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier,
};
use sandbox_s3::S3;
use tempfile::TempDir;

const BUCKET: &str = "bucket";
const KEY: &str = "production/bird/2020/1/1/22/trips.json";

/// A server on a temporary folder with one bucket, and a client for it.
struct Bucket {
    s3: S3,
    client: Client,
    folder: TempDir,
}

/// A multipart upload whose parts have been sent.
struct Upload {
    id: String,
    parts: CompletedMultipartUpload,
}

impl Bucket {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let s3 = S3::start(folder.path()).await.unwrap();
        s3.create_bucket(BUCKET).unwrap();
        Self {
            client: client(&s3, s3.secret_key()),
            s3,
            folder,
        }
    }

    /// Stops the server and starts another one on the same folder.
    async fn restart(self) -> Self {
        drop(self.s3);
        let s3 = S3::start(self.folder.path()).await.unwrap();
        Self {
            client: client(&s3, s3.secret_key()),
            s3,
            folder: self.folder,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn put_request(&self, key: &str) -> PutObjectFluentBuilder {
        self.client.put_object().bucket(BUCKET).key(key)
    }

    /// Puts an object and returns its entity tag.
    async fn put(&self, key: &str, body: &'static [u8]) -> String {
        let request = self.put_request(key).body(ByteStream::from_static(body));
        request.send().await.unwrap().e_tag.unwrap()
    }

    fn get_request(&self, key: &str) -> GetObjectFluentBuilder {
        self.client.get_object().bucket(BUCKET).key(key)
    }

    async fn get(&self, key: &str) -> Vec<u8> {
        let request = self.get_request(key).checksum_mode(ChecksumMode::Enabled);
        let body = request.send().await.unwrap().body;
        body.collect().await.unwrap().to_vec()
    }

    async fn get_status(&self, key: &str) -> u16 {
        status(self.get_request(key).send().await)
    }

    async fn head(&self, key: &str) -> Result<HeadObjectOutput, SdkError<HeadObjectError>> {
        let request = self.client.head_object().bucket(BUCKET).key(key);
        request.send().await
    }

    async fn etag(&self, key: &str) -> String {
        self.head(key).await.unwrap().e_tag.unwrap()
    }

    async fn delete(&self, key: &str) {
        let request = self.client.delete_object().bucket(BUCKET).key(key);
        request.send().await.unwrap();
    }

    async fn begin_upload(&self, key: &str) -> String {
        let request = self.client.create_multipart_upload().bucket(BUCKET);
        let request = request.key(key).content_type("application/json");
        request.send().await.unwrap().upload_id.unwrap()
    }

    async fn send_part(&self, key: &str, upload: &str, number: i32, part: Vec<u8>) -> String {
        let request = self.client.upload_part().bucket(BUCKET).key(key);
        let request = request.upload_id(upload).part_number(number);
        let request = request.body(ByteStream::from(part));
        request.send().await.unwrap().e_tag.unwrap()
    }

    async fn send_parts(&self, key: &str, parts: &[Vec<u8>]) -> Upload {
        let id = self.begin_upload(key).await;
        let mut completed = CompletedMultipartUpload::builder();
        for (number, part) in (1..).zip(parts) {
            let etag = self.send_part(key, &id, number, part.clone()).await;
            let part = CompletedPart::builder().part_number(number).e_tag(etag);
            completed = completed.parts(part.build());
        }
        Upload {
            id,
            parts: completed.build(),
        }
    }

    /// Completes an upload and returns the entity tag of the object.
    async fn complete(
        &self,
        key: &str,
        upload: Upload,
    ) -> Result<String, SdkError<CompleteMultipartUploadError>> {
        let request = self.client.complete_multipart_upload().bucket(BUCKET);
        let request = request.key(key).upload_id(upload.id);
        let output = request.multipart_upload(upload.parts).send().await?;
        Ok(output.e_tag.unwrap())
    }

    /// Completes an upload under a condition.
    async fn complete_if(
        &self,
        key: &str,
        upload: Upload,
        if_match: Option<&str>,
        if_none_match: Option<&str>,
    ) -> Result<String, SdkError<CompleteMultipartUploadError>> {
        let request = self.client.complete_multipart_upload().bucket(BUCKET);
        let request = request
            .key(key)
            .upload_id(upload.id)
            .set_if_match(if_match.map(str::to_owned))
            .set_if_none_match(if_none_match.map(str::to_owned));
        let output = request.multipart_upload(upload.parts).send().await?;
        Ok(output.e_tag.unwrap())
    }

    async fn put_in_parts(&self, key: &str, parts: &[Vec<u8>]) -> String {
        let upload = self.send_parts(key, parts).await;
        self.complete(key, upload).await.unwrap()
    }
}

fn client(s3: &S3, secret_key: &str) -> Client {
    let credentials = Credentials::new(s3.access_key(), secret_key, None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .region(Region::from_static("us-east-1"))
        .endpoint_url(s3.endpoint_url())
        .force_path_style(true)
        .build();
    Client::from_conf(config)
}

/// The status of a response that is an error.
fn status<R: Debug, E: Debug>(result: Result<R, SdkError<E>>) -> u16 {
    let error = result.unwrap_err();
    error.raw_response().unwrap().status().as_u16()
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let bucket = Bucket::new().await;
    let etag = bucket.put(KEY, b"first").await;
    assert_eq!(bucket.get(KEY).await, b"first");
    assert_eq!(bucket.etag(KEY).await, etag);
    let file = bucket.path().join(BUCKET).join(KEY);
    assert_eq!(std::fs::read(file).unwrap(), b"first");
}

#[tokio::test]
async fn an_etag_changes_with_the_content_only() {
    let bucket = Bucket::new().await;
    let first = bucket.put(KEY, b"first").await;
    assert_eq!(bucket.put(KEY, b"first").await, first);
    let second = bucket.put(KEY, b"second").await;
    assert_ne!(first, second);
    assert_eq!(bucket.restart().await.etag(KEY).await, second);
}

/// In a sandbox people look into the folder, and put files there.
#[tokio::test]
async fn a_file_that_somebody_has_replaced_is_another_object() {
    let bucket = Bucket::new().await;
    let first = bucket.put(KEY, b"first").await;
    let file = bucket.path().join(BUCKET).join(KEY);
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(file, b"other").unwrap();
    let other = bucket.etag(KEY).await;
    assert_ne!(first, other);
    assert_eq!(bucket.get(KEY).await, b"other");
    assert_eq!(bucket.put("of the same content", b"other").await, other);
}

#[tokio::test]
async fn several_parts_make_one_object_over_an_older_one() {
    let bucket = Bucket::new().await;
    bucket.put(KEY, b"older").await;
    let parts = [vec![b'a'; 5 << 20], vec![b'b'; 5 << 20], b"end".to_vec()];
    let etag = bucket.put_in_parts(KEY, &parts).await;
    assert!(etag.ends_with("-3\""), "{etag}");
    assert_eq!(bucket.get(KEY).await, parts.concat());
}

#[tokio::test]
async fn an_upload_ends_alike_on_the_server_that_it_began_on_and_on_the_next() {
    let bucket = Bucket::new().await;
    let parts = [vec![b'a'; 5 << 20], b"end".to_vec()];
    let here = bucket.put_in_parts("here", &parts).await;
    let upload = bucket.send_parts("there", &parts).await;
    let bucket = bucket.restart().await;
    let there = bucket.complete("there", upload).await.unwrap();
    assert_eq!(here, there);
    for key in ["here", "there"] {
        assert_eq!(bucket.get(key).await, parts.concat());
        let head = bucket.head(key).await.unwrap();
        assert_eq!(head.e_tag.as_deref(), Some(here.as_str()));
        assert_eq!(head.content_type.as_deref(), Some("application/json"));
    }
    let leftovers: Vec<_> = std::fs::read_dir(bucket.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".upload") || name.starts_with(".tmp"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[tokio::test]
async fn a_part_but_the_last_that_is_too_small_is_refused() {
    let bucket = Bucket::new().await;
    let parts = [b"small".to_vec(), b"end".to_vec()];
    let upload = bucket.send_parts(KEY, &parts).await;
    assert_eq!(status(bucket.complete(KEY, upload).await), 400);
    assert_eq!(status(bucket.head(KEY).await), 404);
}

#[tokio::test]
async fn an_aborted_upload_shows_nothing() {
    let bucket = Bucket::new().await;
    let upload = bucket.begin_upload(KEY).await;
    bucket.send_part(KEY, &upload, 1, b"part".to_vec()).await;
    let abort = bucket.client.abort_multipart_upload().bucket(BUCKET);
    abort.key(KEY).upload_id(&upload).send().await.unwrap();
    assert_eq!(bucket.get_status(KEY).await, 404);
    let list = bucket.client.list_objects_v2().bucket(BUCKET);
    assert!(list.send().await.unwrap().contents().is_empty());
}

#[tokio::test]
async fn a_list_has_pages_etags_and_prefixes() {
    let bucket = Bucket::new().await;
    let mut etags = Vec::new();
    for hour in 10..17 {
        let key = format!("production/bird/2020/1/1/{hour}/trips.json");
        etags.push(bucket.put(&key, b"x").await);
    }
    bucket.put("staging/bird/2020/1/1/1/trips.json", b"x").await;
    let list = bucket.client.list_objects_v2().bucket(BUCKET);
    let list = list.prefix("production/bird/").max_keys(3);
    let mut pages = list.into_paginator().send();
    let (mut sizes, mut keys, mut listed_etags) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        sizes.push(page.contents().len());
        for object in page.contents() {
            keys.push(object.key.clone().unwrap());
            listed_etags.push(object.e_tag.clone().unwrap());
        }
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert!(keys.is_sorted());
    assert_eq!(listed_etags, etags);
    let list = bucket.client.list_objects_v2().bucket(BUCKET);
    let top = list.delimiter("/").send().await.unwrap();
    let prefixes: Vec<_> = top
        .common_prefixes()
        .iter()
        .filter_map(|prefix| prefix.prefix())
        .collect();
    assert_eq!(prefixes, ["production/", "staging/"]);
}

#[tokio::test]
async fn deleting_and_copying() {
    let bucket = Bucket::new().await;
    let etag = bucket.put(KEY, b"x").await;
    let copy = bucket.client.copy_object().bucket(BUCKET).key("copy/of it");
    let copy = copy.copy_source(format!("{BUCKET}/{KEY}"));
    let copied = copy.send().await.unwrap().copy_object_result.unwrap();
    assert_eq!(copied.e_tag, Some(etag));
    assert_eq!(bucket.get("copy/of it").await, b"x");
    bucket.delete(KEY).await;
    bucket.delete(KEY).await;
    assert_eq!(bucket.get_status(KEY).await, 404);
    let object = ObjectIdentifier::builder().key("copy/of it").build();
    let all = Delete::builder().objects(object.unwrap()).build().unwrap();
    let delete = bucket.client.delete_objects().bucket(BUCKET);
    delete.delete(all).send().await.unwrap();
    assert_eq!(status(bucket.head("copy/of it").await), 404);
}

#[tokio::test]
async fn conditions_of_reads_and_writes_hold() {
    let bucket = Bucket::new().await;
    let put = || bucket.put_request(KEY);
    let get = || bucket.get_request(KEY);
    assert_eq!(status(put().if_match("\"0\"").send().await), 412);
    let first = bucket.put(KEY, b"first").await;
    assert_eq!(status(put().if_none_match("*").send().await), 412);
    let replacement = put().if_match(&first).body(ByteStream::from_static(b"2"));
    replacement.send().await.unwrap();
    assert_eq!(status(put().if_match(&first).send().await), 412);
    assert_eq!(bucket.get(KEY).await, b"2");
    assert_eq!(status(get().if_match(&first).send().await), 412);
    let current = bucket.etag(KEY).await;
    assert_eq!(status(get().if_none_match(current).send().await), 304);
}

#[tokio::test]
async fn only_one_of_many_creates_an_object() {
    let bucket = Bucket::new().await;
    let attempts = (0..20).map(|_| {
        let request = bucket.put_request(KEY).if_none_match("*");
        tokio::spawn(request.body(ByteStream::from_static(b"mine")).send())
    });
    let mut created = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        created += u32::from(attempt.await.unwrap().is_ok());
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn readers_and_writers_at_once_never_see_half_an_object() {
    let bucket = Bucket::new().await;
    bucket.put(KEY, b"0").await;
    let writers = (0..4_u8).map(|writer| {
        let client = bucket.client.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                let body = vec![writer; 100_000 + usize::from(writer)];
                let request = client.put_object().bucket(BUCKET).key(KEY);
                let request = request.body(ByteStream::from(body));
                request.send().await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let body = bucket.get(KEY).await;
        assert!(body.iter().all(|byte| *byte == body[0]));
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_secret_key_and_a_wrong_bucket_are_refused() {
    let bucket = Bucket::new().await;
    let stranger = client(&bucket.s3, "wrong");
    let get = stranger.get_object().bucket(BUCKET).key(KEY);
    assert_eq!(status(get.send().await), 403);
    let put = bucket.client.put_object().bucket("nowhere").key(KEY);
    assert_eq!(status(put.send().await), 404);
    assert!(bucket.s3.create_bucket("No Bucket").is_err());
}

#[tokio::test]
async fn the_completion_of_an_upload_keeps_its_conditions() {
    let bucket = Bucket::new().await;
    let parts = [vec![1; 5 << 20], vec![2; 10]];
    let upload = async || bucket.send_parts(KEY, &parts).await;

    let absent = bucket.complete_if(KEY, upload().await, Some("\"0\""), None);
    assert_eq!(status(absent.await), 412);
    let first = bucket
        .complete_if(KEY, upload().await, None, Some("*"))
        .await
        .unwrap();
    let again = bucket.complete_if(KEY, upload().await, None, Some("*"));
    assert_eq!(status(again.await), 412);
    let other = bucket.complete_if(KEY, upload().await, Some("\"0\""), None);
    assert_eq!(status(other.await), 412);

    // The tag of an object in one part counts, too, and so does that of one without a record.
    let small = bucket.put(KEY, b"small").await;
    let outdated = bucket.complete_if(KEY, upload().await, Some(&first), None);
    assert_eq!(status(outdated.await), 412);
    assert_eq!(bucket.get(KEY).await, b"small");
    let replaced = bucket
        .complete_if(KEY, upload().await, Some(&small), None)
        .await
        .unwrap();
    assert_eq!(bucket.etag(KEY).await, replaced);
}

#[tokio::test]
async fn a_versioned_bucket_keeps_what_is_replaced_and_deleted() {
    let bucket = Bucket::new().await;
    bucket.put(KEY, b"unversioned").await;
    bucket.s3.keep_versions(BUCKET).unwrap();
    bucket.put(KEY, b"second").await;
    bucket.put("other", b"kept").await;
    let delete = bucket.client.delete_object().bucket(BUCKET).key(KEY);
    let deleted = delete.send().await.unwrap();
    assert_eq!(deleted.delete_marker, Some(true));

    let list = || bucket.client.list_object_versions().bucket(BUCKET);
    let listed = list().send().await.unwrap();
    let versions = listed.versions();
    let shown: Vec<_> = versions
        .iter()
        .map(|v| (v.key().unwrap(), v.size().unwrap(), v.is_latest().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [("other", 4, true), (KEY, 6, false), (KEY, 11, false)]
    );
    let markers = listed.delete_markers();
    assert_eq!(markers.len(), 1);
    assert_eq!(markers[0].is_latest(), Some(true));

    let oldest = versions[2].version_id().unwrap();
    let get = bucket.client.get_object().bucket(BUCKET).key(KEY);
    let body = get.version_id(oldest).send().await.unwrap().body;
    assert_eq!(body.collect().await.unwrap().to_vec(), b"unversioned");
    let delete = bucket.client.delete_object().bucket(BUCKET).key(KEY);
    delete.version_id(oldest).send().await.unwrap();
    let get = bucket.client.get_object().bucket(BUCKET).key(KEY);
    assert_eq!(status(get.version_id(oldest).send().await), 404);

    let prefixed = list().prefix("production/").send().await.unwrap();
    assert_eq!(prefixed.versions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_version_comes_back_by_a_copy_or_when_what_hides_it_is_deleted() {
    let bucket = Bucket::new().await;
    bucket.s3.keep_versions(BUCKET).unwrap();
    bucket.put(KEY, b"first").await;
    bucket.put(KEY, b"second").await;
    let list = || bucket.client.list_object_versions().bucket(BUCKET);
    let listed = list().send().await.unwrap();
    let [newest, first] = [0, 1].map(|n| listed.versions()[n].version_id().unwrap());
    let delete = |id: &str| {
        let request = bucket.client.delete_object().bucket(BUCKET).key(KEY);
        request.version_id(id).send()
    };
    delete(newest).await.unwrap();
    assert_eq!(bucket.get(KEY).await, b"first");

    let request = bucket.client.delete_object().bucket(BUCKET).key(KEY);
    request.send().await.unwrap();
    let listed = list().send().await.unwrap();
    let marker = &listed.delete_markers()[0];
    assert_eq!(marker.is_latest(), Some(true));
    delete(marker.version_id().unwrap()).await.unwrap();
    assert_eq!(bucket.get(KEY).await, b"first");

    bucket.put(KEY, b"third").await;
    let copy = bucket.client.copy_object().bucket(BUCKET).key(KEY);
    let source = format!("{BUCKET}/{KEY}?versionId={first}");
    copy.copy_source(source).send().await.unwrap();
    assert_eq!(bucket.get(KEY).await, b"first");
    assert_eq!(list().send().await.unwrap().versions().len(), 3);
}

#[tokio::test]
async fn versions_are_listed_in_pages() {
    let bucket = Bucket::new().await;
    bucket.s3.keep_versions(BUCKET).unwrap();
    for content in ["1", "2", "3", "4", "5"] {
        bucket.put(KEY, content.as_bytes()).await;
    }
    let (mut key, mut id, mut seen) = (None, None, Vec::new());
    loop {
        let list = bucket.client.list_object_versions().bucket(BUCKET);
        let list = list
            .max_keys(2)
            .set_key_marker(key)
            .set_version_id_marker(id);
        let page = list.send().await.unwrap();
        seen.extend(page.versions().iter().map(|v| v.is_latest().unwrap()));
        if page.is_truncated() != Some(true) {
            break;
        }
        (key, id) = (page.next_key_marker, page.next_version_id_marker);
    }
    assert_eq!(seen, [true, false, false, false, false]);
}

#[tokio::test]
async fn a_write_that_is_refused_leaves_no_version() {
    let bucket = Bucket::new().await;
    bucket.s3.keep_versions(BUCKET).unwrap();
    bucket.put(KEY, b"first").await;
    let put = bucket.client.put_object().bucket(BUCKET).key(KEY);
    let put = put
        .body(ByteStream::from_static(b"second"))
        .if_none_match("*");
    assert_eq!(status(put.send().await), 412);
    let list = bucket.client.list_object_versions().bucket(BUCKET);
    assert_eq!(list.send().await.unwrap().versions().len(), 1);
}
