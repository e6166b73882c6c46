//! S3 through the AWS SDK with the options it has by itself.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumMode, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier,
};
use sandbox_s3::S3;
use tempfile::TempDir;

const BUCKET: &str = "bucket";
const KEY: &str = "production/bird/2020/1/1/22/trips.json";

async fn server() -> (TempDir, S3, Client) {
    let folder = tempfile::tempdir().unwrap();
    let s3 = S3::start(folder.path()).await.unwrap();
    s3.create_bucket(BUCKET).unwrap();
    let client = client(&s3, s3.secret_key());
    (folder, s3, client)
}

fn client(s3: &S3, secret_key: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(
            s3.access_key(),
            secret_key,
            None,
            None,
            "test",
        ))
        .region(Region::from_static("us-east-1"))
        .endpoint_url(s3.endpoint_url())
        .force_path_style(true)
        .build();
    Client::from_conf(config)
}

async fn put(client: &Client, key: &str, body: &'static [u8]) -> String {
    let answer = client
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .body(ByteStream::from_static(body))
        .send()
        .await
        .unwrap();
    answer.e_tag.unwrap()
}

async fn get(client: &Client, key: &str) -> Vec<u8> {
    let answer = client
        .get_object()
        .bucket(BUCKET)
        .key(key)
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    answer.body.collect().await.unwrap().to_vec()
}

async fn multipart(client: &Client, key: &str, parts: &[Vec<u8>]) -> String {
    let (upload, parts) = send_parts(client, key, parts).await;
    complete(client, key, &upload, parts).await
}

async fn send_parts(
    client: &Client,
    key: &str,
    parts: &[Vec<u8>],
) -> (String, CompletedMultipartUpload) {
    let begun = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .content_type("application/json")
        .send()
        .await
        .unwrap();
    let upload = begun.upload_id.unwrap();
    let mut completed = CompletedMultipartUpload::builder();
    for (number, part) in (1..).zip(parts) {
        let request = client
            .upload_part()
            .bucket(BUCKET)
            .key(key)
            .upload_id(&upload)
            .part_number(number);
        let etag = request
            .body(ByteStream::from(part.clone()))
            .send()
            .await
            .unwrap()
            .e_tag
            .unwrap();
        completed = completed.parts(
            CompletedPart::builder()
                .part_number(number)
                .e_tag(etag)
                .build(),
        );
    }
    (upload, completed.build())
}

async fn complete(
    client: &Client,
    key: &str,
    upload: &str,
    parts: CompletedMultipartUpload,
) -> String {
    let request = client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .upload_id(upload);
    let answer = request.multipart_upload(parts).send().await.unwrap();
    answer.e_tag.unwrap()
}

fn status<E, R>(result: Result<R, SdkError<E>>) -> u16
where
    R: std::fmt::Debug,
    E: std::fmt::Debug,
{
    result
        .unwrap_err()
        .raw_response()
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let (folder, _s3, client) = server().await;
    let etag = put(&client, KEY, b"first").await;
    assert_eq!(get(&client, KEY).await, b"first");
    let head = client
        .head_object()
        .bucket(BUCKET)
        .key(KEY)
        .send()
        .await
        .unwrap();
    assert_eq!(head.e_tag.as_deref(), Some(etag.as_str()));
    assert_eq!(
        std::fs::read(folder.path().join(BUCKET).join(KEY)).unwrap(),
        b"first"
    );
}

#[tokio::test]
async fn an_etag_changes_with_the_content_only() {
    let (folder, s3, client) = server().await;
    let first = put(&client, KEY, b"first").await;
    assert_eq!(put(&client, KEY, b"first").await, first);
    let second = put(&client, KEY, b"second").await;
    assert_ne!(first, second);
    drop(s3);
    let again = S3::start(folder.path()).await.unwrap();
    let client = self::client(&again, again.secret_key());
    let head = client
        .head_object()
        .bucket(BUCKET)
        .key(KEY)
        .send()
        .await
        .unwrap();
    assert_eq!(head.e_tag, Some(second));
}

#[tokio::test]
async fn several_parts_make_one_object_over_an_older_one() {
    let (_folder, _s3, client) = server().await;
    put(&client, KEY, b"older").await;
    let parts = [vec![b'a'; 5 << 20], vec![b'b'; 5 << 20], b"end".to_vec()];
    let etag = multipart(&client, KEY, &parts).await;
    assert!(etag.ends_with("-3\""), "{etag}");
    assert_eq!(get(&client, KEY).await, parts.concat());
}

#[tokio::test]
async fn an_upload_ends_alike_on_the_server_that_it_began_on_and_on_the_next() {
    let (folder, s3, client) = server().await;
    let parts = [vec![b'a'; 5 << 20], b"end".to_vec()];
    let here = multipart(&client, "here", &parts).await;
    let (upload, sent) = send_parts(&client, "there", &parts).await;
    drop(s3);
    let next = S3::start(folder.path()).await.unwrap();
    let client = self::client(&next, next.secret_key());
    let there = complete(&client, "there", &upload, sent).await;
    assert_eq!(here, there);
    for key in ["here", "there"] {
        assert_eq!(get(&client, key).await, parts.concat());
        let head = client.head_object().bucket(BUCKET).key(key).send().await;
        let head = head.unwrap();
        assert_eq!(head.e_tag.as_deref(), Some(here.as_str()));
        assert_eq!(head.content_type.as_deref(), Some("application/json"));
    }
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".upload") || name.starts_with(".tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_part_but_the_last_that_is_too_small_is_refused() {
    let (_folder, _s3, client) = server().await;
    let parts = [b"small".to_vec(), b"end".to_vec()];
    let (upload, sent) = send_parts(&client, KEY, &parts).await;
    let request = client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key(KEY)
        .upload_id(upload);
    assert_eq!(status(request.multipart_upload(sent).send().await), 400);
    assert_eq!(
        status(client.head_object().bucket(BUCKET).key(KEY).send().await),
        404
    );
}

#[tokio::test]
async fn an_aborted_upload_shows_nothing() {
    let (_folder, _s3, client) = server().await;
    let begun = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(KEY)
        .send()
        .await
        .unwrap();
    let upload = begun.upload_id.unwrap();
    let part = client
        .upload_part()
        .bucket(BUCKET)
        .key(KEY)
        .upload_id(&upload)
        .part_number(1);
    part.body(ByteStream::from_static(b"part"))
        .send()
        .await
        .unwrap();
    client
        .abort_multipart_upload()
        .bucket(BUCKET)
        .key(KEY)
        .upload_id(&upload)
        .send()
        .await
        .unwrap();
    assert_eq!(
        status(client.get_object().bucket(BUCKET).key(KEY).send().await),
        404
    );
    let listed = client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert!(listed.contents().is_empty());
}

#[tokio::test]
async fn a_list_has_pages_etags_and_prefixes() {
    let (_folder, _s3, client) = server().await;
    let mut etags = Vec::new();
    for hour in 10..17 {
        etags.push(
            put(
                &client,
                &format!("production/bird/2020/1/1/{hour}/trips.json"),
                b"x",
            )
            .await,
        );
    }
    put(&client, "staging/bird/2020/1/1/1/trips.json", b"x").await;
    let mut pages = client
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("production/bird/")
        .max_keys(3)
        .into_paginator()
        .send();
    let mut sizes = Vec::new();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        sizes.push(page.contents().len());
        listed.extend(
            page.contents()
                .iter()
                .map(|object| (object.key.clone().unwrap(), object.e_tag.clone().unwrap())),
        );
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert!(listed.is_sorted());
    assert_eq!(
        listed
            .iter()
            .map(|(_, etag)| etag.clone())
            .collect::<Vec<_>>(),
        etags
    );
    let top = client
        .list_objects_v2()
        .bucket(BUCKET)
        .delimiter("/")
        .send()
        .await
        .unwrap();
    let prefixes: Vec<_> = top
        .common_prefixes()
        .iter()
        .filter_map(|prefix| prefix.prefix())
        .collect();
    assert_eq!(prefixes, ["production/", "staging/"]);
}

#[tokio::test]
async fn deleting_and_copying() {
    let (_folder, _s3, client) = server().await;
    let etag = put(&client, KEY, b"x").await;
    let copied = client
        .copy_object()
        .bucket(BUCKET)
        .key("copy/of it")
        .copy_source(format!("{BUCKET}/{KEY}"));
    let copied = copied.send().await.unwrap().copy_object_result.unwrap();
    assert_eq!(copied.e_tag, Some(etag));
    assert_eq!(get(&client, "copy/of it").await, b"x");
    client
        .delete_object()
        .bucket(BUCKET)
        .key(KEY)
        .send()
        .await
        .unwrap();
    client
        .delete_object()
        .bucket(BUCKET)
        .key(KEY)
        .send()
        .await
        .unwrap();
    assert_eq!(
        status(client.get_object().bucket(BUCKET).key(KEY).send().await),
        404
    );
    let all = Delete::builder()
        .objects(
            ObjectIdentifier::builder()
                .key("copy/of it")
                .build()
                .unwrap(),
        )
        .build()
        .unwrap();
    client
        .delete_objects()
        .bucket(BUCKET)
        .delete(all)
        .send()
        .await
        .unwrap();
    assert_eq!(
        status(
            client
                .head_object()
                .bucket(BUCKET)
                .key("copy/of it")
                .send()
                .await
        ),
        404
    );
}

#[tokio::test]
async fn conditions_of_reads_and_writes_hold() {
    let (_folder, _s3, client) = server().await;
    let missing = client
        .put_object()
        .bucket(BUCKET)
        .key(KEY)
        .if_match("\"0\"")
        .send()
        .await;
    assert_eq!(status(missing), 412);
    let first = put(&client, KEY, b"first").await;
    assert_eq!(
        status(
            client
                .put_object()
                .bucket(BUCKET)
                .key(KEY)
                .if_none_match("*")
                .send()
                .await
        ),
        412
    );
    client
        .put_object()
        .bucket(BUCKET)
        .key(KEY)
        .if_match(&first)
        .body(ByteStream::from_static(b"2"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        status(
            client
                .put_object()
                .bucket(BUCKET)
                .key(KEY)
                .if_match(&first)
                .send()
                .await
        ),
        412
    );
    assert_eq!(get(&client, KEY).await, b"2");
    assert_eq!(
        status(
            client
                .get_object()
                .bucket(BUCKET)
                .key(KEY)
                .if_match(&first)
                .send()
                .await
        ),
        412
    );
    let now = client
        .head_object()
        .bucket(BUCKET)
        .key(KEY)
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap();
    assert_eq!(
        status(
            client
                .get_object()
                .bucket(BUCKET)
                .key(KEY)
                .if_none_match(now)
                .send()
                .await
        ),
        304
    );
}

#[tokio::test]
async fn only_one_of_many_creates_an_object() {
    let (_folder, _s3, client) = server().await;
    let attempts = (0..20).map(|_| {
        let request = client
            .put_object()
            .bucket(BUCKET)
            .key(KEY)
            .if_none_match("*");
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
    let (_folder, _s3, client) = server().await;
    put(&client, KEY, b"0").await;
    let writers = (0..4_u8).map(|writer| {
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                let body = vec![writer; 100_000 + usize::from(writer)];
                client
                    .put_object()
                    .bucket(BUCKET)
                    .key(KEY)
                    .body(ByteStream::from(body))
                    .send()
                    .await
                    .unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let body = get(&client, KEY).await;
        assert!(body.iter().all(|byte| *byte == body[0]));
    }
}

#[tokio::test]
async fn a_wrong_secret_key_and_a_wrong_bucket_are_refused() {
    let (_folder, s3, client) = server().await;
    let stranger = self::client(&s3, "wrong");
    assert_eq!(
        status(stranger.get_object().bucket(BUCKET).key(KEY).send().await),
        403
    );
    assert_eq!(
        status(client.put_object().bucket("nowhere").key(KEY).send().await),
        404
    );
    assert!(s3.create_bucket("No Bucket").is_err());
}
